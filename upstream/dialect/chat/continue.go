package chat

import (
	"bytes"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// maxSaid is how much of an answer is kept to be continued, in bytes.
const maxSaid = 1 << 20

// Said keeps what a stream has said, so that another model can go on from there. Only an
// answer of one choice that is nothing but text can be gone on with.
type Said struct {
	text  []byte
	other bool
}

// Add adds an event of the stream.
func (s *Said) Add(data []byte) {
	gjson.GetBytes(data, "choices").ForEach(func(_, choice gjson.Result) bool {
		s.other = s.other || choice.Get("index").Int() != 0
		choice.Get("delta").ForEach(func(key, value gjson.Result) bool {
			switch {
			case key.Str == "content" && value.Type == gjson.String:
				s.text = append(s.text, value.Str...)
			case key.Str == "role", dialect.IsEmpty([]byte(value.Raw)):
			default:
				s.other = true
			}
			return true
		})
		return true
	})
	if len(s.text) > maxSaid {
		s.text, s.other = nil, true
	}
}

// Text returns the answer so far, and false when it cannot be gone on with.
func (s *Said) Text() ([]byte, bool) { return s.text, !s.other && len(s.text) > 0 }

// ContinueRequest returns the body of a chat request whose answer begins with a text: the
// text stands behind the messages as the assistant's, which models that take a prefilled
// answer go on from. It returns false for a body without messages.
func ContinueRequest(body, said []byte) ([]byte, bool) {
	doc, err := llm.ParseJSON(body)
	if err != nil {
		return nil, false
	}
	m := doc.Find("messages")
	if m == nil || body[m.ValueStart] != '[' {
		return nil, false
	}
	end := m.ValueEnd - 1
	out := append(make([]byte, 0, len(body)+len(said)+64), body[:end]...)
	if len(bytes.TrimSpace(body[m.ValueStart+1:end])) > 0 {
		out = append(out, ',')
	}
	out = append(out, `{"role":"assistant","content":`...)
	out = llm.AppendString(out, string(said))
	out = append(out, '}')
	return append(out, body[end:]...), true
}

// ContinueEvents returns whole events of a stream that goes on with another: their chunks
// have the id of the first stream, since clients put together what has the same id.
func ContinueEvents(events []byte, id string) []byte {
	out := make([]byte, 0, len(events)+64)
	for line := range bytes.Lines(events) {
		data, ok := bytes.CutPrefix(line, []byte("data:"))
		chunk := bytes.TrimSpace(data)
		if !ok || len(chunk) == 0 || chunk[0] != '{' {
			out = append(out, line...)
			continue
		}
		if renamed, err := sjson.SetBytes(chunk, "id", id); err == nil {
			chunk = renamed
		}
		out = append(append(append(out, "data: "...), chunk...), '\n')
	}
	return out
}
