//go:build !race

package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	caddyfiles "github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// What a request may allocate between Caddy's HTTP server and the transport to the provider,
// neither of which counts here. Times depend on the machine and are measured by bench/;
// allocations do not, so a change that adds some has to say so by raising a number. The race
// detector allocates too, so `make test` runs these tests once more without it.
const (
	budgetSmall      = 29
	budgetLarge      = 30 // of a 100 KB body, which is not copied
	budgetLargeBytes = 4 << 10
	budgetStream     = 37   // of a stream of ten events
	budgetEvent      = 0.02 // of each event of a stream
	budgetRecord     = 3    // to hand it over; it is written later
	budgetTenRules   = 0    // more, of ten rules that do not match
)

func init() { caddy.RegisterModule(cannedTransport{}) }

// cannedTransport is a provider without a network, which answers the same each time.
type cannedTransport struct {
	Events int `json:"events,omitempty"`
}

func (cannedTransport) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.reverse_proxy.transport.canned", New: func() caddy.Module { return new(cannedTransport) }}
}

func (*cannedTransport) UnmarshalCaddyfile(*caddyfiles.Dispenser) error { return nil }

const (
	cannedPlain = `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}`
	cannedEvent = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}]}` + "\n\n"
	cannedEnd   = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n" +
		`data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}` + "\n\n" +
		"data: [DONE]\n\n"
)

var (
	cannedJSON   = []string{"application/json"}
	cannedLength = []string{strconv.Itoa(len(cannedPlain))}
	cannedStream = []string{"text/event-stream"}
)

// gate keeps streams waiting for their last event.
type gate struct{ arrived, open chan struct{} }

var waiting atomic.Pointer[gate]

// canned is a reply: its events come one at a time.
type canned struct {
	event, end []byte
	events     int
}

func (c *canned) Read(p []byte) (int, error) {
	if g := waiting.Load(); g != nil && c.events == 1 {
		g.arrived <- struct{}{}
		<-g.open
	}
	switch {
	case c.events > 0:
		c.events--
		return copy(p, c.event), nil
	case c.end != nil:
		n := copy(p, c.end)
		c.end = nil
		return n, nil
	}
	return 0, io.EOF
}

func (*canned) Close() error { return nil }

var discarded = make([]byte, 256<<10)

// RoundTrip allocates six times for itself.
func (*cannedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	for {
		if _, err := r.Body.Read(discarded); err != nil {
			break
		}
	}
	if err := r.Body.Close(); err != nil {
		return nil, err
	}
	header := make(http.Header, 2)
	events := 0
	if r.Header.Get("Accept") != "" {
		header["Content-Type"] = cannedStream
		if _, err := fmt.Sscanf(r.Header.Get("X-Events"), "%d", &events); err != nil {
			return nil, err
		}
		return &http.Response{StatusCode: 200, Header: header, ContentLength: -1, Body: &canned{[]byte(cannedEvent), []byte(cannedEnd), events}}, nil
	}
	header["Content-Type"], header["Content-Length"] = cannedJSON, cannedLength
	return &http.Response{StatusCode: 200, Header: header, ContentLength: int64(len(cannedPlain)), Body: &canned{nil, []byte(cannedPlain), 0}}, nil
}

// provision adapts a Caddyfile and provisions all of it without listening.
func provision(t testing.TB, text string) caddy.Context {
	t.Helper()
	raw, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	var config caddy.Config
	if err := json.Unmarshal(raw, &config); err != nil {
		t.Fatal(err)
	}
	ctx, err := caddy.ProvisionContext(&config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := caddy.NewContext(ctx)
	t.Cleanup(cancel)
	return ctx
}

// measured is a handler to be asked again and again.
type measured struct {
	t       testing.TB
	handler caddyhttp.MiddlewareHandler
	request *http.Request
	body    *bytes.Reader
	writer  *countingWriter
}

// countingWriter is a response that keeps nothing.
type countingWriter struct {
	header http.Header
	status int
	bytes  int
}

func (w *countingWriter) Header() http.Header         { return w.header }
func (w *countingWriter) WriteHeader(status int)      { w.status = status }
func (w *countingWriter) Write(b []byte) (int, error) { w.bytes += len(b); return len(b), nil }
func (w *countingWriter) FlushError() error           { return nil }

// setup is what is measured.
type setup struct {
	rules  int    // of the deployment
	body   string // of the request
	events string // of the stream: 10 or 500
	store  string // of records, as the Caddyfile says it; "" for none
}

// newMeasured returns a handler and a request for it.
func newMeasured(t testing.TB, s setup) *measured {
	t.Helper()
	var deployments strings.Builder
	for _, events := range []string{"10", "500"} {
		fmt.Fprintf(&deployments, "deployment %s {\n", events)
		for i := range s.rules {
			fmt.Fprintf(&deployments, "variant v%d {\nwhen `context.tier == \"t%d\" && request.message_count < 100`\nmodel p%s/m\n}\n", i, i, events)
		}
		fmt.Fprintf(&deployments, "variant default {\nmodel p%s/m\n}\n}\n", events)
	}
	provider := func(events string) string {
		return "provider p" + events + " openai_compatible {\nbase_url http://example.com/v1\napi_key k\nheader X-Events " + events + "\ntransport canned\n}\n"
	}
	return newMeasuredOf(t, "{\nadmin off\nauto_https off\nllm_gateway {\nstore "+cmp.Or(s.store, "off")+"\n"+provider("10")+provider("500")+
		"models {\nmodel p10/m {\ninput 1\noutput 2\n}\nmodel p500/m {\ninput 1\noutput 2\n}\n}\n"+deployments.String()+"}\n}\nhttp://127.0.0.1:9999 {\nllm_gateway\n}\n", s.body, s.events)
}

// newMeasuredOf returns the handler of a Caddyfile, and a request with that body for a deployment.
func newMeasuredOf(t testing.TB, config, body, deployment string) *measured {
	t.Helper()
	ctx := provision(t, config)
	module, err := ctx.LoadModuleByID("http.handlers.llm_gateway", []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	return (&measured{t: t, handler: module.(caddyhttp.MiddlewareHandler)}).again(body, deployment)
}

// again returns the same handler with a request of its own.
func (m *measured) again(body, deployment string) *measured {
	n := &measured{t: m.t, handler: m.handler, writer: &countingWriter{header: make(http.Header, 16)}, body: bytes.NewReader([]byte(body))}
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:9999/v1/chat/completions", nil)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Deployment-Key", deployment)
	r.Header.Set("X-Deployment-Context", `{"tier":"free"}`)
	r.Body, r.ContentLength = io.NopCloser(n.body), int64(len(body))
	n.request = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), n.writer, new(caddyhttp.Server))
	return n
}

// ask serves the request once.
func (m *measured) ask() {
	if _, err := m.body.Seek(0, io.SeekStart); err != nil {
		m.t.Fatal(err)
	}
	clear(m.writer.header)
	m.writer.status = 0
	if err := m.handler.ServeHTTP(m.writer, m.request, nil); err != nil || m.writer.status != 200 {
		m.t.Fatalf("status %d, %v", m.writer.status, err)
	}
}

func (m *measured) allocs() float64 { return testing.AllocsPerRun(1000, m.ask) }

func smallBody(stream bool) string {
	return fmt.Sprintf(`{"model":"any","messages":[{"role":"system","content":"Be kind."},{"role":"user","content":"Hello!"}],"temperature":0.5,"stream":%v,"stream_options":{"include_usage":true}}`, stream)
}

func largeBody() string {
	return strings.Replace(smallBody(false), "Hello!", strings.Repeat("a line of text\\n", 100<<10/16), 1)
}

func TestAllocationsOfASmallRequest(t *testing.T) {
	if n := newMeasured(t, setup{rules: 10, body: smallBody(false), events: "10"}).allocs(); n > budgetSmall {
		t.Errorf("%v allocations, and %v are the budget", n, budgetSmall)
	} else {
		t.Logf("%v allocations", n)
	}
}

func TestAllocationsOfALargeRequest(t *testing.T) {
	m := newMeasured(t, setup{rules: 10, body: largeBody(), events: "10"})
	r := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m.ask()
		}
	})
	if r.AllocsPerOp() > budgetLarge || r.AllocedBytesPerOp() > budgetLargeBytes {
		t.Errorf("%d allocations of %d bytes, and %d of %d are the budget", r.AllocsPerOp(), r.AllocedBytesPerOp(), budgetLarge, budgetLargeBytes)
	} else {
		t.Logf("%d allocations of %d bytes", r.AllocsPerOp(), r.AllocedBytesPerOp())
	}
}

func TestAllocationsOfAStreamAndOfEachEvent(t *testing.T) {
	few := newMeasured(t, setup{rules: 10, body: smallBody(true), events: "10"}).allocs()
	many := newMeasured(t, setup{rules: 10, body: smallBody(true), events: "500"}).allocs()
	each := (many - few) / 490
	if few > budgetStream || each > budgetEvent {
		t.Errorf("%v allocations and %v for each event, and %v and %v are the budget", few, each, budgetStream, budgetEvent)
	} else {
		t.Logf("%v allocations and %v for each event", few, each)
	}
}

func TestRulesThatDoNotMatchAllocateNothingMore(t *testing.T) {
	ten := newMeasured(t, setup{rules: 10, body: smallBody(false), events: "10"}).allocs()
	twenty := newMeasured(t, setup{rules: 20, body: smallBody(false), events: "10"}).allocs()
	if twenty-ten > budgetTenRules {
		t.Errorf("ten more rules make %v more allocations", twenty-ten)
	}
}

// What is counted is what the request does for its record. The writer works every 100 ms, so
// the least of several short runs is free of it.
func TestAllocationsOfARecord(t *testing.T) {
	without := newMeasured(t, setup{rules: 10, body: smallBody(false), events: "10"}).allocs()
	recorded := newMeasured(t, setup{rules: 10, body: smallBody(false), events: "10", store: "sqlite {\npath " + t.TempDir() + "/records.db\n}"})
	with := math.Inf(1)
	for range 10 {
		with = min(with, testing.AllocsPerRun(20, recorded.ask))
	}
	if n := with - without; n > budgetRecord {
		t.Errorf("a record makes %v more allocations, and %v are the budget", n, budgetRecord)
	} else {
		t.Logf("%v allocations", n)
	}
}

// BenchmarkRules shows what rules cost that do not match: the difference, by their number.
func BenchmarkRules(b *testing.B) {
	for _, rules := range []int{10, 20, 110} {
		b.Run(fmt.Sprint(rules), func(b *testing.B) {
			m := newMeasured(b, setup{rules: rules, body: smallBody(false), events: "10"})
			b.ReportAllocs()
			for b.Loop() {
				m.ask()
			}
		})
	}
}

func BenchmarkSmallRequest(b *testing.B)  { benchmark(b, smallBody(false)) }
func BenchmarkLargeRequest(b *testing.B)  { benchmark(b, largeBody()) }
func BenchmarkStreamRequest(b *testing.B) { benchmark(b, smallBody(true)) }

func benchmark(b *testing.B, body string) {
	m := newMeasured(b, setup{rules: 10, body: body, events: "500"})
	b.ReportAllocs()
	for b.Loop() {
		m.ask()
	}
}
