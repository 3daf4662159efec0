package metrics

import (
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
)

func TestAnExchangeIsCountedInEverySeries(t *testing.T) {
	m := newTestMeter()
	m.observe(fallbackExchange())
	expect(t, scrape(t, m, "llm_gateway_attempts", "llm_gateway_cost", "llm_gateway_requests", "llm_gateway_tokens", "llm_gateway_unpriced"), `
llm_gateway_attempts_total{model="gemini-2.5-pro",provider="google",verdict="ok"} 1
llm_gateway_attempts_total{model="llama",provider="house",verdict="again"} 1
llm_gateway_attempts_total{model="llama",provider="house",verdict="next"} 1
llm_gateway_cost_usd_total{deployment="support",model="gemini-2.5-pro",provider="google",variant="enterprise"} 0.0125
llm_gateway_requests_total{deployment="support",model="gemini-2.5-pro",outcome="ok",provider="google",variant="enterprise"} 1
llm_gateway_tokens_total{deployment="support",model="gemini-2.5-pro",provider="google",type="cache_write",variant="enterprise"} 50
llm_gateway_tokens_total{deployment="support",model="gemini-2.5-pro",provider="google",type="cached_input",variant="enterprise"} 1000
llm_gateway_tokens_total{deployment="support",model="gemini-2.5-pro",provider="google",type="input",variant="enterprise"} 1200
llm_gateway_tokens_total{deployment="support",model="gemini-2.5-pro",provider="google",type="output",variant="enterprise"} 101
llm_gateway_tokens_total{deployment="support",model="gemini-2.5-pro",provider="google",type="reasoning",variant="enterprise"} 40
`)
	expect(t, scrape(t, m, "llm_gateway_overhead"), `
llm_gateway_overhead_seconds_bucket{le="1e-05"} 0
llm_gateway_overhead_seconds_bucket{le="2.5e-05"} 0
llm_gateway_overhead_seconds_bucket{le="5e-05"} 0
llm_gateway_overhead_seconds_bucket{le="0.0001"} 0
llm_gateway_overhead_seconds_bucket{le="0.00025"} 0
llm_gateway_overhead_seconds_bucket{le="0.0005"} 1
llm_gateway_overhead_seconds_bucket{le="0.001"} 1
llm_gateway_overhead_seconds_bucket{le="0.0025"} 1
llm_gateway_overhead_seconds_bucket{le="0.005"} 1
llm_gateway_overhead_seconds_bucket{le="0.01"} 1
llm_gateway_overhead_seconds_bucket{le="0.025"} 1
llm_gateway_overhead_seconds_bucket{le="0.05"} 1
llm_gateway_overhead_seconds_bucket{le="0.1"} 1
llm_gateway_overhead_seconds_bucket{le="0.25"} 1
llm_gateway_overhead_seconds_bucket{le="0.5"} 1
llm_gateway_overhead_seconds_bucket{le="1"} 1
llm_gateway_overhead_seconds_bucket{le="+Inf"} 1
llm_gateway_overhead_seconds_sum 0.0003
llm_gateway_overhead_seconds_count 1
`)
}

func TestGenAIHistogramsHaveTheConventionsLabels(t *testing.T) {
	m := newTestMeter()
	m.observe(fallbackExchange())
	expect(t, scrape(t, m, "gen_ai_client_operation_duration_seconds_sum", "gen_ai_client_token_usage_sum",
		"gen_ai_server_time_per_output_token_seconds_sum", "gen_ai_server_time_to_first_token_seconds_sum"), `
gen_ai_client_operation_duration_seconds_sum{error_type="",gen_ai_operation_name="chat",gen_ai_provider_name="gcp.gemini",gen_ai_request_model="gemini-2.5-pro",gen_ai_response_model="gemini-2.5-pro-002"} 3
gen_ai_client_operation_duration_seconds_sum{error_type="503",gen_ai_operation_name="chat",gen_ai_provider_name="house",gen_ai_request_model="llama",gen_ai_response_model=""} 0.1
gen_ai_client_operation_duration_seconds_sum{error_type="upstream_timeout",gen_ai_operation_name="chat",gen_ai_provider_name="house",gen_ai_request_model="llama",gen_ai_response_model=""} 1
gen_ai_client_token_usage_sum{gen_ai_operation_name="chat",gen_ai_provider_name="gcp.gemini",gen_ai_request_model="gemini-2.5-pro",gen_ai_response_model="gemini-2.5-pro-002",gen_ai_token_type="input"} 1200
gen_ai_client_token_usage_sum{gen_ai_operation_name="chat",gen_ai_provider_name="gcp.gemini",gen_ai_request_model="gemini-2.5-pro",gen_ai_response_model="gemini-2.5-pro-002",gen_ai_token_type="output"} 101
gen_ai_server_time_per_output_token_seconds_sum{gen_ai_operation_name="chat",gen_ai_provider_name="gcp.gemini",gen_ai_request_model="gemini-2.5-pro",gen_ai_response_model="gemini-2.5-pro-002"} 0.025
gen_ai_server_time_to_first_token_seconds_sum{gen_ai_operation_name="chat",gen_ai_provider_name="gcp.gemini",gen_ai_request_model="gemini-2.5-pro",gen_ai_response_model="gemini-2.5-pro-002"} 2.5
`)
}

func TestWhatIsNotStreamedHasNoTokenTimes(t *testing.T) {
	m := newTestMeter()
	x := fallbackExchange()
	x.Stream = false
	m.observe(x)
	expect(t, scrape(t, m, "gen_ai_server_"), "")
}

func TestAnExchangeWithoutAttemptsHasEmptyLabels(t *testing.T) {
	m := newTestMeter()
	m.observe(&llm.Exchange{Endpoint: llm.Chat, Outcome: llm.OutcomeClientError})
	expect(t, scrape(t, m, "llm_gateway_requests", "llm_gateway_tokens", "llm_gateway_cost", "llm_gateway_unpriced", "gen_ai_"), `
llm_gateway_requests_total{deployment="",model="",outcome="client_error",provider="",variant=""} 1
`)
}

func TestAnAnswerWithoutAPriceIsUnpricedNotFree(t *testing.T) {
	answered := []llm.Attempt{{Provider: "house", Model: "llama", Status: 200, Verdict: llm.VerdictOK}}
	known := llm.Usage{Input: 3, Output: 4, Known: true}
	tests := []struct {
		name     string
		attempts []llm.Attempt
		usage    llm.Usage
		cost     llm.Cost
		want     string // the series that counts it
	}{
		{"no price", answered, known, llm.Cost{}, "llm_gateway_unpriced_total"},
		{"a price, and no usage to apply it to", answered, llm.Usage{}, llm.Cost{Priced: true}, "llm_gateway_unpriced_total"},
		{"not a number", answered, known, llm.Cost{USD: math.NaN(), Priced: true}, "llm_gateway_unpriced_total"},
		{"negative", answered, known, llm.Cost{USD: -1, Priced: true}, "llm_gateway_unpriced_total"},
		{"a price of zero", answered, known, llm.Cost{Priced: true}, "llm_gateway_cost_usd_total"},
		{"a price per image", answered, llm.Usage{}, llm.Cost{USD: 0.04, Priced: true}, "llm_gateway_cost_usd_total"},
		{"no answer", nil, llm.Usage{}, llm.Cost{}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := newTestMeter()
			m.observe(&llm.Exchange{Provider: "house", Model: "llama", Attempts: test.attempts, Usage: test.usage, Cost: test.cost})
			name, _, _ := strings.Cut(scrape(t, m, "llm_gateway_unpriced", "llm_gateway_cost"), "{")
			if name != test.want {
				t.Errorf("counted by %q, want %q", name, test.want)
			}
		})
	}
}

func TestNumbersOutOfRangeDoNotPanic(t *testing.T) {
	m := newTestMeter()
	x := fallbackExchange()
	x.Usage.Input, x.Usage.Output = -5, math.MinInt64
	x.Cost.USD = math.Inf(1)
	x.FirstToken, x.Attempts[2].Duration = -time.Second, -time.Second
	m.observe(x)
	expect(t, scrape(t, m, "llm_gateway_tokens_total"), `
llm_gateway_tokens_total{deployment="support",model="gemini-2.5-pro",provider="google",type="cache_write",variant="enterprise"} 50
llm_gateway_tokens_total{deployment="support",model="gemini-2.5-pro",provider="google",type="cached_input",variant="enterprise"} 1000
llm_gateway_tokens_total{deployment="support",model="gemini-2.5-pro",provider="google",type="reasoning",variant="enterprise"} 40
`)
}

func TestErrorTypesAreAClosedSet(t *testing.T) {
	tests := []struct {
		outcome llm.Outcome
		attempt llm.Attempt
		want    string
	}{
		{llm.OutcomeOK, llm.Attempt{Verdict: llm.VerdictOK, Status: 200}, ""},
		{llm.OutcomeOK, llm.Attempt{Verdict: llm.VerdictAgain, Status: 429, ErrorCode: "whatever"}, "429"},
		{llm.OutcomeOK, llm.Attempt{Verdict: llm.VerdictNext, Status: 529}, "529"},
		{llm.OutcomeOK, llm.Attempt{Verdict: llm.VerdictNext, Status: 499}, "4xx"},
		{llm.OutcomeOK, llm.Attempt{Verdict: llm.VerdictNext, Status: 599}, "5xx"},
		{llm.OutcomeOK, llm.Attempt{Verdict: llm.VerdictNext, Status: 999}, "other"},
		{llm.OutcomeOK, llm.Attempt{Verdict: llm.VerdictNext, Status: 200, ErrorCode: "server_error"}, "server_error"},
		{llm.OutcomeOK, llm.Attempt{Verdict: llm.VerdictNext, Status: 200, ErrorCode: "req_7f3a failed"}, "other"},
		{llm.OutcomeOK, llm.Attempt{Verdict: llm.VerdictNext}, "other"},
		{llm.OutcomeCancelled, llm.Attempt{Verdict: llm.VerdictStop}, "cancelled"},
		{llm.OutcomeCancelled, llm.Attempt{Verdict: llm.VerdictOK, Status: 200}, "cancelled"},
		{llm.OutcomeInterrupted, llm.Attempt{Verdict: llm.VerdictOK, Status: 200, ErrorCode: "x"}, "stream_interrupted"},
		{llm.OutcomeTimeout, llm.Attempt{Verdict: llm.VerdictOK, Status: 200}, "upstream_timeout"},
		{"", llm.Attempt{Verdict: llm.VerdictOK, Status: 200, ErrorCode: "req_7f3a failed"}, "other"},
		{"", llm.Attempt{Verdict: llm.VerdictOK, Status: 200, ErrorCode: "overloaded_error"}, "overloaded_error"},
	}
	for _, test := range tests {
		x := &llm.Exchange{Outcome: test.outcome}
		if got := errorType(x, &test.attempt); got != test.want {
			t.Errorf("errorType(%q, %+v) = %q, want %q", test.outcome, test.attempt, got, test.want)
		}
	}
}

func TestTheSmallCountersCount(t *testing.T) {
	m := newTestMeter()
	m.addInFlight("support", 1)
	m.addInFlight("support", 1)
	m.addInFlight("support", -1)
	m.ruleError("support", "enterprise")
	m.recorded("stored", 3)
	m.recorded("dropped", 1)
	m.recorded("burnt", 1)
	m.feedbackGiven("support", "default", "rating")
	m.feedbackGiven("support", "default", "<script>")
	expect(t, scrape(t, m, "llm_gateway_in_flight", "llm_gateway_rule_errors", "llm_gateway_records", "llm_gateway_feedback"), `
llm_gateway_feedback_total{deployment="support",name="other",variant="default"} 1
llm_gateway_feedback_total{deployment="support",name="rating",variant="default"} 1
llm_gateway_in_flight{deployment="support"} 1
llm_gateway_records_total{result="dropped"} 1
llm_gateway_records_total{result="other"} 1
llm_gateway_records_total{result="stored"} 3
llm_gateway_rule_errors_total{deployment="support",variant="enterprise"} 1
`)
}

func TestRestingIsAskedAtEachScrape(t *testing.T) {
	m := newMeter()
	l := testLabels()
	asleep := map[string]bool{"house/llama": true}
	l.Healthy = func(target string) bool { return !asleep[target] }
	m.allow(l)
	expect(t, scrape(t, m, "llm_gateway_target_resting"), `
llm_gateway_target_resting{model="gemini-2.5-pro",provider="google"} 0
llm_gateway_target_resting{model="gemini-2.5-pro-002",provider="google"} 0
llm_gateway_target_resting{model="llama",provider="house"} 1
`)
	asleep["house/llama"] = false
	expect(t, scrape(t, m, `llm_gateway_target_resting{model="llama"`), `
llm_gateway_target_resting{model="llama",provider="house"} 0
`)
}

func TestExchangesAreCountedWhileTheConfigChanges(t *testing.T) {
	m := newTestMeter()
	var workers sync.WaitGroup
	const each = 200
	for range 4 {
		workers.Go(func() {
			for range each {
				m.addInFlight("support", 1)
				m.observe(fallbackExchange())
				m.addInFlight("support", -1)
			}
		})
	}
	for range 20 {
		m.allow(Labels{Deployments: map[string][]string{"another": {"default"}}})
	}
	workers.Wait()
	expect(t, scrape(t, m, "llm_gateway_requests_total", "llm_gateway_in_flight"), `
llm_gateway_in_flight{deployment="support"} 0
llm_gateway_requests_total{deployment="support",model="gemini-2.5-pro",outcome="ok",provider="google",variant="enterprise"} 800
`)
}

func TestCountingAllocatesNothing(t *testing.T) {
	m := newTestMeter()
	x := fallbackExchange()
	m.observe(x)
	m.addInFlight("support", 0)
	if n := testing.AllocsPerRun(100, func() { m.observe(x) }); n != 0 {
		t.Errorf("observe allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() { m.addInFlight("support", 1) }); n != 0 {
		t.Errorf("addInFlight allocates %v times", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	for _, attempts := range []string{"one attempt", "three attempts"} {
		b.Run(attempts, func(b *testing.B) {
			m := newTestMeter()
			x := fallbackExchange()
			if attempts == "one attempt" {
				x.Attempts = x.Attempts[2:]
			}
			b.ReportAllocs()
			for b.Loop() {
				m.observe(x)
			}
		})
	}
}

func BenchmarkObserveParallel(b *testing.B) {
	m := newTestMeter()
	x := fallbackExchange()
	x.Attempts = x.Attempts[2:]
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			m.observe(x)
		}
	})
}
