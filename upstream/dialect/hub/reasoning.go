package hub

import (
	"strconv"

	"github.com/tidwall/gjson"
)

// Reasoning goes through chat twice: as reasoning_content, a text that people read, and as
// reasoning_details, which a client sends back with the message so that the model can go on
// from what it thought. The form of the details is OpenRouter's; their format says whose they
// are, since what one vendor has signed or encrypted is worth nothing to another.
// Source: https://openrouter.ai/docs/guides/best-practices/reasoning-tokens.

// The formats of details that are not one dialect's alone.
const (
	AnthropicFormat = "anthropic-claude-v1" // signed by Anthropic, on whichever platform
	GoogleFormat    = "google-gemini-v1"
	OpenAIFormat    = "openai-responses-v1"
)

// Detail is an element of reasoning_details that a dialect writes. Its values are JSON strings,
// "" for none.
type Detail[T string | []byte] struct {
	Text, Signature T // of a detail of the type reasoning.text
	Data            T // of one of the type reasoning.encrypted
	Format          string
	Index           int // the deltas of one detail have the same
}

// beforeText is what a detail is before its text.
const beforeText = `{"type":"reasoning.text","text":`

// Append appends the detail.
func (d Detail[T]) Append(b []byte) []byte {
	if len(d.Data) > 0 {
		b = append(append(b, `{"type":"reasoning.encrypted","data":`...), d.Data...)
	} else {
		if len(d.Text) > 0 {
			b = append(append(b, beforeText...), d.Text...)
		} else {
			b = append(b, `{"type":"reasoning.text"`...)
		}
		if len(d.Signature) > 0 {
			b = append(append(b, `,"signature":`...), d.Signature...)
		}
	}
	if d.Format != "" {
		b = append(append(append(b, `,"format":"`...), d.Format...), '"')
	}
	b = append(b, `,"index":`...)
	return append(strconv.AppendInt(b, int64(d.Index), 10), '}')
}

// Thought is a piece of reasoning that a client has sent back, whole.
type Thought struct {
	// Text is the inside of the text, and Signature its signature, a JSON string; for one that
	// is not encrypted.
	Text      []byte
	Signature string
	// Data is what is encrypted, the zero Result for none, and ID the id of the call that it
	// belongs to, "" for none.
	Data   gjson.Result
	ID     string
	Format string
}

// EachThought calls f with each piece of reasoning in a message whose format the model takes
// back. Clients keep the deltas of a stream in two ways, joined or one by one, so texts of one
// index are joined until the signature comes; the text is gone after the call. It returns
// whether there was any, and whether anything was lost: what is of another format, or has no
// signature.
func (m *Message) EachThought(takes func(format string) bool, f func(t Thought)) (some, lost bool) {
	var text []byte
	var index int64
	m.Details.ForEach(func(_, d gjson.Result) bool {
		format := d.Get("format").Str
		if !takes(format) {
			lost = true
			return true
		}
		switch d.Get("type").Str {
		case "reasoning.text":
			if at := d.Get("index").Int(); at != index {
				lost = lost || len(text) > 0
				text, index = text[:0], at
			}
			text = append(text, Inside(d.Get("text"))...)
			signature := d.Get("signature")
			if Inside(signature) == "" {
				return true
			}
			some = true
			f(Thought{Text: text, Signature: signature.Raw, Format: format})
			text = text[:0]
		case "reasoning.encrypted":
			if data := d.Get("data"); Inside(data) != "" {
				some = true
				f(Thought{Data: data, ID: d.Get("id").Str, Format: format})
			}
		default:
			lost = true
		}
		return true
	})
	return some, lost || len(text) > 0
}

// DropThoughts names what of a message's reasoning does not go back; some and lost are what
// EachThought has returned. The text alone is no loss where the details go back.
func (m *Message) DropThoughts(d *Drops, some, lost bool) {
	if lost {
		d.Add("reasoning_details")
	}
	if !some && Inside(m.Reasoning) != "" {
		d.Add("reasoning_content")
	}
}
