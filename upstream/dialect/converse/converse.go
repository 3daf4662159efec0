// Package converse is Amazon Bedrock's Converse API, which all the chat models on Bedrock speak:
// New translates between chat, the hub, and Converse, and Frames reads the binary event stream
// in which ConverseStream answers.
//
// Values are copied as the bytes they came in, so that numbers and texts stay what they are.
// What has no counterpart and changes what is asked is refused, as a *dialect.UnsupportedError;
// what is only a hint is left out and named in Dropped. Converse has a base set of parameters;
// members that neither the hub nor that set is known to have go into
// additionalModelRequestFields, which Bedrock hands to the model, and which refuses what it
// does not know.
//
// Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html,
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html,
// https://platform.openai.com/docs/api-reference/chat.
package converse

import (
	"crypto/rand"
	"time"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// translator implements dialect.Translator.
type translator struct {
	// model is what replies say that they are from: Converse's own do not say it.
	model string
	// now and newID are the time that replies say they were made at, and their id, neither of
	// which Converse says.
	now   func() time.Time
	newID func() string
}

// New returns what translates chat into Converse, and replies back. Its replies name no model.
func New() dialect.Translator { return NewFor("") }

// NewFor is New for replies that name the model, as clients of chat expect: Converse itself
// names it in the URL of the request alone.
func NewFor(model string) dialect.Translator {
	return translator{model: model, now: time.Now, newID: func() string { return "chatcmpl-" + rand.Text() }}
}

// Stream implements dialect.Translator.
func (t translator) Stream() dialect.Stream { return &stream{from: t} }

var (
	_ dialect.Translator = translator{}
	_ dialect.Stream     = (*stream)(nil)
)

// head returns how a reply is known.
func (t translator) head() hub.Head {
	return hub.Head{ID: hub.Quote(t.newID()), Model: hub.Quote(t.model), Created: t.now().Unix()}
}
