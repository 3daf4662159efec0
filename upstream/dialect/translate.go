package dialect

import (
	"fmt"

	"github.com/mulligan-gateway/mulligan/llm"
)

// Plain is how providers of a dialect speak of an endpoint that has no streams, such as
// embeddings. It turns the hub's requests, which are OpenAI's, into its own, and its replies
// into the hub's. Like a Translator it is pure and safe for concurrent use.
type Plain interface {
	// Request returns the dialect's request for a hub request. Its error is an *UnsupportedError
	// when the dialect cannot say what the request needs, or an *llm.Error for a request that is
	// damaged.
	Request(q Question) (Translated, error)
	// Reply returns the hub's reply for a plain one. Its error is ErrMalformed, or a
	// *ReportedError for a reply that is an error.
	Reply(body []byte) ([]byte, error)
}

// Translator is a dialect that providers speak and that is not the hub's. It turns requests of
// chat, the hub, into its own, and its replies into the hub's. Translators are pure: they know
// bytes, and neither networks nor keys. They are safe for concurrent use.
type Translator interface {
	Plain
	// Stream returns what translates one stream.
	Stream() Stream
}

// Stream translates the events of one stream into the hub's. It belongs to that stream.
type Stream interface {
	// Event appends the hub's events, whole and with their blank lines, for one of the
	// dialect's; often there is none. name is the event's type, "" when the framing has none.
	// Its error is ErrMalformed, or a *ReportedError for an event that is an error.
	Event(b []byte, name, data []byte) ([]byte, error)
	// End appends what the hub's stream still lacks when the dialect's has ended. A stream that
	// ended too early gets nothing, and so is seen to be broken.
	End(b []byte) []byte
}

// Question is a request to be translated.
type Question struct {
	// Body is the hub's request, a JSON object that has been checked.
	Body []byte
	// Model is the model's id at the provider.
	Model string
	// Stream says whether a stream is asked for.
	Stream bool
	// MaxOutput is how many tokens an answer of the model may have, for dialects that want a
	// limit in every request; 0 when that is not known.
	MaxOutput int64
}

// Translated is a request in a dialect.
type Translated struct {
	Body []byte
	// Dropped lists members of the hub's request that the dialect has no word for and that do
	// not change what is asked: hints such as user, seed or service_tier.
	Dropped []string
}

// UnsupportedError says that a request needs what a dialect cannot say.
type UnsupportedError struct {
	// Field is the member of the hub's request, such as logprobs or messages[2].content[0].
	Field string
	// Why says it in a few words, such as "has no log probabilities".
	Why string
}

// Error implements error.
func (e *UnsupportedError) Error() string { return fmt.Sprintf("%s: %s", e.Field, e.Why) }

// FrontDoor is a dialect that clients speak and that is not the hub's. It turns their requests
// into the hub's, and the hub's replies into its own.
type FrontDoor interface {
	// Question returns the hub's request for a client's. Its error is an *UnsupportedError, or an
	// *llm.Error for a request that is damaged.
	Question(body []byte) (Translated, error)
	Exit
}

// Exit turns the hub's replies into those of a dialect that clients speak.
type Exit interface {
	// Answer returns the dialect's reply for the hub's plain one.
	Answer(body []byte) ([]byte, error)
	// Events returns what turns the events of one of the hub's streams into the dialect's.
	Events() Stream
	// AppendError appends an error as the whole body of a reply.
	AppendError(b []byte, e *llm.Error) []byte
}
