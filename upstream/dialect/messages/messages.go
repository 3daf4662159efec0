// Package messages is Anthropic's Messages API, in both directions: New translates between
// chat, the hub, and a provider that speaks messages (Anthropic itself, Claude on Bedrock and
// on Vertex AI); NewFrontDoor translates between a client that speaks messages and the hub.
//
// Values are copied as the bytes they came in, so that numbers and texts stay what they are.
// What has no counterpart and changes what is asked is refused, as a *dialect.UnsupportedError; what
// is only a hint is left out and named in Dropped. Members that neither API is known to have
// are passed on: the provider refuses what it does not know, and names it.
//
// Sources: https://platform.claude.com/docs/en/api/messages (request and reply),
// https://platform.claude.com/docs/en/build-with-claude/streaming (events),
// https://platform.openai.com/docs/api-reference/chat.
package messages

import (
	"time"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// translator implements dialect.Translator.
type translator struct {
	// now is the time that replies say they were made at, which messages do not say.
	now func() time.Time
}

// New returns what translates chat into messages, and replies back.
func New() dialect.Translator { return translator{time.Now} }

// frontDoor implements dialect.FrontDoor.
type frontDoor struct{}

// NewFrontDoor returns what translates messages into chat, and replies back. It serves
// POST /v1/messages.
func NewFrontDoor() dialect.FrontDoor { return frontDoor{} }

var (
	_ dialect.Translator = translator{}
	_ dialect.FrontDoor  = frontDoor{}
)
