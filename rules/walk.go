package rules

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// counting says which strings below a value are text of the prompt.
type counting int

const (
	countNone counting = iota
	countText          // strings, and the members of objects that hold text
	countAll           // every string and every name
)

// walker goes over JSON once and adds what it finds to a survey: the size of its text,
// images and files. It copies nothing. The JSON is well-formed, since ingress has checked
// it; of anything else the walker reads as much as makes sense, and stays within bounds.
type walker struct {
	b     []byte
	at    int
	depth int
	found *survey
}

// maxWalk is how deep the walker goes. Ingress refuses bodies that are deeper than
// llm.MaxDepth, which is less.
const maxWalk = 1000

func (w *walker) peek() byte {
	if w.at < len(w.b) {
		return w.b[w.at]
	}
	return 0
}

// more skips to the next element or member, and past the closing brace when there is none.
func (w *walker) more(closing byte) bool {
	for w.at < len(w.b) {
		switch c := w.b[w.at]; c {
		case ' ', '\t', '\n', '\r', ',', ':':
			w.at++
		case closing:
			w.at++
			return false
		default:
			return true
		}
	}
	return false
}

// value reads one value.
func (w *walker) value(c counting) {
	w.depth++
	defer func() { w.depth-- }()
	switch w.peek() {
	case '"':
		s := w.string()
		if c != countNone {
			w.found.tokens.addEscaped(s)
		}
	case '[':
		w.at++
		for w.depth < maxWalk && w.more(']') {
			w.value(c)
		}
	case '{':
		w.at++
		for w.depth < maxWalk && w.more('}') {
			w.member(c)
		}
	default:
		w.scalar(c)
	}
}

// member reads one member of an object.
func (w *walker) member(c counting) {
	if w.peek() != '"' {
		w.at++ // not JSON
		return
	}
	name := w.string()
	if !w.more(0) {
		return
	}
	switch {
	case c == countAll:
		w.found.tokens.addEscaped(name)
		w.value(countAll)
	case c == countText && string(name) == "type" && w.peek() == '"':
		w.kind(w.string())
	case c == countText && holdsText(name):
		w.value(countText)
	default:
		w.value(countNone)
	}
}

// holdsText says whether a member of a message, a part or an item has text of the prompt in
// it, or objects that have. Image and file data, ids, roles and encrypted reasoning are none.
func holdsText(name []byte) bool {
	switch string(name) {
	case "content", "text", "refusal", // messages and their parts
		"tool_calls", "function", "function_call", "custom", "name", "arguments", "input", // calls
		"output",  // results of calls (Responses)
		"summary": // reasoning (Responses)
		return true
	default:
		return false
	}
}

// kind looks at a part's type. The types are those of chat and Responses, and the words that
// other vendors use for the same (sources:
// https://platform.openai.com/docs/api-reference/chat/create,
// https://platform.openai.com/docs/api-reference/responses/create,
// https://docs.anthropic.com/en/api/messages, https://openrouter.ai/docs).
func (w *walker) kind(name []byte) {
	switch string(name) {
	case "image_url", "input_image", "image", "computer_screenshot":
		w.found.images = true
	case "file", "input_file", "document", "input_audio", "audio_url", "video_url", "input_video":
		w.found.files = true
	}
}

// scalar reads a number or a literal. Numbers where text is expected are token ids.
func (w *walker) scalar(c counting) {
	start := w.at
	for w.at < len(w.b) && bytes.IndexByte([]byte(" \t\r\n,:]}"), w.b[w.at]) < 0 {
		w.at++
	}
	if w.at == start {
		w.at++ // not JSON
		return
	}
	if d := w.b[start]; c == countText && '0' <= d && d <= '9' {
		w.found.tokens.ids++
	}
}

// string reads a string and returns what is between its quotes, escapes as they are.
func (w *walker) string() []byte {
	start := w.at + 1
	for end := start; ; end++ {
		next := bytes.IndexByte(w.b[end:], '"')
		if next < 0 {
			w.at = len(w.b)
			return w.b[start:]
		}
		end += next
		escapes := 0
		for i := end - 1; i >= start && w.b[i] == '\\'; i-- {
			escapes++
		}
		if escapes%2 == 0 {
			w.at = end + 1
			return w.b[start:end]
		}
	}
}

// textSize is how much text there is: bytes of UTF-8 in ASCII characters and in others, and
// token ids where a prompt is given as such.
type textSize struct{ ascii, other, ids int }

// estimate returns the number of tokens: four ASCII bytes or three others make one.
func (t *textSize) estimate() int { return (3*t.ascii+4*t.other+11)/12 + t.ids }

// add counts plain text.
func (t *textSize) add(b []byte) {
	other := 0
	rest := b
	for ; len(rest) >= 8; rest = rest[8:] {
		other += bits.OnesCount64(binary.LittleEndian.Uint64(rest) & 0x8080808080808080)
	}
	for _, c := range rest {
		other += int(c >> 7)
	}
	t.other += other
	t.ascii += len(b) - other
}

// addEscaped counts the text that a JSON string stands for.
func (t *textSize) addEscaped(b []byte) {
	for {
		i := bytes.IndexByte(b, '\\')
		if i < 0 || i+1 >= len(b) {
			t.add(b)
			return
		}
		t.add(b[:i])
		if b[i+1] != 'u' || i+6 > len(b) {
			t.ascii++
			b = b[i+2:]
			continue
		}
		t.addUnit(b[i+2 : i+6])
		b = b[i+6:]
	}
}

// addUnit counts a character written as four hexadecimal digits of UTF-16: two bytes of
// UTF-8 up to U+07FF, three above; the two halves of a surrogate pair make four.
func (t *textSize) addUnit(hex []byte) {
	switch {
	case hex[0] == '0' && hex[1] == '0' && hex[2] < '8':
		t.ascii++
	case hex[0] == '0' && hex[1] < '8', (hex[0] == 'd' || hex[0] == 'D') && hex[1] >= '8':
		t.other += 2
	default:
		t.other += 3
	}
}
