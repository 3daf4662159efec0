package integration

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
)

// stateCaddyfile has a first provider of which something is learned, and a second that stands
// in for it.
const stateCaddyfile = `{
	{$Global}
	llm_gateway {
		provider first openai_compatible {
			base_url {$First}
			api_key {$Key}
			max_in_flight {$Places}
		}
		provider second openai_compatible {
			base_url {$Second}
		}
		models {
			model first/primary
			model second/spare
		}
		deployment alone {
			retries 2
			backoff 1ms 2ms
			variant default {
				model first/primary
			}
		}
		{$Long}
		deployment paired {
			{$Rule}
			retries 0
			variant default {
				model first/primary
				fallback second/spare
			}
		}
	}
}

{$Site} {
	llm_gateway
}
`

// stateVersions are the configs that reloads go through. Another key is left out where it
// would change what is tested: what is known of a key goes with it.
var stateVersions = []map[string]string{
	{}, // unchanged
	{"Rule": "variant other {\n when `context.tier == \"gold\"`\n model second/spare\n }"},
	{"Rule": "", "Long": "deployment more {\n variant default {\n model second/spare\n }\n }"},
	{"Long": ""},
}

// reloadAll goes through all versions, and calls check after each.
func (g *gateway) reloadAll(check func()) {
	g.t.Helper()
	for _, v := range stateVersions {
		maps.Copy(g.vars, v)
		g.reload(stateCaddyfile)
		check()
	}
	g.vars["Key"] += "-changed"
	g.reload(stateCaddyfile)
	check()
}

// startStateful starts a gateway in front of two providers, of which the second answers.
func startStateful(t *testing.T, places string, first *fakellm.Server) (*gateway, *fakellm.Server) {
	t.Helper()
	second := fakellm.Start(t)
	return startGateway(t, stateCaddyfile, map[string]string{
		"First": first.BaseURL(), "Second": second.BaseURL(), "Key": "first-key", "Places": places, "Rule": "", "Long": "",
	}), second
}

// TestARestingTargetRestsThroughReloads has a target that says for how long it wants to be left
// alone. No config makes the gateway forget that.
func TestARestingTargetRestsThroughReloads(t *testing.T) {
	first := fakellm.Start(t, fakellm.Steps(fakellm.Header("Retry-After", "3600"), fakellm.Error(http.StatusServiceUnavailable, "busy", "In an hour.")))
	g, second := startStateful(t, "10", first)
	answered := 0
	check := func() {
		t.Helper()
		answered++
		if resp := g.askAnew("paired"); resp.StatusCode != 200 {
			t.Errorf("got %d", resp.StatusCode)
		}
		if first.Count() != 1 || second.Count() != answered {
			t.Errorf("the providers got %d and %d requests, want 1 and %d", first.Count(), second.Count(), answered)
		}
		if s := g.target("first/primary"); s.Get("why").String() != "told" {
			t.Errorf("the target is %s", s)
		}
	}
	check()
	g.reloadAll(check)
}

// inTime runs a scenario that is about a span of the clock. When the machine was too slow to see
// the end of it within the span, it is begun anew; one that never is in time fails.
func inTime(t *testing.T, span time.Duration, scenario func(t *testing.T, late func() bool)) {
	t.Helper()
	const tries = 10
	for range tries {
		missed := false
		began := time.Now()
		passed := t.Run("", func(t *testing.T) {
			scenario(t, func() bool {
				missed = missed || time.Since(began) > span
				return missed
			})
		})
		if !passed || !missed {
			return
		}
	}
	t.Fatalf("it took longer than %v, %d times", span, tries)
}

// TestAnOpenBreakerStaysOpenThroughReloads has a target that fails until its breaker opens. After
// a while the breaker would try whether the target is well again.
func TestAnOpenBreakerStaysOpenThroughReloads(t *testing.T) {
	inTime(t, 10*time.Second, anOpenBreakerStaysOpen)
}

func anOpenBreakerStaysOpen(t *testing.T, late func() bool) {
	first := fakellm.Start(t)
	first.Always(fakellm.Error(http.StatusInternalServerError, "broken", "Broken."))
	g, _ := startStateful(t, "10", first)
	for range 12 {
		if resp := g.askAnew("paired"); resp.StatusCode != 200 {
			t.Fatalf("got %d", resp.StatusCode)
		}
	}
	failed := first.Count()
	if failed != 10 {
		t.Fatalf("the breaker opened after %d failures", failed)
	}
	g.reloadAll(func() {
		t.Helper()
		g.askAnew("paired")
		asked, s := first.Count(), g.target("first/primary")
		if late() {
			return
		}
		if asked != failed {
			t.Error("a failing target is asked again")
		}
		if s.Get("breaker").String() != "open" {
			t.Errorf("the target is %s", s)
		}
	})
}

// TestARetryBudgetIsSpentThroughReloads spends the extra attempts that a provider gets in ten
// seconds, however few the requests. A reload brings no new ones.
func TestARetryBudgetIsSpentThroughReloads(t *testing.T) {
	inTime(t, 9*time.Second, aRetryBudgetIsSpent)
}

func aRetryBudgetIsSpent(t *testing.T, late func() bool) {
	first := fakellm.Start(t)
	first.Always(fakellm.Error(http.StatusConflict, "conflict", "Again.")) // retried, and no sign of bad health
	g, _ := startStateful(t, "10", first)
	for range 15 {
		if attempts := g.askAnew("alone").Header.Get("X-Deployment-Attempts"); attempts != "3" && !late() {
			t.Fatalf("%s attempts while the budget lasts", attempts)
		}
	}
	check := func() {
		t.Helper()
		attempts := g.askAnew("alone").Header.Get("X-Deployment-Attempts")
		if attempts != "1" && !late() {
			t.Errorf("%s attempts when the budget is spent", attempts)
		}
	}
	check()
	g.reloadAll(check)
}

// TestPlacesInFlightAreTakenThroughReloads has a stream that holds a provider's only place.
func TestPlacesInFlightAreTakenThroughReloads(t *testing.T) {
	gate := fakellm.NewGate()
	first := fakellm.Start(t, fakellm.Steps(fakellm.Stream(), fakellm.Text("Hel"), fakellm.Wait(gate), fakellm.Text("lo"),
		fakellm.Finish("stop"), fakellm.Done()), fakellm.Answer("Hello"))
	g, _ := startStateful(t, "1", first)
	held := make(chan answer, 1)
	go func() { held <- g.ask("/chat/completions", "alone", streamChat) }()
	first.Await(1)
	check := func() {
		t.Helper()
		if resp := g.askAnew("alone"); resp.StatusCode != http.StatusTooManyRequests || first.Count() != 1 {
			t.Errorf("got %d; the provider got %d requests at a time", resp.StatusCode, first.Count())
		}
	}
	check()
	g.reloadAll(check)
	gate.Open()
	if a := <-held; a.Status != 200 || a.Err != nil || !strings.Contains(a.Body, "[DONE]") {
		t.Errorf("got %d %s, %v", a.Status, a.Body, a.Err)
	}
	g.awaitInFlight("first/primary", 0)
	if resp := g.askAnew("alone"); resp.StatusCode != 200 {
		t.Errorf("got %d when the place is free", resp.StatusCode)
	}
}

// TestConnectionsAndCountersOutliveReloads asks one request after the other, with a reload
// between them: they share one connection to the provider, and the counters go on.
func TestConnectionsAndCountersOutliveReloads(t *testing.T) {
	first := fakellm.Start(t)
	first.Always(fakellm.Answer("Hello"))
	g, _ := startStateful(t, "10", first)
	before, asked := g.metrics(), 0
	check := func() {
		t.Helper()
		asked++
		if resp := g.askAnew("alone"); resp.StatusCode != 200 {
			t.Errorf("got %d", resp.StatusCode)
		}
		if n := first.Connections(); n != 1 {
			t.Errorf("%d connections for %d requests", n, asked)
		}
		g.awaitOutcomes("alone", before, map[string]int{"ok": asked})
	}
	check()
	g.reloadAll(check)
}
