package fakellm

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"sync"
)

// Step is what the provider does with a request, or a part of it.
type Step func(*Call)

// Call is one request while it is answered. Steps of a test's own work on it by its
// methods; each writes and flushes at once.
type Call struct {
	*Request
	w    http.ResponseWriter
	ctx  context.Context
	conn net.Conn
	quit <-chan struct{}
	out  dialect // how events are written; nil before the first

	spends *Usage // what the answer will report as used, where that is known
}

// promised is the usage that the answer will report.
func (c *Call) promised() Usage {
	if c.spends != nil {
		return *c.spends
	}
	return DefaultUsage
}

// Steps does one step after the other.
func Steps(steps ...Step) Step {
	return func(c *Call) {
		for _, s := range steps {
			s(c)
		}
	}
}

// Gate is a place where an answer waits until the test lets it go on. It may be used by
// any number of requests.
type Gate struct {
	open, reached         chan struct{}
	openOnce, reachedOnce sync.Once
}

// NewGate returns a closed gate.
func NewGate() *Gate {
	return &Gate{open: make(chan struct{}), reached: make(chan struct{})}
}

// Open lets everyone through, now and later.
func (g *Gate) Open() { g.openOnce.Do(func() { close(g.open) }) }

// Reached is closed when the first request has come to the gate.
func (g *Gate) Reached() <-chan struct{} { return g.reached }

// Wait goes on when the gate is open. When the client leaves, or the test ends, the answer
// is cut there.
func Wait(g *Gate) Step {
	return func(c *Call) {
		g.reachedOnce.Do(func() { close(g.reached) })
		c.wait(g.open)
	}
}

// Hang says nothing more until the client leaves or the test ends.
func Hang() Step { return func(c *Call) { c.wait(nil) } }

func (c *Call) wait(open <-chan struct{}) {
	select {
	case <-open:
	case <-c.ctx.Done():
		// Not left to what watches the context: it is told not to once the panic unwinds.
		c.cancel()
		panic(http.ErrAbortHandler)
	case <-c.quit:
		panic(http.ErrAbortHandler)
	}
}

// Header adds a header to the answer. It comes before the step that writes the answer.
func Header(name, value string) Step {
	return func(c *Call) { c.w.Header().Add(name, value) }
}

// Status sends the status line and the headers, and nothing after them yet.
func Status(code int) Step {
	return func(c *Call) {
		c.w.WriteHeader(code)
		c.flush()
	}
}

// Write sends a piece of the body as it is.
func Write(s string) Step { return func(c *Call) { c.Write([]byte(s)) } }

// Write sends a piece of the body. A client that has gone ends the answer.
func (c *Call) Write(b []byte) {
	if _, err := c.w.Write(b); err != nil {
		panic(http.ErrAbortHandler)
	}
	c.flush()
}

func (c *Call) flush() {
	if err := http.NewResponseController(c.w).Flush(); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// Raw answers with a whole body of any kind.
func Raw(status int, contentType, body string) Step {
	return func(c *Call) { c.whole(status, contentType, []byte(body)) }
}

// JSON answers with a whole JSON body.
func JSON(status int, v any) Step {
	return func(c *Call) {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		c.whole(status, "application/json", b)
	}
}

func (c *Call) whole(status int, contentType string, body []byte) {
	h := c.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(status)
	if c.Method != http.MethodHead {
		c.Write(body)
	}
}

// MalformedJSON answers 200 with a JSON body that stops in the middle, though it is as
// long as it says.
func MalformedJSON() Step {
	return Raw(http.StatusOK, "application/json", `{"id":"chatcmpl-fake","object":"chat.completion","choices":[{"mess`)
}

// Truncated sends body, says that missing more bytes come, and closes the connection.
func Truncated(status int, body string, missing int) Step {
	return func(c *Call) {
		h := c.w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", strconv.Itoa(len(body)+missing))
		c.w.WriteHeader(status)
		c.Write([]byte(body))
		panic(http.ErrAbortHandler)
	}
}

// Cut closes the connection (HTTP/2: resets the stream) without ending the answer.
func Cut() Step { return func(*Call) { panic(http.ErrAbortHandler) } }

// Reset closes the connection by a TCP reset. What was sent just before may be lost on the
// way, as with any reset.
func Reset() Step {
	return func(c *Call) {
		if tcp := netConn(c.conn); tcp != nil {
			_ = tcp.SetLinger(0) // makes Close send RST
			_ = tcp.Close()
		}
		panic(http.ErrAbortHandler)
	}
}
