package gemini

import (
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// A thought signature is what a model has thought, encrypted, at a part of its answer; it must
// be at the same part when the answer is sent back, and for Gemini 3 the request is refused
// where the first function call of a step has none
// (source: https://ai.google.dev/gemini-api/docs/thought-signatures). On the way through an
// OpenAI client it is
//
//   - at a tool call, tool_calls[].extra_content.google.thought_signature, as at Google's own
//     compatible endpoint;
//   - at a text, extra_content.google.thought_signature of the message, and for clients that
//     keep what OpenRouter defines, an item of reasoning_details of type reasoning.encrypted;
//   - at a thought, the signature of its item of reasoning_details.

// detailFormat marks reasoning details that are Google's, as OpenRouter marks them: those of
// other vendors mean nothing to Gemini
// (source: https://openrouter.ai/docs/guides/best-practices/reasoning-tokens).
const detailFormat = hub.GoogleFormat

// placeholder is the signature that Google documents for calls which no Gemini has made, such
// as those of another model earlier in the conversation. AI Studio knows a second one, Vertex
// AI this one alone (sources: https://ai.google.dev/gemini-api/docs/thought-signatures#faqs,
// https://cloud.google.com/vertex-ai/generative-ai/docs/thought-signatures).
const placeholder = `"skip_thought_signature_validator"`

// signatureIn returns the signature in the extra_content of v as JSON, or "".
func signatureIn(v gjson.Result) string {
	s := v.Get("extra_content.google.thought_signature")
	if hub.Inside(s) == "" {
		return ""
	}
	return s.Raw
}

// details are the signatures in the reasoning_details of a message, as JSON.
type details struct {
	// text is that of the text, and first that of the first call.
	text, first string
	// calls are those of calls, by their ids: OpenRouter's form.
	calls map[string]string
	// thoughts are whole parts.
	thoughts []string
}

func detailsOf(m *hub.Message) (d details) {
	m.Details.ForEach(func(_, item gjson.Result) bool {
		if item.Get("format").String() != detailFormat {
			return true
		}
		data, signature, text := item.Get("data"), item.Get("signature"), item.Get("text")
		switch item.Get("type").String() {
		case "reasoning.encrypted":
			if hub.Inside(data) == "" {
				break
			}
			if id := item.Get("id").String(); id != "" {
				if d.calls == nil {
					d.calls = make(map[string]string)
				}
				d.calls[id] = data.Raw
				break
			}
			d.text = data.Raw
		case "reasoning.text":
			if hub.Inside(signature) != "" {
				part := hub.Quoted([]byte{'{'}, "text", []byte(hub.Inside(text)))
				d.thoughts = append(d.thoughts, string(part)+`,"thought":true,"thoughtSignature":`+signature.Raw+`}`)
			}
		}
		return true
	})
	return d
}

// of returns the signature of a message's call, or "".
func (d *details) of(call *hub.Call, i int) string {
	if s := signatureIn(call.All); s != "" {
		return s
	}
	if s := d.calls[call.ID]; s != "" {
		return s
	}
	if i == 0 {
		return d.first
	}
	return ""
}
