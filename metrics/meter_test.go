package metrics

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/mulligan-gateway/mulligan/llm"
)

// newTestMeter returns a meter that knows the names which the exchanges of these tests use.
func newTestMeter() *meter {
	m := newMeter()
	m.allow(testLabels())
	return m
}

func testLabels() Labels {
	return Labels{
		Deployments: map[string][]string{"support": {"enterprise", "default"}},
		Targets: []Target{
			{"google", "gemini-2.5-pro"}, {"google", "gemini-2.5-pro-002"},
			{"house", "llama"},
		},
		Providers: map[string]string{"google": "gcp.gemini"},
		Feedback:  []string{"rating"},
	}
}

var start = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

// fallbackExchange is a stream that the first target failed twice and the second answered.
func fallbackExchange() *llm.Exchange {
	return &llm.Exchange{
		TraceID: "019536f0-0000-7000-8000-000000000001", Start: start, Duration: 5 * time.Second,
		Endpoint: llm.Chat, Stream: true,
		Deployment: "support", Variant: "enterprise",
		Provider: "google", Model: "gemini-2.5-pro",
		Attempts: []llm.Attempt{
			{Provider: "house", Model: "llama", Start: start, Duration: 100 * time.Millisecond, Status: 503, Verdict: llm.VerdictAgain},
			{
				Provider: "house", Model: "llama", Start: start.Add(time.Second), Duration: time.Second,
				Verdict: llm.VerdictNext, ErrorCode: "upstream_timeout", ErrorMessage: "no output after 1s",
			},
			{
				Provider: "google", Model: "gemini-2.5-pro", Start: start.Add(2 * time.Second),
				Duration: 3 * time.Second, Status: 200, Verdict: llm.VerdictOK,
			},
		},
		Usage:      llm.Usage{Input: 1200, Output: 101, CachedInput: 1000, CacheWrite: 50, Reasoning: 40, Known: true},
		Cost:       llm.Cost{USD: 0.0125, Priced: true},
		ResponseID: "resp-1", ResponseModel: "gemini-2.5-pro-002", FinishReason: "stop",
		Status: 200, Outcome: llm.OutcomeOK,
		FirstToken: 2500 * time.Millisecond, UpstreamTime: 4900 * time.Millisecond, ClientTime: 99700 * time.Microsecond,
	}
}

// scrape returns what a new registry shows of the series whose names begin with one of the
// prefixes, without comments.
func scrape(t *testing.T, m *meter, prefixes ...string) string {
	t.Helper()
	var lines []string
	for _, line := range strings.Split(scrapeText(t, m), "\n") {
		wanted := slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(line, p) })
		if wanted {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func scrapeText(t *testing.T, m *meter) string {
	t.Helper()
	var b bytes.Buffer
	for _, f := range gather(t, m) {
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func gather(t *testing.T, m *meter) []*dto.MetricFamily {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	if err := m.register(r); err != nil {
		t.Fatal(err)
	}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return families
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if want = strings.TrimSpace(want); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
