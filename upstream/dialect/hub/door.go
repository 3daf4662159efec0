package hub

import (
	"bytes"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// What follows is for dialects that clients speak, which turn their requests into the hub's, and
// the hub's streams into their own.

// AppendStream appends the member stream, and for a stream that its usage is wanted, which those
// dialects always say.
func AppendStream(b []byte, stream gjson.Result) []byte {
	b = Member(b, "stream", stream.Raw)
	if stream.Type == gjson.True {
		b = Member(b, "stream_options", `{"include_usage":true}`)
	}
	return b
}

var done = []byte("[DONE]")

// ReadChunk reads an event of the hub's into d. end says that it is the mark of the end, which
// says no more. Its error is dialect.ErrMalformed, or a *dialect.ReportedError for an event that
// is an error.
func ReadChunk(d *llm.Document, name, data []byte) (end bool, err error) {
	if bytes.Equal(bytes.TrimSpace(data), done) {
		return true, nil
	}
	e := dialect.Event{Name: name, Data: data}
	if err := e.NamedError(); err != nil {
		return false, err
	}
	return false, dialect.Read(d, data)
}

// ReadUsage sets u to the usage of a chunk or of a reply, if there is one.
func ReadUsage(d *llm.Document, u *llm.Usage) {
	raw, _ := d.Get("usage")
	if said, known := dialect.Usage(raw); known {
		*u = said
	}
}

// OnlyChoice returns the choice of a chunk, for dialects in which an answer is one: that with
// the index 0. ok is false when the chunk has none.
func OnlyChoice(d *llm.Document) (choice gjson.Result, ok bool) {
	raw, _ := d.Get("choices")
	choice = gjson.ParseBytes(raw).Get("0")
	return choice, choice.Exists() && choice.Get("index").Int() == 0
}
