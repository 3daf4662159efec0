package messages

import (
	"bytes"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// Watcher looks at a reply that a client of messages gets from a provider of messages, and
// that passes as it is.
type Watcher struct {
	signs   dialect.Signs
	doc     llm.Document
	counted counted
}

// NewWatcher returns a watcher of one reply.
func NewWatcher() *Watcher { return &Watcher{} }

// Signs implements dialect.Watcher.
func (w *Watcher) Signs() *dialect.Signs { return &w.signs }

// Reply implements dialect.Watcher.
func (w *Watcher) Reply(body []byte) error {
	if err := dialect.Read(&w.doc, body); err != nil {
		return err
	}
	content, ok := w.doc.Get("content")
	if !ok || content[0] != '[' {
		return dialect.ErrMalformed
	}
	w.message(gjson.ParseBytes(body))
	calls := false
	gjson.ParseBytes(content).ForEach(func(_, block gjson.Result) bool {
		calls = calls || block.Get("type").Str == "tool_use"
		w.signs.Text += len(block.Get("text").Raw)
		return true
	})
	stop, _ := w.doc.Get("stop_reason")
	w.signs.Finish, w.signs.Whole = finish(dialect.Unquote(stop), calls), true
	return nil
}

// message reads what a message says of itself.
func (w *Watcher) message(m gjson.Result) {
	w.signs.ID, w.signs.Model = m.Get("id").String(), m.Get("model").String()
	w.count(m.Get("usage"))
}

// count adds a usage, of which a stream has several.
func (w *Watcher) count(usage gjson.Result) {
	w.counted.add(usage)
	w.signs.Usage = w.counted.Usage()
}

// Event implements dialect.Watcher.
func (w *Watcher) Event(e *dialect.Event) error {
	if w.signs.Last {
		return nil // nothing of the answer comes behind it
	}
	if err := e.NamedError(); err != nil {
		return err
	}
	if err := dialect.Read(&w.doc, e.Data); err != nil {
		return err
	}
	kind, _ := w.doc.Get("type")
	switch string(bytes.Trim(kind, `"`)) {
	case "message_start":
		raw, _ := w.doc.Get("message")
		w.message(gjson.ParseBytes(raw))
		w.signs.Beginning = true
	case "content_block_start":
		raw, _ := w.doc.Get("content_block")
		// A call says its name here; a text says nothing yet.
		e.Output = gjson.GetBytes(raw, "type").Str == "tool_use"
		if e.Output {
			w.signs.Finish = "tool_calls"
		}
	case "content_block_delta":
		raw, _ := w.doc.Get("delta")
		e.Output = true
		w.signs.Text += textLength(raw)
	case "message_delta":
		raw, _ := w.doc.Get("delta")
		w.signs.Finish = finish(gjson.GetBytes(raw, "stop_reason").Str, w.signs.Finish == "tool_calls")
		usage, _ := w.doc.Get("usage")
		w.count(gjson.ParseBytes(usage))
		w.signs.Beginning, e.Output = false, true
	case "message_stop":
		w.signs.Whole, w.signs.Last, e.Output = true, true, true
	}
	return nil
}

// textLength returns how long the text of a delta is, whatever kind of delta it is.
func textLength(delta []byte) int {
	length := 0
	gjson.ParseBytes(delta).ForEach(func(key, value gjson.Result) bool {
		if key.Str != "type" && key.Str != "signature" && value.Type == gjson.String {
			length += len(value.Raw) - 2
		}
		return true
	})
	return length
}

// AppendEnd implements dialect.Watcher: a stream ends with message_stop or not at all.
func (w *Watcher) AppendEnd(b []byte) []byte { return b }

// AppendError implements dialect.Watcher.
func (w *Watcher) AppendError(b []byte, e *llm.Error) []byte { return AppendErrorEvent(b, e) }

var _ dialect.Watcher = (*Watcher)(nil)
