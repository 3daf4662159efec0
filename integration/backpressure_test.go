package integration

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
)

const backpressureCaddyfile = `{
	{$Global}
	{$Servers}
	llm_gateway {
		provider house openai_compatible {
			base_url {$House}
		}
		models {
			model house/served
		}
		deployment patient {
			idle_timeout 3s
			variant default {
				model house/served
			}
		}
	}
}

{$Site} {
	log
	llm_gateway
}
`

// flood is a stream that is far longer than all buffers on its way are large.
type flood struct {
	events  int
	written atomic.Int64 // bytes
	mu      sync.Mutex
	sum     hash.Hash // of what was written
}

// floodEvent is one of its events.
var floodEvent = []byte(`data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"` +
	strings.Repeat("All work and no play. ", 1480) + `"},"finish_reason":null}]}` + "\n\n")

func newFlood(size int) *flood { return &flood{events: size / len(floodEvent), sum: sha256.New()} }

// step writes the stream as fast as it is taken.
func (f *flood) step(c *fakellm.Call) {
	fakellm.Stream()(c)
	write := func(b []byte) {
		c.Write(b)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.sum.Write(b)
		f.written.Add(int64(len(b)))
	}
	for range f.events {
		write(floodEvent)
	}
	write([]byte(`data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"))
	write([]byte("data: [DONE]\n\n"))
}

// awaitBlocked waits until nothing is written any more, and returns how much was.
func (f *flood) awaitBlocked() int64 {
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	written := f.written.Load()
	for unchanged := 0; unchanged < 50; unchanged++ {
		<-look.C
		if now := f.written.Load(); now != written {
			written, unchanged = now, 0
		}
	}
	return written
}

// slowReader is a client whose connection takes little at a time.
type slowReader struct {
	*http.Response
	conn *net.TCPConn
}

// openSlowly asks for a stream and reads nothing of it.
func (g *gateway) openSlowly(deployment string) *slowReader {
	g.t.Helper()
	r := &slowReader{}
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			r.conn = c.(*net.TCPConn)
			return c, r.conn.SetReadBuffer(16 << 10)
		},
	}
	req, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, g.baseURL()+"/chat/completions", strings.NewReader(streamChat))
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("X-Deployment-Key", deployment)
	if r.Response, err = (&http.Client{Transport: transport}).Do(req); err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { r.Body.Close() })
	if r.StatusCode != http.StatusOK {
		g.t.Fatalf("got %d", r.StatusCode)
	}
	return r
}

// readOn reads the rest, as fast as it comes.
func (r *slowReader) readOn(into io.Writer) error {
	if err := r.conn.SetReadBuffer(4 << 20); err != nil {
		return err
	}
	_, err := io.Copy(into, r.Body)
	return err
}

// heap returns how many bytes of the heap are in use.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what a pool lets go of at the first is freed at the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestASlowReaderSlowsItsProvider has clients that do not read while their providers have 64 MB
// to say. Each provider is stopped by what fits into the sockets on the way, and the gateway
// holds next to nothing. When the clients read on, each gets every byte, however long it took:
// idle_timeout is about the provider, and the provider was never silent.
func TestASlowReaderSlowsItsProvider(t *testing.T) {
	const (
		readers    = 4
		size       = 64 << 20
		mostOnWay  = 16 << 20 // the buffers of four sockets
		mostInHeap = 4 << 20  // of all of them, with the test's own
	)
	house := fakellm.Start(t)
	g := startGateway(t, backpressureCaddyfile, map[string]string{"House": house.BaseURL(), "Servers": ""})
	if a := g.ask("/chat/completions", "patient", streamChat); a.Status != 200 {
		t.Fatalf("got %d %s", a.Status, a.Body)
	}
	before := heap()

	floods := make([]*flood, readers)
	replies := make([]*slowReader, readers)
	for i := range readers {
		floods[i] = newFlood(size)
		house.Script(floods[i].step)
		replies[i] = g.openSlowly("patient")
	}
	for _, f := range floods {
		written := f.awaitBlocked()
		t.Logf("the provider could write %.1f MB before it had to wait", float64(written)/(1<<20))
		if written > mostOnWay {
			t.Errorf("the provider has written %d bytes for a client that reads nothing", written)
		}
	}
	grown := heap() - before
	t.Logf("the heap has grown by %.2f MB", float64(grown)/(1<<20))
	if grown > mostInHeap {
		t.Errorf("%d stalled streams hold %d bytes of the heap", readers, grown)
	}
	g.awaitIdleTimeouts(house, "patient", 2)

	// One of them is enough to see that nothing is missing.
	sum := sha256.New()
	if err := replies[0].readOn(sum); err != nil {
		t.Fatal(err)
	}
	<-house.Await(2).Done() // what was written is summed up behind the writing
	if floods[0].written.Load() < size/2 || !bytes.Equal(sum.Sum(nil), floods[0].sum.Sum(nil)) {
		t.Error("the client did not get what the provider sent")
	}
	line := g.accessLog(replies[0].Header.Get("X-Deployment-Trace-Id"))
	if got := gjson.Get(line, "llm.outcome").String(); got != "ok" {
		t.Errorf("outcome %s", got)
	}
	for _, r := range replies {
		r.Body.Close()
	}
	g.awaitInFlight("house/served", 0)
}

// awaitIdleTimeouts lets the idle timeout of a deployment pass n times, as another exchange
// sees it.
func (g *gateway) awaitIdleTimeouts(provider *fakellm.Server, deployment string, n int) {
	g.t.Helper()
	for range n {
		provider.Script(fakellm.Steps(fakellm.Stream(), fakellm.Text("Hel"), fakellm.Hang()))
		if a := g.ask("/chat/completions", deployment, streamChat); !strings.Contains(a.Body, "stream_interrupted") {
			g.t.Fatalf("got %d %s, %v", a.Status, a.Body, a.Err)
		}
	}
}

// TestAStalledClientIsCutByCaddysTimeouts has clients that stop to read. Caddy's own bounds on
// writing end them, and they count as clients that left.
func TestAStalledClientIsCutByCaddysTimeouts(t *testing.T) {
	for _, word := range []string{"write", "write_idle"} {
		t.Run(word, func(t *testing.T) {
			house := fakellm.Start(t)
			g := startGateway(t, backpressureCaddyfile, map[string]string{
				"House": house.BaseURL(), "Servers": fmt.Sprintf("servers {\n timeouts {\n %s 3s\n }\n }", word),
			})
			before := g.metrics()
			f := newFlood(64 << 20)
			house.Script(f.step)
			resp := g.openSlowly("patient")

			await(t, "the end of the provider's request", house.Await(1).Cancelled(), 1)
			line := g.accessLog(resp.Header.Get("X-Deployment-Trace-Id"))
			for field, want := range map[string]any{"outcome": "cancelled", "estimated": true, "attempts": 1.0} {
				if got := gjson.Get(line, "llm."+field).Value(); got != want {
					t.Errorf("access log: llm.%s is %v, want %v", field, got, want)
				}
			}
			if tokens := gjson.Get(line, "llm.output_tokens").Int(); tokens <= 0 {
				t.Errorf("%d output tokens", tokens)
			}
			g.awaitOutcomes("patient", before, map[string]int{"cancelled": 1})
			g.awaitInFlight("house/served", 0)
			if h := g.target("house/served"); h.Get("resting").Bool() {
				t.Errorf("the provider is to blame: %s", h)
			}
			if err := resp.readOn(io.Discard); err == nil {
				t.Error("what the client got looks like a whole answer")
			}
		})
	}
}
