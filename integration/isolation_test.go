package integration

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
)

const isolationCaddyfile = `{
	{$Global}
	llm_gateway {
		provider shaky openai_compatible {
			base_url {$House}
			max_in_flight 1
			transport test shaky
		}
		provider calm openai_compatible {
			base_url {$House}
		}
		provider slow openai_compatible {
			base_url {$Slow}
		}
		models {
			model shaky/primary
			model calm/served
			model slow/served
		}
		deployment trembling {
			retries 0
			variant default {
				model shaky/primary
			}
		}
		deployment fine {
			variant default {
				model calm/served
			}
		}
		deployment late {
			variant default {
				model slow/served
			}
		}
	}
}

{$Site} {
	log
	llm_gateway
}
`

// TestAPanicEndsOneExchangeOnly has a provider's transport panic at each point where the
// gateway calls it. The client gets an answer or sees that its stream is broken, the exchange is
// counted and logged, its place is given back, and everyone else is served.
func TestAPanicEndsOneExchangeOnly(t *testing.T) {
	own := ownTransport(t)
	before := roundTrip(func(*http.Request) (*http.Response, error) { panic("in RoundTrip") })
	atOnce := onRead(own, func([]byte) { panic("in the first Read") })
	later := onRead(own, func(soFar []byte) {
		// A stream's role may arrive alone, and then nothing has reached the client yet.
		if bytes.Contains(soFar, []byte("Hello")) || bytes.Contains(soFar, []byte("sound")) {
			panic("in a later Read")
		}
	})
	hello := fakellm.Steps(fakellm.Stream(), fakellm.Role(), fakellm.Text("Hello"), fakellm.Hang())
	sound := fakellm.Steps(fakellm.Header("Content-Type", "audio/mpeg"), fakellm.Status(200), fakellm.Write("sound"), fakellm.Hang())
	for name, c := range map[string]struct {
		transport http.RoundTripper
		r         request
		step      fakellm.Step // nil when the provider is not asked
		status    int
		outcome   string
	}{
		"plain, sending":               {before, request{path: "/chat/completions", body: plainChat}, nil, 500, "upstream_error"},
		"stream, sending":              {before, request{path: "/chat/completions", body: streamChat}, nil, 500, "upstream_error"},
		"plain, reading":               {atOnce, request{path: "/chat/completions", body: plainChat}, fakellm.Answer("Hello"), 500, "upstream_error"},
		"stream, reading":              {atOnce, request{path: "/chat/completions", body: streamChat}, hello, 500, "upstream_error"},
		"stream, after its first text": {later, request{path: "/chat/completions", body: streamChat}, hello, 200, "interrupted"},
		"sound, after its first bytes": {later, request{path: "/audio/speech", body: speech}, sound, 200, "interrupted"},
	} {
		t.Run(name, func(t *testing.T) {
			house := fakellm.Start(t)
			useTransport(t, "shaky", c.transport)
			g := startGateway(t, isolationCaddyfile, map[string]string{"House": house.BaseURL(), "Slow": fakellm.Refused(t)})
			counted := g.metrics()
			if c.step != nil {
				house.Script(c.step)
			}
			c.r.deployment = "trembling"
			a := g.send(c.r)

			if a.Status != c.status {
				t.Fatalf("got %d %s, %v", a.Status, a.Body, a.Err)
			}
			if c.status == 500 {
				if gjson.Get(a.Body, "error.code").String() != "internal_error" || a.Err != nil || strings.Contains(a.Body, "Read") {
					t.Errorf("got %s, %v", a.Body, a.Err)
				}
			} else if !errors.Is(a.Err, io.ErrUnexpectedEOF) && !strings.Contains(a.Body, `"error"`) {
				t.Errorf("what the client got looks like a whole answer: %q, %v", a.Body, a.Err)
			}
			line := g.accessLog(a.Header.Get("X-Deployment-Trace-Id"))
			for field, want := range map[string]any{"outcome": c.outcome, "attempts": 1.0, "provider": "shaky"} {
				if got := gjson.Get(line, "llm."+field).Value(); got != want {
					t.Errorf("access log: llm.%s is %v, want %v", field, got, want)
				}
			}
			if log := g.log(); !strings.Contains(log, "panic while serving a request") || !strings.Contains(log, "runtime/debug.Stack") {
				t.Error("the log does not tell of the panic and its stack")
			}
			g.awaitOutcomes("trembling", counted, map[string]int{c.outcome: 1})
			verdict := "stop"
			if c.status == 200 {
				verdict = "ok"
			}
			series := `llm_gateway_attempts_total{model="primary",provider="shaky",verdict="` + verdict + `"}`
			if n := sample(t, g.metrics(), series) - sample(t, counted, series); n != 1 {
				t.Errorf("%s grew by %v", series, n)
			}
			g.awaitInFlight("shaky/primary", 0)
			if c.step != nil && c.status == 200 {
				await(t, "the end of the provider's request", house.Await(1).Cancelled(), 1)
			}

			house.Script(fakellm.Answer("Hello"))
			if a := g.ask("/chat/completions", "fine", plainChat); a.Status != 200 {
				t.Errorf("another deployment got %d %s", a.Status, a.Body)
			}
		})
	}
}

// TestASlowProviderSlowsNobodyElse has many requests wait for a provider that says nothing,
// while another provider answers as many at once.
func TestASlowProviderSlowsNobodyElse(t *testing.T) {
	const waiting, asked = 200, 200
	house, slow := fakellm.Start(t), fakellm.Start(t)
	gate := fakellm.NewGate()
	slow.Always(fakellm.Steps(fakellm.Wait(gate), fakellm.Answer("At last")))
	useTransport(t, "shaky", ownTransport(t))
	g := startGateway(t, isolationCaddyfile, map[string]string{"House": house.BaseURL(), "Slow": slow.BaseURL()})
	counted := g.metrics()

	ask := func(deployment string, n int) *sync.WaitGroup {
		var all sync.WaitGroup
		for range n {
			all.Add(1)
			go func() {
				defer all.Done()
				if resp := g.askAnew(deployment); resp.StatusCode != 200 {
					t.Errorf("%s: got %d", deployment, resp.StatusCode)
				}
			}()
		}
		return &all
	}
	late := ask("late", waiting)
	slow.Await(waiting)
	ask("fine", asked).Wait() // would not end if the gateway had room for the others only
	g.awaitOutcomes("fine", counted, map[string]int{"ok": asked})
	g.awaitInFlight("slow/served", waiting)
	gate.Open()
	late.Wait()
	g.awaitInFlight("slow/served", 0)
}
