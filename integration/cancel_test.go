package integration

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
)

// How many clients leave at each stage, and how many of them at once.
const (
	departures = 1000
	atOnce     = 50
)

// The limit on the requests in flight is the size of a crowd: a place that one crowd does not
// give back is missing to the next.
const cancelCaddyfile = `{
	{$Global}
	llm_gateway {
		provider house openai_compatible {
			base_url {$House}
			max_in_flight 50
		}
		provider mute openai_compatible {
			base_url {$Mute}
			max_in_flight 50
		}
		models {
			model house/served
			model mute/unheard
		}
		deployment busy {
			retries 1
			backoff 250ms 60s
			retry_budget 200%
			variant default {
				model house/served
			}
		}
		deployment unreachable {
			retries 0
			variant default {
				model mute/unheard
			}
		}
	}
}

{$Site} {
	llm_gateway
}
`

const (
	plainChat  = `{"messages":[{"role":"user","content":"Hi"}]}`
	streamChat = `{"stream":true,"messages":[{"role":"user","content":"Hi"}]}`
	speech     = `{"input":"Hi","voice":"alloy"}`
)

// crowd is a number of clients that leave together when all have come to the same stage.
type crowd struct {
	g       *gateway
	r       request
	client  *http.Client
	arrived chan struct{}
	wg      sync.WaitGroup
}

// enter sends all requests. Each client that gets the begin of a body says so.
func (c *crowd) enter(ctx context.Context) {
	for range atOnce {
		c.wg.Add(1)
		go func() {
			defer c.wg.Done()
			if err := c.read(ctx); !errors.Is(err, context.Canceled) {
				c.g.t.Errorf("a client did not stay until it left: %v", err)
			}
		}()
	}
}

func (c *crowd) read(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.g.baseURL()+c.r.path, strings.NewReader(c.r.body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Deployment-Key", c.r.deployment)
	resp, err := c.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.ReadFull(resp.Body, make([]byte, 1)); err != nil {
		return err
	}
	c.arrived <- struct{}{}
	rest, err := io.ReadAll(resp.Body)
	if err == nil {
		return errors.New("got a whole answer, which ends in " + string(rest[max(0, len(rest)-300):]))
	}
	return err
}

// moment is a point of an exchange at which its client leaves.
type moment struct {
	name string
	r    request
	// steps bring the provider to the stage; then it says nothing until it is left. With
	// told the gateway tells that the stage has come, by the begin of a body, else the
	// provider does.
	steps fakellm.Step
	told  bool
	// backoff says that the provider ends its answer, and the gateway waits to ask it again.
	backoff bool
}

var moments = []moment{
	{name: "plain, waiting for headers", r: request{path: "/chat/completions", body: plainChat}},
	{name: "stream, waiting for headers", r: request{path: "/chat/completions", body: streamChat}},
	{name: "plain, backing off", r: request{path: "/chat/completions", body: plainChat}, backoff: true},
	{name: "stream, backing off", r: request{path: "/chat/completions", body: streamChat}, backoff: true},
	{
		name: "plain, inside the body", r: request{path: "/chat/completions", body: plainChat},
		steps: fakellm.Steps(fakellm.Header("Content-Type", "application/json"), fakellm.Status(200),
			fakellm.Write(`{"id":"chatcmpl-1","choices":[{"index":0,"message":{"role":"assistant","content":"Hel`)),
	},
	{
		name: "sound, inside the body", r: request{path: "/audio/speech", body: speech}, told: true,
		steps: fakellm.Steps(fakellm.Header("Content-Type", "audio/mpeg"), fakellm.Status(200), fakellm.Write("sound")),
	},
	{
		name: "stream, before any output", r: request{path: "/chat/completions", body: streamChat},
		steps: fakellm.Steps(fakellm.Stream(), fakellm.Role()),
	},
	{
		name: "stream, inside the output", r: request{path: "/chat/completions", body: streamChat}, told: true,
		steps: fakellm.Steps(fakellm.Stream(), fakellm.Role(), fakellm.Text("Hello")),
	},
}

// TestNothingIsLeftOfClientsThatLeave has a thousand clients leave at each stage of an
// exchange with a provider. Afterwards there is no goroutine, no connection and no place in
// flight more than before, and every exchange is counted, once.
func TestNothingIsLeftOfClientsThatLeave(t *testing.T) {
	house := fakellm.Start(t)
	g := startGateway(t, cancelCaddyfile, map[string]string{"House": house.BaseURL(), "Mute": fakellm.Refused(t)})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}}
	house.Always(fakellm.Steps(fakellm.Header("Connection", "close"), fakellm.Answer("Hello")))
	if a := g.ask("/chat/completions", "busy", plainChat); a.Status != 200 {
		t.Fatalf("got %d %s", a.Status, a.Body)
	}

	for _, m := range moments {
		t.Run(m.name, func(t *testing.T) {
			g.t = t
			arrived := make(chan struct{}, atOnce)
			house.Always(m.step(arrived))
			before, ended := g.metrics(), noNewGoroutines(t)
			seen := house.Count()

			m.r.deployment = "busy"
			for range departures / atOnce {
				c := crowd{g: g, r: m.r, client: client, arrived: arrived}
				ctx, leave := context.WithCancel(t.Context())
				c.enter(ctx)
				await(t, "exchanges that are "+m.name, arrived, atOnce)
				if m.backoff {
					g.awaitInFlight("house/served", 0) // a wait between attempts holds no place
				}
				leave()
				c.wg.Wait()
				g.awaitInFlight("house/served", 0)
			}

			g.awaitOutcomes("busy", before, map[string]int{"cancelled": departures})
			if n := house.Count() - seen; n != departures {
				t.Errorf("the provider got %d requests, want %d", n, departures)
			}
			for _, r := range house.Requests()[seen:] {
				<-r.Done()
				if _, cancelled := r.WasCancelled(); !cancelled && !m.backoff {
					t.Errorf("request %d at the provider was not cancelled", r.Number)
				}
			}
			eventually(t, "the provider has no connection left", func() bool { return house.OpenConnections() == 0 })
			ended()
		})
	}
}

// step is what the provider does, telling of each exchange that has come to the stage.
func (m *moment) step(arrived chan<- struct{}) fakellm.Step {
	tell := func(*fakellm.Call) { arrived <- struct{}{} }
	switch {
	case m.backoff:
		// Not 503: what the target is to blame for would make it rest.
		return fakellm.Steps(fakellm.Header("Connection", "close"), fakellm.Header("Retry-After", "60"),
			fakellm.Error(http.StatusConflict, "conflict", "Try later."), tell)
	case m.steps == nil:
		return fakellm.Steps(tell, fakellm.Hang())
	case m.told:
		return fakellm.Steps(m.steps, fakellm.Hang())
	default:
		return fakellm.Steps(m.steps, tell, fakellm.Hang())
	}
}

// TestNothingIsLeftOfClientsThatLeaveBeforeThereIsAConnection is the same for a provider that
// never completes a TLS handshake.
//
// A connection that is being made is not given up with the request that it was for, since the
// next request may use it; that is net/http's way. It ends with its time-out of 10 seconds, and
// the test with the listener, so that it need not wait for that.
func TestNothingIsLeftOfClientsThatLeaveBeforeThereIsAConnection(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts, and the system says hello
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	house := fakellm.Start(t)
	g := startGateway(t, cancelCaddyfile, map[string]string{"House": house.BaseURL(), "Mute": "https://" + listener.Addr().String() + "/v1"})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}}
	if a := g.ask("/chat/completions", "busy", plainChat); a.Status != 200 {
		t.Fatalf("got %d %s", a.Status, a.Body)
	}
	before, ended := g.metrics(), noNewGoroutines(t)

	for _, body := range []string{plainChat, streamChat} {
		for range departures / atOnce {
			c := crowd{g: g, r: request{path: "/chat/completions", deployment: "unreachable", body: body}, client: client}
			ctx, leave := context.WithCancel(t.Context())
			c.enter(ctx)
			g.awaitInFlight("mute/unheard", atOnce)
			leave()
			c.wg.Wait()
			g.awaitInFlight("mute/unheard", 0)
		}
	}

	g.awaitOutcomes("unreachable", before, map[string]int{"cancelled": 2 * departures})
	listener.Close()
	ended()
}
