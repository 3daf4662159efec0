package integration

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	"go.uber.org/goleak"
)

// eventually waits for a condition of which nothing tells when it comes true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for giveUp := time.Now().Add(patience); time.Now().Before(giveUp); <-look.C {
		if ok() {
			return
		}
	}
	t.Fatalf("it did not come true that %s", what)
}

// await receives n times, or fails the test.
func await[T any](t testing.TB, what string, from <-chan T, n int) {
	t.Helper()
	giveUp := time.After(patience)
	for i := range n {
		select {
		case <-from:
		case <-giveUp:
			t.Fatalf("%s: %d of %d came", what, i, n)
		}
	}
}

// passingClient keeps no connections, so that what it leaves behind is not taken for what the
// gateway does.
var passingClient = sync.OnceValue(func() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
})

// target returns what the admin endpoint knows of a target.
func (g *gateway) target(name string) gjson.Result {
	g.t.Helper()
	resp, err := passingClient().Get(g.AdminURL + "/llm_gateway/targets/" + name)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		g.t.Fatalf("target %s: %d %s, %v", name, resp.StatusCode, b, err)
	}
	return gjson.ParseBytes(b)
}

// awaitInFlight waits until that many requests are at the target's provider.
func (g *gateway) awaitInFlight(target string, n int64) {
	g.t.Helper()
	eventually(g.t, "the right number of requests is in flight at "+target, func() bool {
		return g.target(target).Get("in_flight").Int() == n
	})
}

// outcomes counts the finished exchanges of a deployment by how they ended.
func outcomes(t testing.TB, metrics, deployment string) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for line := range strings.Lines(metrics) {
		name, labels, _ := strings.Cut(line, "{")
		labels, _, _ = strings.Cut(labels, "} ")
		if name != "llm_gateway_requests_total" || !strings.Contains(labels, `deployment="`+deployment+`"`) {
			continue
		}
		_, rest, _ := strings.Cut(labels, `outcome="`)
		outcome, _, _ := strings.Cut(rest, `"`)
		counts[outcome] += int(sample(t, metrics, "llm_gateway_requests_total{"+labels+"}"))
	}
	return counts
}

// awaitOutcomes waits until exactly the exchanges that are wanted have been counted beyond
// those in the metrics before, and none is in flight.
func (g *gateway) awaitOutcomes(deployment, before string, want map[string]int) {
	g.t.Helper()
	total := 0
	for _, n := range want {
		total += n
	}
	var got map[string]int
	eventually(g.t, "all exchanges of "+deployment+" are counted", func() bool {
		after := g.metrics()
		got = outcomes(g.t, after, deployment)
		counted := 0
		for outcome, n := range outcomes(g.t, before, deployment) {
			got[outcome] -= n
		}
		for _, n := range got {
			counted += n
		}
		return counted >= total && sample(g.t, after, `llm_gateway_in_flight{deployment="`+deployment+`"}`) == 0
	})
	maps.DeleteFunc(got, func(_ string, n int) bool { return n == 0 })
	if !maps.Equal(got, want) {
		g.t.Errorf("%s: outcomes %v, want %v", deployment, got, want)
	}
}

// noNewGoroutines returns a function that waits until every goroutine has ended that was
// begun since.
func noNewGoroutines(t testing.TB) func() {
	t.Helper()
	known := goleak.IgnoreCurrent()
	return func() {
		t.Helper()
		var err error
		for giveUp := time.Now().Add(patience); time.Now().Before(giveUp); {
			if err = goleak.Find(known); err == nil { // waits between its own looks
				return
			}
		}
		t.Errorf("goroutines are left: %v", firstLines(err.Error(), 60))
	}
}

// firstLines shortens a text that may be a thousand stacks.
func firstLines(s string, n int) string {
	lines := slices.Collect(strings.Lines(s))
	if len(lines) <= n {
		return s
	}
	return strings.Join(lines[:n], "") + "…"
}
