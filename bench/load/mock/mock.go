// Package mock is the load test's provider: a cheap server of chat completions, and of
// Anthropic's messages, whose answers can be checked.
package mock

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mulligan-gateway/mulligan/bench/load/wire"
)

// Serve serves on a listener until it is closed.
func Serve(l net.Listener) error {
	debug.SetGCPercent(400) // its cost is not what is measured
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", serve(chat{}))
	mux.HandleFunc("POST /v1/messages", serve(messages{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	return server.Serve(l)
}

// dialect is how answers are written.
type dialect interface {
	// plain appends a whole answer.
	plain(b *bytes.Buffer, a *answer)
	// begin returns the bytes before a stream's first chunk, which are sent with it.
	begin(a *answer) []byte
	// chunk returns a chunk of a stream and where in it the text begins.
	chunk(a *answer, index int) (b []byte, at int)
	// end returns the bytes behind the last chunk.
	end(a *answer) []byte
}

// answer is one answer while it is written.
type answer struct {
	request
	spec   wire.Spec
	tokens int // of the prompt
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func serve(d dialect) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		buf := buffers.Get().(*bytes.Buffer)
		defer buffers.Put(buf)
		buf.Reset()
		if _, err := buf.ReadFrom(r.Body); err != nil {
			refuse(w, err)
			return
		}
		q, err := scan(buf.Bytes())
		if err != nil {
			refuse(w, err)
			return
		}
		_, text, _ := strings.Cut(q.model, "mock:")
		spec, err := specOf(text)
		if err != nil {
			refuse(w, err)
			return
		}
		a := &answer{request: q, spec: spec, tokens: buf.Len() / 4}
		if q.stream {
			stream(w, d, a)
			return
		}
		buf.Reset() // the request holds copies, so the buffer is free again
		d.plain(buf, a)
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", strconv.Itoa(buf.Len()))
		_, _ = w.Write(buf.Bytes()) // the clients count what arrives
	}
}

var specs sync.Map // text to wire.Spec

func specOf(text string) (wire.Spec, error) {
	if s, ok := specs.Load(text); ok {
		return s.(wire.Spec), nil
	}
	s, err := wire.ParseSpec(text)
	if err == nil {
		specs.Store(text, s)
	}
	return s, err
}

// stream writes one flushed write for each chunk, at its time.
func stream(w http.ResponseWriter, d dialect, a *answer) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache")
	out := http.NewResponseController(w)
	_, _ = w.Write(d.begin(a))
	var chunk []byte
	var at int
	start := time.Now()
	for i := range a.spec.Chunks {
		if i < 2 { // the first may differ, and from the second on they are the same
			chunk, at = d.chunk(a, i)
		}
		if i > 0 && a.spec.Gap > 0 {
			time.Sleep(time.Until(start.Add(time.Duration(i) * a.spec.Gap)))
		}
		wire.PutDigits(chunk[at+wire.IndexAt:][:wire.IndexLen], int64(i))
		wire.PutDigits(chunk[at+wire.TimeAt:][:wire.TimeLen], time.Now().UnixNano())
		if _, err := w.Write(chunk); err != nil {
			return
		}
		if err := out.Flush(); err != nil {
			return
		}
	}
	_, _ = w.Write(d.end(a))
}

func refuse(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	fmt.Fprintf(w, `{"error":{"message":%q,"type":"invalid_request_error","param":null,"code":null}}`, err.Error())
}
