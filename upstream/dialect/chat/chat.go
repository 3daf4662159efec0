// Package chat is OpenAI's chat completions dialect, and the older completions, which has
// the same replies but for one member
// (source: https://platform.openai.com/docs/api-reference/chat).
package chat

import (
	"bytes"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// Watcher looks at a reply of chat or completions.
type Watcher struct {
	signs dialect.Signs
	doc   llm.Document
	room  [10]llm.Member // of doc, at first
	// choices is how many choices were asked for, and finished how many have ended.
	choices, finished int
	// begun says that there was meaningful output before.
	begun bool
	// hideUsage says that Mulligan asked for the stream's usage and the client did not.
	hideUsage bool
	twin      twin // of the event that comes next, perhaps
}

// NewWatcher returns a watcher of one reply. With hideUsage the client does not get to see
// what a stream says of its usage.
func NewWatcher(hideUsage bool) *Watcher {
	w := &Watcher{hideUsage: hideUsage}
	w.doc.Members = w.room[:0]
	return w
}

// HideUsage says whether the client gets to see what a stream says of its usage.
func (w *Watcher) HideUsage(hide bool) { w.hideUsage = hide }

// Reset makes the watcher like a new one. It keeps memory, but not that of long events. What is
// not in use is not written to, since that costs more than it seems while garbage is collected.
func (w *Watcher) Reset() {
	members := w.doc.Members
	clear(members)
	if cap(members) > len(w.room) {
		members = w.room[:]
	}
	w.signs, w.doc = dialect.Signs{}, llm.Document{Members: members[:0]}
	w.choices, w.finished, w.begun, w.hideUsage = 0, 0, false, false
	event := w.twin.data[:0]
	if cap(event) > keptEvent {
		event = nil
	}
	w.twin = twin{data: event}
}

// keptEvent is up to which length in bytes the memory of an event is kept.
const keptEvent = 4 << 10

// Expect says how many choices were asked for, where it is more than one. A stream is whole
// when all of them have ended.
func (w *Watcher) Expect(choices int) { w.choices = choices }

// Signs implements dialect.Watcher.
func (w *Watcher) Signs() *dialect.Signs { return &w.signs }

// Reply implements dialect.Watcher.
func (w *Watcher) Reply(body []byte) error {
	if err := dialect.Read(&w.doc, body); err != nil {
		return err
	}
	choices, ok := w.doc.Get("choices")
	if !ok || choices[0] != '[' {
		return dialect.ErrMalformed
	}
	w.identify()
	w.usage()
	w.read(choices)
	w.signs.Whole = true
	return nil
}

var doneMark = []byte("[DONE]")

// Event implements dialect.Watcher.
func (w *Watcher) Event(e *dialect.Event) error {
	if w.begun && len(e.Name) == 0 {
		if text, from, to, ok := w.twin.match(e.Data); ok {
			w.signs.Text += text
			e.Output, e.CutFrom, e.CutTo = true, from, to
			return nil
		}
	}
	if bytes.Equal(bytes.TrimSpace(e.Data), doneMark) {
		w.signs.Whole, w.signs.Last, e.Output = true, true, true
		return nil
	}
	if err := e.NamedError(); err != nil {
		return err
	}
	if err := llm.ParseReplyInto(&w.doc, e.Data); err != nil {
		return dialect.ErrMalformed
	}
	choices, _ := w.doc.Get("choices")
	empty := dialect.IsEmpty(choices)
	suspect := w.read(choices) || empty || w.doc.Find("error") != nil
	if suspect {
		if err := dialect.ReadError(e.Data); err != nil {
			return err
		}
	}
	w.identify()
	if !empty {
		w.begun = w.begun || w.signs.Finish != "" || hasOutput(choices)
		e.Output = w.begun
	}
	if m := w.doc.Find("usage"); m != nil {
		known := w.usage()
		if w.hideUsage {
			e.Drop = known && empty
			if !e.Drop {
				e.CutFrom, e.CutTo = w.span(m)
			}
		}
		if known {
			suspect = true // each has its own
		}
	}
	if w.twin.data = w.twin.data[:0]; !suspect {
		w.twin.learn(e, &w.doc)
	}
	return nil
}

// Run implements dialect.Runner.
func (w *Watcher) Run(stream []byte) int {
	if !w.begun {
		return 0
	}
	n, text := w.twin.run(stream)
	w.signs.Text += text
	return n
}

// identify keeps the reply's own id and model.
func (w *Watcher) identify() {
	if w.signs.ID == "" {
		raw, _ := w.doc.Get("id")
		w.signs.ID = dialect.Unquote(raw)
	}
	if w.signs.Model == "" {
		raw, _ := w.doc.Get("model")
		w.signs.Model = dialect.Unquote(raw)
	}
}

// usage reads the usage where there is one. Of several in a stream the last counts: some
// vendors repeat it with every event.
func (w *Watcher) usage() bool {
	raw, _ := w.doc.Get("usage")
	u, ok := dialect.Usage(raw)
	if ok {
		w.signs.Usage = u
	}
	return ok
}

// span returns where a member is with one of the commas around it.
func (w *Watcher) span(m *llm.Member) (from, to int) {
	from, to = m.NameStart, m.ValueEnd
	raw := w.doc.Raw
	for i := to; i < len(raw); i++ {
		if raw[i] == ',' {
			return from, i + 1
		}
		if raw[i] == '}' {
			break
		}
	}
	for i := from - 1; i >= 0; i-- {
		if raw[i] == ',' {
			return i, to
		}
		if raw[i] == '{' {
			break
		}
	}
	return from, to
}

// read keeps the first finish reason in the choices and counts their text. It says whether a
// choice may hold an error, as OpenRouter's do.
func (w *Watcher) read(choices []byte) (suspect bool) {
	for name, text, rest := dialect.NextMember(choices); name != nil; name, text, rest = dialect.NextMember(rest) {
		switch string(name) {
		case "content", "text", "arguments", "reasoning_content", "reasoning", "refusal":
			w.signs.Text += len(text)
		case "finish_reason":
			if len(text) > 0 {
				w.finished++
				w.signs.Whole = w.finished >= w.choices
				if w.signs.Finish == "" {
					w.signs.Finish = string(text)
				}
			}
		case "error":
			suspect = true
		}
	}
	return suspect
}

// hasOutput says whether the choices of an event hold something of the answer. A role alone
// does not, nor does an empty delta.
func hasOutput(choices []byte) bool {
	found := false
	gjson.ParseBytes(choices).ForEach(func(_, choice gjson.Result) bool {
		choice.ForEach(func(key, value gjson.Result) bool {
			switch key.Str {
			case "text":
				found = found || value.Str != ""
			case "delta", "message":
				value.ForEach(func(key, value gjson.Result) bool {
					found = found || key.Str != "role" && !dialect.IsEmpty([]byte(value.Raw))
					return !found
				})
			}
			return !found
		})
		return !found
	})
	return found
}

// AppendEnd implements dialect.Watcher: some servers leave out the mark that OpenAI's
// clients wait for.
func (w *Watcher) AppendEnd(b []byte) []byte {
	if w.signs.Last {
		return b
	}
	return append(b, "data: [DONE]\n\n"...)
}

// AppendError implements dialect.Watcher.
func (w *Watcher) AppendError(b []byte, e *llm.Error) []byte {
	b = append(b, "data: "...)
	b = e.AppendJSON(b)
	return append(b, "\n\n"...)
}

var _ dialect.Watcher = (*Watcher)(nil)
