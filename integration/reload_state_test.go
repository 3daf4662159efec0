package integration

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

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

// TestAnOpenBreakerStaysOpenThroughReloads has a target that fails until its breaker opens. After
// a while the breaker tries whether the target is well again, and finds that it is not; a breaker
// that a reload had forgotten would be closed.
func TestAnOpenBreakerStaysOpenThroughReloads(t *testing.T) {
	first := fakellm.Start(t)
	first.Always(fakellm.Error(http.StatusInternalServerError, "broken", "Broken."))
	g, _ := startStateful(t, "10", first)
	for range 10 {
		if resp := g.askAnew("paired"); resp.StatusCode != 200 {
			t.Fatalf("got %d", resp.StatusCode)
		}
	}
	check := func() {
		t.Helper()
		asked, began := first.Count(), time.Now()
		before := g.target("first/primary")
		g.askAnew("paired")
		rests := time.Duration(before.Get("rests_for_ms").Int()) * time.Millisecond
		if first.Count() != asked && time.Since(began) < rests {
			t.Error("a failing target is asked again")
		}
		after := g.target("first/primary")
		for _, s := range []gjson.Result{before, after} {
			if state := s.Get("breaker").String(); state != "open" && state != "half-open" {
				t.Errorf("the target is %s", s)
			}
		}
	}
	if first.Count() != 10 {
		t.Fatalf("the breaker opened after %d failures", first.Count())
	}
	check()
	g.reloadAll(check)
}

// TestARetryBudgetIsSpentThroughReloads spends the extra attempts that a provider gets in ten
// seconds, however few the requests. A reload brings no new ones.
func TestARetryBudgetIsSpentThroughReloads(t *testing.T) {
	const inTenSeconds = 30
	first := fakellm.Start(t)
	first.Always(fakellm.Error(http.StatusConflict, "conflict", "Again.")) // retried, and no sign of bad health
	g, _ := startStateful(t, "10", first)
	requests := 0
	spend := func() { // two extra attempts for each, while the budget lasts
		t.Helper()
		for range inTenSeconds / 2 {
			if resp := g.askAnew("alone"); resp.StatusCode != http.StatusConflict {
				t.Fatalf("got %d", resp.StatusCode)
			}
			requests++
		}
	}
	began := time.Now()
	spend()
	if extra := first.Count() - requests; extra != inTenSeconds {
		t.Fatalf("%d extra attempts while the budget lasts, want %d", extra, inTenSeconds)
	}
	g.reloadAll(spend)
	// What time brings anew on a slow machine is not the reloads' doing.
	allowed := inTenSeconds * (2 + int(time.Since(began)/(9*time.Second)))
	if extra := first.Count() - requests; extra > allowed {
		t.Errorf("%d extra attempts, want at most %d", extra, allowed)
	}
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
