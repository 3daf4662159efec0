package chat

import (
	"bytes"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// twin is an event of a stream that was read in full and held nothing but a piece of text.
// Most events that follow it are the same but for that text, and for OpenAI's obfuscation: what
// was found in it holds for them, too. So they are compared with it, string by string, in place
// of being read: that costs a tenth.
type twin struct {
	data []byte // the event; empty when there is none
	// free are the strings that may differ, without their quotes, in the order of the event.
	free     [2]span
	frees    int
	text     int // index of the text in free
	from, to int // what the client is not to see of the event; equal for nothing
}

// span is from and to in an event.
type span struct{ from, to int }

// match says whether an event is the same but for its free strings. Then it returns how long
// its text is, and what of it the client is not to see.
func (t *twin) match(data []byte) (text, from, to int, ok bool) {
	lengths, end, ok := t.begins(data)
	if !ok || end != len(data) {
		return 0, 0, 0, false
	}
	from, to = t.from, t.to
	for i, f := range t.free[:t.frees] {
		longer := lengths[i] - (f.to - f.from)
		if t.from >= f.to {
			from += longer
		}
		if t.to >= f.to {
			to += longer
		}
	}
	return lengths[t.text], from, to, true
}

// begins says whether data begins with an event that is the same but for its free strings. Then
// it returns how long these are, and where the event ends.
func (t *twin) begins(data []byte) (lengths [2]int, end int, ok bool) {
	if len(t.data) == 0 {
		return lengths, 0, false
	}
	same := 0 // in t.data, as end is in data
	for i, f := range t.free[:t.frees] {
		fixed := t.data[same:f.from]
		if !bytes.HasPrefix(data[end:], fixed) {
			return lengths, 0, false
		}
		end += len(fixed)
		n := dialect.StringLength(data[end:])
		if n < 0 {
			return lengths, 0, false
		}
		lengths[i] = n
		end, same = end+n, f.to
	}
	fixed := t.data[same:]
	return lengths, end + len(fixed), bytes.HasPrefix(data[end:], fixed)
}

// run returns how many bytes at the begin of a stream are whole events of which the client is to
// see everything, and that are the same but for their free strings; and how long their texts are
// together.
func (t *twin) run(stream []byte) (n, text int) {
	if t.from < t.to {
		return 0, 0
	}
	for {
		data, ok := bytes.CutPrefix(stream[n:], fieldBegin)
		if !ok {
			return n, text
		}
		lengths, end, ok := t.begins(data)
		if !ok || !bytes.HasPrefix(data[end:], fieldEnd) {
			return n, text
		}
		n += len(fieldBegin) + end + len(fieldEnd)
		text += lengths[t.text]
	}
}

// fieldBegin and fieldEnd are what stands around the data of nearly all events.
var fieldBegin, fieldEnd = []byte("data: "), []byte("\n\n")

// learn makes an event that has been read the twin of those that follow, if there was one
// piece of text in its choices and nothing that may not be there again.
func (t *twin) learn(e *dialect.Event, doc *llm.Document) {
	t.data = t.data[:0]
	m := doc.Find("choices")
	if m == nil || e.Drop || bytes.ContainsAny(e.Data, "\r\n") { // run takes an event for one line
		return
	}
	choices := e.Data[m.ValueStart:m.ValueEnd]
	texts := 0
	var found span
	for name, text, rest := dialect.NextMember(choices); name != nil; name, text, rest = dialect.NextMember(rest) {
		if len(text) == 0 {
			continue
		}
		switch string(name) {
		case "content", "text", "arguments", "reasoning_content", "reasoning", "refusal":
			texts++
			end := m.ValueEnd - len(rest) - 1 // in front of the quote
			found = span{end - len(text), end}
		case "finish_reason", "error":
			return
		}
	}
	if texts != 1 {
		return
	}
	t.free[0], t.frees, t.text = found, 1, 0
	if o := doc.Find("obfuscation"); o != nil && e.Data[o.ValueStart] == '"' {
		t.free[1], t.frees = span{o.ValueStart + 1, o.ValueEnd - 1}, 2
		if t.free[1].from < t.free[0].from {
			t.free[0], t.free[1], t.text = t.free[1], t.free[0], 1
		}
	}
	t.from, t.to = e.CutFrom, e.CutTo
	t.data = append(t.data, e.Data...)
}
