// Package gemini is Google's generateContent dialect, which Gemini models speak at AI Studio
// and at Vertex AI. It turns requests of chat, the hub, into Google's, and replies and streams
// of Google into the hub's.
//
// What the hub has no word for travels in the form that Google's own OpenAI-compatible
// endpoint has given it: extra_content.google.thought_signature at a tool call or a message,
// and extra_body.google in a request.
//
// Sources: https://ai.google.dev/api/generate-content,
// https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.publishers.models/generateContent,
// https://ai.google.dev/gemini-api/docs/openai.
package gemini

import (
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// New returns the translator of the dialect. It has no state.
func New() dialect.Translator { return translator{} }

type translator struct{}

// Stream implements dialect.Translator.
func (translator) Stream() dialect.Stream { return &stream{} }

var (
	_ dialect.Translator = translator{}
	_ dialect.Stream     = (*stream)(nil)
)
