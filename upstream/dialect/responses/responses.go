// Package responses is OpenAI's Responses dialect
// (source: https://platform.openai.com/docs/api-reference/responses).
package responses

import (
	"bytes"
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// Watcher looks at a reply of /responses.
type Watcher struct {
	signs    dialect.Signs
	doc      llm.Document
	sequence int64 // of the last event
}

// NewWatcher returns a watcher of one reply.
func NewWatcher() *Watcher { return &Watcher{sequence: -1} }

// Signs implements dialect.Watcher.
func (w *Watcher) Signs() *dialect.Signs { return &w.signs }

// Reply implements dialect.Watcher.
func (w *Watcher) Reply(body []byte) error {
	if err := dialect.Read(&w.doc, body); err != nil {
		return err
	}
	output, ok := w.doc.Get("output")
	if !ok {
		return dialect.ErrMalformed
	}
	w.count(output)
	w.response(gjson.ParseBytes(body))
	w.signs.Whole = true
	return nil
}

// response reads a response object.
func (w *Watcher) response(r gjson.Result) {
	w.signs.ID, w.signs.Model = r.Get("id").String(), r.Get("model").String()
	if u, ok := dialect.Usage([]byte(r.Get("usage").Raw)); ok {
		w.signs.Usage = u
	}
	switch r.Get("status").Str {
	case "completed":
		w.signs.Finish = "stop"
		if r.Get(`output.#(type=="function_call")`).Exists() {
			w.signs.Finish = "tool_calls"
		}
	case "incomplete":
		w.signs.Finish = "length"
		if r.Get("incomplete_details.reason").Str == "content_filter" {
			w.signs.Finish = "content_filter"
		}
	}
}

// Event implements dialect.Watcher.
func (w *Watcher) Event(e *dialect.Event) error {
	if bytes.Equal(bytes.TrimSpace(e.Data), []byte("[DONE]")) {
		w.signs.Last = true // some servers end every stream like this
		return nil
	}
	if err := e.NamedError(); err != nil {
		return err
	}
	if err := llm.ParseReplyInto(&w.doc, e.Data); err != nil {
		return dialect.ErrMalformed
	}
	if raw, ok := w.doc.Get("sequence_number"); ok {
		if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
			w.sequence = n
		}
	}
	kind, _ := w.doc.Get("type")
	switch string(bytes.Trim(kind, `"`)) {
	case "response.created", "response.in_progress", "response.queued":
		w.begun()
		return nil
	case "response.output_item.added", "response.content_part.added", "response.reasoning_summary_part.added", "ping", "keepalive":
		return nil
	case "response.completed", "response.incomplete":
		raw, _ := w.doc.Get("response")
		w.response(gjson.ParseBytes(raw))
		w.signs.Whole, w.signs.Last, e.Output = true, true, true
		return nil
	}
	delta, ok := w.doc.Get("delta")
	if !ok {
		if err := dialect.ReadError(e.Data); err != nil {
			return err
		}
	}
	e.Output = !ok || !dialect.IsEmpty(delta)
	if len(delta) > 2 {
		w.signs.Text += len(delta) - 2
	}
	return nil
}

// count counts the text of a plain reply.
func (w *Watcher) count(output []byte) {
	for name, text, rest := dialect.NextMember(output); name != nil; name, text, rest = dialect.NextMember(rest) {
		switch string(name) {
		case "text", "arguments", "refusal":
			w.signs.Text += len(text)
		}
	}
}

// begun reads the first events, which name the response.
func (w *Watcher) begun() {
	if w.signs.ID != "" {
		return
	}
	raw, _ := w.doc.Get("response")
	r := gjson.ParseBytes(raw)
	w.signs.ID, w.signs.Model = r.Get("id").String(), r.Get("model").String()
}

// AppendEnd implements dialect.Watcher: a response ends with response.completed or not at all.
func (w *Watcher) AppendEnd(b []byte) []byte { return b }

// AppendError implements dialect.Watcher. The event is the dialect's own error event, with
// OpenAI's envelope in it as in every other dialect.
func (w *Watcher) AppendError(b []byte, e *llm.Error) []byte {
	b = append(b, "event: error\ndata: {\"type\":\"error\",\"sequence_number\":"...)
	b = strconv.AppendInt(b, w.sequence+1, 10)
	b = append(b, `,"code":`...)
	b = llm.AppendString(b, e.Code)
	b = append(b, `,"message":`...)
	b = llm.AppendString(b, e.Message)
	b = append(b, `,"param":null,`...)
	b = append(b, e.AppendJSON(nil)[1:]...) // the envelope without its opening brace
	return append(b, "\n\n"...)
}

var _ dialect.Watcher = (*Watcher)(nil)
