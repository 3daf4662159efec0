// Package typed is the dialect of the endpoints that are not a conversation: embeddings,
// moderations, images, speech, transcriptions, translations and rerank. Their plain replies
// share where they say their usage, and their streams are events with a type that ends in
// .delta, .done, .partial_image or .completed
// (sources: https://platform.openai.com/docs/api-reference/audio/transcript-text-delta-event,
// https://platform.openai.com/docs/api-reference/images-streaming).
package typed

import (
	"bytes"
	"encoding/json"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// Watcher looks at a reply of one of the endpoints.
type Watcher struct {
	signs dialect.Signs
	doc   llm.Document
}

// NewWatcher returns a watcher of one reply.
func NewWatcher() *Watcher { return &Watcher{} }

// Signs implements dialect.Watcher.
func (w *Watcher) Signs() *dialect.Signs { return &w.signs }

// Reply implements dialect.Watcher. Besides an object it takes a list: some rerank servers
// answer with one.
func (w *Watcher) Reply(body []byte) error {
	if trimmed := bytes.TrimLeft(body, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '[' {
		if !json.Valid(body) {
			return dialect.ErrMalformed
		}
		w.signs.Whole = true
		return nil
	}
	if err := dialect.Read(&w.doc, body); err != nil {
		return err
	}
	w.read()
	w.signs.Whole = true
	return nil
}

func (w *Watcher) read() {
	if raw, ok := w.doc.Get("id"); ok {
		w.signs.ID = dialect.Unquote(raw)
	}
	if raw, ok := w.doc.Get("model"); ok {
		w.signs.Model = dialect.Unquote(raw)
	}
	raw, ok := w.doc.Get("usage")
	if !ok {
		// Cohere's rerank has it elsewhere (source: https://docs.cohere.com/reference/rerank).
		meta, _ := w.doc.Get("meta")
		raw = []byte(gjson.GetBytes(meta, "tokens").Raw)
	}
	if u, ok := dialect.Usage(raw); ok {
		w.signs.Usage = u
	}
}

// Event implements dialect.Watcher.
func (w *Watcher) Event(e *dialect.Event) error {
	if bytes.Equal(bytes.TrimSpace(e.Data), []byte("[DONE]")) {
		w.signs.Whole, w.signs.Last = true, true
		return nil
	}
	if err := e.NamedError(); err != nil {
		return err
	}
	if err := llm.ParseReplyInto(&w.doc, e.Data); err != nil {
		return dialect.ErrMalformed
	}
	raw, _ := w.doc.Get("type")
	kind := bytes.Trim(raw, `"`)
	if bytes.Equal(kind, []byte("ping")) || bytes.Equal(kind, []byte("keepalive")) {
		return nil
	}
	delta, ok := w.doc.Get("delta")
	if !ok {
		if err := dialect.ReadError(e.Data); err != nil {
			return err
		}
	}
	e.Output = !ok || !dialect.IsEmpty(delta)
	switch {
	case bytes.HasSuffix(kind, []byte(".done")):
		w.signs.Whole, w.signs.Last = true, true
		w.read()
	case bytes.HasSuffix(kind, []byte(".completed")):
		w.signs.Whole = true // one image; of several more may come
		w.read()
	}
	return nil
}

// AppendEnd implements dialect.Watcher.
func (w *Watcher) AppendEnd(b []byte) []byte { return b }

// AppendError implements dialect.Watcher.
func (w *Watcher) AppendError(b []byte, e *llm.Error) []byte {
	b = append(b, "event: error\ndata: "...)
	b = e.AppendJSON(b)
	return append(b, "\n\n"...)
}

var _ dialect.Watcher = (*Watcher)(nil)
