package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
)

const accountCaddyfile = `{
	{$Global}
	llm_gateway {
		provider house openai_compatible {
			base_url {$House}
			max_in_flight 1
			transport test watched
		}
		models {
			model house/served {
				input 1000000
				output 2000000
			}
		}
		deployment accounted {
			retries 1
			backoff 250ms 60s
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

// departure is one client that leaves.
type departure struct {
	g     *gateway
	m     moment
	house *fakellm.Server
	// waits is sent to when the gateway has looked at what it has read of a body, and waits
	// for more.
	waits <-chan int
}

// newDeparture is where a gateway of accountCaddyfile runs in front of the provider.
func newDeparture(t *testing.T) *departure {
	t.Helper()
	waits := make(chan int, 100)
	useTransport(t, "watched", onRead(ownTransport(t), func(soFar []byte) { waits <- len(soFar) }))
	house := fakellm.Start(t)
	return &departure{
		g:     startGateway(t, accountCaddyfile, map[string]string{"House": house.BaseURL()}),
		house: house, waits: waits,
	}
}

// is says at which moment clients leave from now on.
func (d *departure) is(name string) {
	d.m = moments[slices.IndexFunc(moments, func(m moment) bool { return m.name == name })]
}

// depart sends a request, leaves when it has come to its moment, waits for the end of the
// provider's request, and returns what the access log says of it.
func (d *departure) depart(probe string) (line string) {
	t := d.g.t
	t.Helper()
	arrived := make(chan struct{}, 1)
	for len(d.waits) > 0 {
		<-d.waits // of the departure before
	}
	d.house.Script(d.m.step(arrived))
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.g.baseURL()+d.m.r.path, strings.NewReader(d.m.r.body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Deployment-Key", "accounted")
	req.Header.Set("X-Probe", probe)
	n := d.house.Count() + 1
	ended := make(chan error, 1)
	go func() {
		resp, err := passingClient().Do(req)
		if err == nil {
			defer resp.Body.Close()
			if _, err = io.ReadFull(resp.Body, make([]byte, 1)); err == nil {
				arrived <- struct{}{}
				_, err = io.Copy(io.Discard, resp.Body)
			}
		}
		ended <- err
	}()
	await(t, "an exchange that is "+d.m.name, arrived, 1)
	r := d.house.Await(n)
	switch {
	case d.m.backoff:
		d.g.awaitInFlight("house/served", 0)
	case d.m.steps != nil:
		for soFar := 0; soFar == 0; {
			soFar = <-d.waits
		}
	}
	left := time.Now()
	leave()
	if !d.m.backoff {
		await(t, "the end of the provider's request", r.Cancelled(), 1)
		cancelled, _ := r.WasCancelled()
		t.Logf("the provider's request ended %v after the client left", cancelled.Sub(left))
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatalf("the client got %v", err)
	}
	eventually(t, "the access log has the exchange", func() bool {
		for l := range strings.Lines(d.g.log()) {
			if gjson.Get(l, "request.headers.X-Probe.0").String() == probe && gjson.Get(l, "llm").Exists() {
				line = l
			}
		}
		return line != ""
	})
	return line
}

// TestAClientThatLeavesIsAccountedFor leaves at each moment of an exchange. The provider, which
// would say nothing more for ever, is left with it, and the access log says that the client left
// and what the provider had done for it by then.
func TestAClientThatLeavesIsAccountedFor(t *testing.T) {
	d := newDeparture(t)
	// Of the prompt, {"role":"user","content":"Hi"} with its overhead, 5 tokens are estimated.
	began := map[string]any{"estimated": true, "input_tokens": 5.0, "output_tokens": 0.0, "cost_usd": 5.0}
	none := map[string]any{"estimated": nil, "input_tokens": nil, "output_tokens": nil, "cost_usd": nil}
	for name, want := range map[string]map[string]any{
		"plain, waiting for headers":  none,
		"stream, waiting for headers": none,
		"plain, backing off":          none,
		"stream, backing off":         none,
		"plain, inside the body":      began,
		"sound, inside the body":      none, // of sound nobody can estimate anything
		"stream, before any output":   began,
		"stream, inside the output":   {"estimated": true, "input_tokens": 5.0, "output_tokens": 2.0, "cost_usd": 9.0},
	} {
		t.Run(name, func(t *testing.T) {
			d.g.t = t
			d.is(name)
			line := d.depart(t.Name())

			status := 499.0
			if d.m.told {
				status = 200
			}
			if got := gjson.Get(line, "status").Float(); got != status {
				t.Errorf("access log: status %v, want %v", got, status)
			}
			for field, value := range map[string]any{
				"outcome": "cancelled", "attempts": 1.0, "provider": "house", "model": "served",
				"stream": strings.HasPrefix(name, "stream"),
			} {
				if got := gjson.Get(line, "llm."+field).Value(); got != value {
					t.Errorf("access log: llm.%s is %v, want %v", field, got, value)
				}
			}
			for field, value := range want {
				if got := gjson.Get(line, "llm."+field).Value(); got != value {
					t.Errorf("access log: llm.%s is %v, want %v", field, got, value)
				}
			}
			d.g.awaitInFlight("house/served", 0)
		})
	}
}

// TestClientsThatLeaveBeforeARetryLeaveItsBudget has more clients leave while the gateway backs
// off than the retry budget has extra attempts in ten seconds. What they had taken is there
// for others.
func TestClientsThatLeaveBeforeARetryLeaveItsBudget(t *testing.T) {
	d := newDeparture(t)
	d.is("plain, backing off")
	for n := range 40 {
		d.depart(fmt.Sprint(t.Name(), n))
		if seen := d.house.Count(); seen != n+1 {
			t.Fatalf("the provider got %d requests, want %d", seen, n+1)
		}
	}
	d.house.Script(fakellm.Steps(fakellm.Header("Retry-After", "0.001"), fakellm.Error(http.StatusConflict, "conflict", "Again.")), fakellm.Answer("Hello"))
	if a := d.g.ask("/chat/completions", "accounted", plainChat); a.Status != 200 || a.Header.Get("X-Deployment-Attempts") != "2" {
		t.Errorf("got %d after %s attempts: %s", a.Status, a.Header.Get("X-Deployment-Attempts"), a.Body)
	}
}
