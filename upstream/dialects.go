package upstream

import (
	"strconv"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/chat"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/cohere"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/completions"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/converse"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/embeddings"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/gemini"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/messages"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/rerank"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/responses"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/titan"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/typed"
	"github.com/mulligan-gateway/mulligan/upstream/provider"
)

// spoken is a dialect as vendors speak it at one endpoint.
type spoken struct {
	dialect  string // as the vendor table has it
	endpoint llm.Endpoint
}

// translators are what turns the hub's requests into the dialects that providers speak beside
// OpenAI's. The model is the target's: not every dialect's replies say which one they are of.
var translators = map[spoken]func(model string) dialect.Plain{
	{provider.DialectCohere, llm.Chat}:   of(cohere.NewFor),
	{provider.DialectConverse, llm.Chat}: of(converse.NewFor),
	{provider.DialectGemini, llm.Chat}:   always(gemini.New()),
	{provider.DialectMessages, llm.Chat}: always(messages.New()),

	{provider.DialectGemini, llm.Embeddings}: of(gemini.NewEmbeddings),
	{provider.DialectCohere, llm.Embeddings}: of(cohere.NewEmbeddings),
	{provider.DialectTitan, llm.Embeddings}:  of(titan.NewEmbeddings),

	{provider.DialectCohere, llm.Rerank}: of(cohere.NewRerank),

	{provider.DialectGemini, llm.CountTokens}:   fromMessages(gemini.NewCount),
	{provider.DialectMessages, llm.CountTokens}: always(messages.NewCount()),
}

func always(t dialect.Plain) func(string) dialect.Plain {
	return func(string) dialect.Plain { return t }
}

func of[T dialect.Plain](newFor func(model string) T) func(string) dialect.Plain {
	return func(model string) dialect.Plain { return newFor(model) }
}

// byWay is a dialect that turns chat into its own, asked by clients that speak another.
type byWay struct {
	door dialect.FrontDoor
	dialect.Plain
}

// fromMessages returns a dialect for clients that speak messages.
func fromMessages(newFor func(model string) dialect.Plain) func(string) dialect.Plain {
	return func(model string) dialect.Plain { return byWay{doors[llm.Messages], newFor(model)} }
}

// Request implements dialect.Plain.
func (w byWay) Request(q dialect.Question) (dialect.Translated, error) {
	asked, err := w.door.Question(q.Body)
	if err != nil {
		return dialect.Translated{}, err
	}
	q.Body = asked.Body
	said, err := w.Plain.Request(q)
	said.Dropped = append(asked.Dropped, said.Dropped...)
	return said, err
}

// translator returns the dialect in which the target's provider speaks of an endpoint, nil for
// OpenAI's.
func (t *Target) translator(e llm.Endpoint) dialect.Plain {
	newFor := translators[spoken{t.Provider.Dialect(e, t.Model), e}]
	if newFor == nil {
		return nil
	}
	return newFor(t.Model)
}

// reshape returns a reply in the form that its client has asked for, where not every provider
// knows that form: the encoding of embeddings, and documents in a ranking.
func reshape(q *llm.Request, reply []byte) ([]byte, error) {
	switch q.Endpoint {
	case llm.Embeddings:
		format, _ := q.Doc.String("encoding_format")
		return embeddings.Encode(reply, embeddings.Format(format))
	case llm.Rerank:
		if wanted, _ := q.Doc.Bool("return_documents"); wanted {
			documents, _ := q.Doc.Get("documents")
			return rerank.AddDocuments(reply, documents)
		}
	}
	return reply, nil
}

// doors are the dialects that clients speak at endpoints which providers need not have: they
// are answered by way of the hub.
var doors = map[llm.Endpoint]dialect.FrontDoor{
	llm.Completions: completions.NewFrontDoor(),
	llm.Messages:    messages.NewFrontDoor(),
	llm.Responses:   responses.NewFrontDoor(),
}

// saysUsage says whether streams of an endpoint say their usage unasked. The others say it to
// clients that ask by stream_options.
func saysUsage(e llm.Endpoint) bool { return e == llm.Messages || e == llm.Responses }

// newWatcher returns what looks at a reply of an endpoint. This is the list of dialects.
// hideUsage says that Mulligan asked for a stream's usage and the client did not.
func newWatcher(e llm.Endpoint, hideUsage bool) dialect.Watcher {
	switch e {
	case llm.Chat, llm.Completions:
		return chat.NewWatcher(hideUsage) // see spokenAsChat
	case llm.Messages:
		return messages.NewWatcher()
	case llm.Responses:
		return responses.NewWatcher()
	default:
		return typed.NewWatcher()
	}
}

// spokenAsChat says whether chat.Watcher looks at the replies of an endpoint.
func spokenAsChat(e llm.Endpoint) bool { return e == llm.Chat || e == llm.Completions }

// expectChoices tells a watcher of chat how many choices its client has asked for.
func expectChoices(w dialect.Watcher, q *llm.Request) {
	chatWatcher, ok := w.(*chat.Watcher)
	if !ok || q.Doc.IsForm() {
		return
	}
	if raw, ok := q.Doc.Get("n"); ok {
		if n, err := strconv.Atoi(string(raw)); err == nil && n > 1 {
			chatWatcher.Expect(n)
		}
	}
}

// ErrorEvent returns the event that ends a stream of an endpoint with an error, for a stream
// that was begun before there was a reply.
func ErrorEvent(endpoint llm.Endpoint, e *llm.Error) []byte {
	return newWatcher(endpoint, false).AppendError(nil, e)
}

// ErrorBody returns an error as the body of a reply at an endpoint: in the dialect of its
// clients.
func ErrorBody(endpoint llm.Endpoint, e *llm.Error) []byte {
	if endpoint == llm.CountTokens {
		endpoint = llm.Messages // whose clients have it
	}
	if door := doors[endpoint]; door != nil {
		return door.AppendError(nil, e)
	}
	return e.AppendJSON(nil)
}

// repliesInJSON says whether a plain reply of an endpoint is JSON whatever its Content-Type
// says. The others may be sound or text.
func repliesInJSON(e llm.Endpoint) bool {
	switch e {
	case llm.Speech, llm.Transcriptions, llm.Translations:
		return false
	default:
		return true
	}
}
