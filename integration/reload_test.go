package integration

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
)

// reloadCaddyfile has a deployment for streams that run through reloads, and one that every
// version of the config has. {$Key}, {$Rule} and {$Long} are what versions differ in.
const reloadCaddyfile = `{
	{$Global}
	llm_gateway {
		provider slow openai_compatible {
			base_url {$Slow}
			api_key {$Key}
		}
		provider quick openai_compatible {
			base_url {$Quick}
			api_key {$Key}
			transport http {
				dial_timeout 5s
			}
		}
		models {
			model slow/streamed
			model quick/served
		}
		{$Long}
		deployment always {
			{$Rule}
			variant default {
				model quick/served
			}
		}
	}
}

{$Site} {
	llm_gateway
}
`

const longDeployment = `deployment long {
			variant default {
				model slow/streamed
			}
		}`

// versions are the configs that reloads go through.
var versions = []map[string]string{
	{"Key": "first-key", "Rule": "", "Long": longDeployment},
	{"Key": "first-key", "Rule": "", "Long": longDeployment}, // unchanged
	{"Key": "first-key", "Rule": "variant other {\n when `context.tier == \"gold\"`\n model quick/served\n }", "Long": longDeployment},
	{"Key": "second-key", "Rule": "", "Long": longDeployment},
	{"Key": "second-key", "Rule": "", "Long": ""}, // the streams' deployment is removed
}

// reloadTo makes the nth version the running config.
func (g *gateway) reloadTo(n int) {
	g.t.Helper()
	for name, value := range versions[n%len(versions)] {
		g.vars[name] = value
	}
	g.reload(reloadCaddyfile)
}

// askAnew asks over a connection of its own, and again when Caddy drops that: just after a load
// it closes those of clients that are idle, and on Linux those that nobody has accepted yet.
func (g *gateway) askAnew(deployment string) *http.Response {
	g.t.Helper()
	for range 20 {
		req, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, g.baseURL()+"/chat/completions", strings.NewReader(plainChat))
		if err != nil {
			g.t.Fatal(err)
		}
		req.Header.Set("X-Deployment-Key", deployment)
		resp, err := passingClient().Do(req)
		switch {
		case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF):
			continue
		case err != nil:
			g.t.Fatal(err)
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			g.t.Fatal(err)
		}
		return resp
	}
	g.t.Fatal("every new connection is dropped")
	return nil
}

// rounds is a stream that goes on by an event whenever a gate is opened.
type rounds struct{ gates []*fakellm.Gate }

func newRounds(n int) *rounds {
	r := &rounds{}
	for range n {
		r.gates = append(r.gates, fakellm.NewGate())
	}
	return r
}

func (r *rounds) step(c *fakellm.Call) {
	fakellm.Header("Connection", "close")(c)
	fakellm.Stream()(c)
	for i, g := range r.gates {
		fakellm.Data(fmt.Sprintf(`{"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"round %d "},"finish_reason":null}],"usage":null}`, i))(c)
		fakellm.Wait(g)(c)
	}
	fakellm.Data(`{"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}`)(c)
	fakellm.Data(`{"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5,"total_tokens":8}}`)(c)
	fakellm.Data("[DONE]")(c)
}

// listener is a client that reads a stream event by event.
type listener struct {
	text strings.Builder
	err  error
}

// listen reads a whole stream, telling of each event.
func (l *listener) listen(g *gateway, heard chan<- struct{}) {
	req, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, g.baseURL()+"/chat/completions", strings.NewReader(streamChat))
	if err != nil {
		l.err = err
		return
	}
	req.Header.Set("X-Deployment-Key", "long")
	resp, err := passingClient().Do(req)
	if err != nil {
		l.err = err
		return
	}
	defer resp.Body.Close()
	in := bufio.NewReader(resp.Body)
	for {
		line, err := in.ReadString('\n')
		l.text.WriteString(line)
		if err != nil {
			if err != io.EOF {
				l.err = err
			}
			return
		}
		if strings.Contains(line, `"round `) {
			heard <- struct{}{}
		}
	}
}

// TestStreamsRunThroughReloads has a hundred streams run while the config is loaded twenty
// times: unchanged, with other rules, with other keys, and without their deployment. Between
// any two loads each of them gets an event. All end byte for byte like one that saw no reload,
// all are counted, and what the loads have cost is given back.
func TestStreamsRunThroughReloads(t *testing.T) {
	const streams, reloads = 100, 20
	slow, quick := fakellm.Start(t), fakellm.Start(t)
	quick.Always(fakellm.Answer("Hello"))
	vars := map[string]string{"Slow": slow.BaseURL(), "Quick": quick.BaseURL()}
	for name, value := range versions[0] {
		vars[name] = value
	}
	g := startGateway(t, reloadCaddyfile, vars)

	var still listener
	undisturbed := newRounds(reloads + 1)
	for _, gate := range undisturbed.gates {
		gate.Open()
	}
	slow.Script(undisturbed.step)
	still.listen(g, make(chan struct{}, reloads+1))
	if still.err != nil || strings.Count(still.text.String(), `"round `) != reloads+1 || !strings.HasSuffix(still.text.String(), "data: [DONE]\n\n") {
		t.Fatalf("got %s, %v", still.text.String(), still.err)
	}
	for n := range 2 * len(versions) { // all that is made once is there now
		g.reloadTo(n + 1)
		g.askAnew("always")
	}
	before, resources := g.metrics(), measure(t)

	run, heard := newRounds(reloads+1), make(chan struct{}, streams)
	clients := make([]listener, streams)
	var ended sync.WaitGroup
	for i := range clients {
		slow.Script(run.step)
		ended.Add(1)
		go func() {
			defer ended.Done()
			clients[i].listen(g, heard)
		}()
	}
	await(t, "the first events", heard, streams)
	for n := range reloads {
		g.reloadTo(n + 1)
		g.askAnew("always")
		run.gates[n].Open()
		await(t, fmt.Sprintf("the events after load %d", n+1), heard, streams)
	}
	run.gates[reloads].Open()
	ended.Wait()

	for i := range clients {
		if c := &clients[i]; c.err != nil || c.text.String() != still.text.String() {
			t.Fatalf("stream %d: %v\n%s\nwant\n%s", i, c.err, c.text.String(), still.text.String())
		}
	}
	g.awaitOutcomes("long", before, map[string]int{"ok": streams})
	g.awaitOutcomes("always", before, map[string]int{"ok": reloads})
	g.awaitInFlight("slow/streamed", 0)
	if n := quick.Connections(); n != 1 {
		t.Errorf("requests one after the other have taken %d connections", n)
	}
	resources.settle()
}

// resources are what a process uses.
type resources struct {
	t                 testing.TB
	goroutines, files int
	heap              int64
}

func measure(t testing.TB) *resources {
	return &resources{t: t, goroutines: runtime.NumGoroutine(), files: openFiles(), heap: heap()}
}

// openFiles counts the file descriptors, where the system tells.
func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}

// mostHeap is by how much the heap may grow over a test, for what tests and fakes keep.
const mostHeap = 3 << 20

// settle waits until no more is used than before.
func (r *resources) settle() {
	r.t.Helper()
	defer func() {
		if r.t.Failed() {
			var stacks strings.Builder
			_ = pprof.Lookup("goroutine").WriteTo(&stacks, 1)
			r.t.Logf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), r.goroutines, firstLines(stacks.String(), 400))
		}
	}()
	eventually(r.t, "goroutines and files are given back", func() bool {
		return runtime.NumGoroutine() <= r.goroutines && openFiles() <= r.files
	})
	grown := heap() - r.heap
	r.t.Logf("%d goroutines, %d before; %d files, %d before; the heap has grown by %.2f MB",
		runtime.NumGoroutine(), r.goroutines, openFiles(), r.files, float64(grown)/(1<<20))
	if grown > mostHeap {
		r.t.Errorf("the heap has grown by %d bytes", grown)
	}
}
