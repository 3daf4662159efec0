package demo

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// created is when everything of the demo was made, so that its answers are always the same.
const created = 1767225600 // 2026-01-01T00:00:00Z

// Types of errors, and what an error that was asked for says.
const (
	serverError  = "server_error"
	requestError = "invalid_request_error"
	asAsked      = "The demo fails, as asked."
)

// object is a JSON object; encoding/json writes its members in the order of their names.
type object = map[string]any

// reply is an answer to be sent.
type reply struct {
	status int
	header http.Header
	body   []byte
	stream bool
	cut    bool // break off in the middle
}

func newReply(contentType string, body []byte) *reply {
	return &reply{status: http.StatusOK, header: http.Header{"Content-Type": {contentType}}, body: body}
}

func jsonReply(v any) *reply { return newReply("application/json", encode(v)) }

func failure(status int, kind, message string) *reply {
	res := jsonReply(object{"error": object{"message": message, "type": kind, "param": nil, "code": nil}})
	res.status = status
	return res
}

// tooMuch refuses a request whose answer would be out of proportion.
func tooMuch(message string) *reply { return failure(http.StatusBadRequest, requestError, message) }

func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // the demo's own maps, strings and numbers always marshal
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// events makes a stream of server-sent events.
type events struct{ b bytes.Buffer }

// add adds an event; name is its type, "" for none.
func (e *events) add(name string, v any) {
	if name != "" {
		e.b.WriteString("event: " + name + "\n")
	}
	e.b.WriteString("data: ")
	e.b.Write(encode(v))
	e.b.WriteString("\n\n")
}

func (e *events) done() { e.b.WriteString("data: [DONE]\n\n") }

func (e *events) reply() *reply {
	res := newReply("text/event-stream", e.b.Bytes())
	res.stream = true
	return res
}

// response makes the reply the answer to r. A stream's length is not known beforehand, and
// a reply that breaks off announces all of itself.
func (rp *reply) response(r *http.Request) *http.Response {
	out := &http.Response{
		Status: strings.TrimSpace(strconv.Itoa(rp.status) + " " + http.StatusText(rp.status)), StatusCode: rp.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: rp.header, Request: r, ContentLength: int64(len(rp.body)),
		Body: io.NopCloser(bytes.NewReader(rp.body)),
	}
	if rp.stream {
		out.ContentLength = -1
	}
	if rp.cut {
		out.Body = io.NopCloser(io.MultiReader(bytes.NewReader(rp.body[:len(rp.body)/2]), broken{}))
	}
	return out
}

// broken is the end of a connection that breaks.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
