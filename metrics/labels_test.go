package metrics

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/llm"
)

func TestUnknownValuesAreOther(t *testing.T) {
	s := newTestMeter().labels.Load()
	tests := []struct {
		kind                 kind
		outer, inner         string
		wantOuter, wantInner string
	}{
		{kindDeployment, "support", "default", "support", "default"},
		{kindDeployment, "support", "", "support", ""},
		{kindDeployment, "support", "made up", "support", "other"},
		{kindDeployment, "made up", "default", "other", "other"},
		{kindDeployment, "made up", "", "other", ""},
		{kindDeployment, "", "", "", ""},
		{kindDeployment, "house", "llama", "other", "other"}, // a target is no deployment
		{kindProvider, "house", "llama", "house", "llama"},
		{kindProvider, "house", "gemini-2.5-pro", "house", "other"}, // another provider's model
		{kindProvider, "", "", "", ""},
	}
	for _, test := range tests {
		outer, inner := s.pair(test.kind, test.outer, test.inner)
		if outer != test.wantOuter || inner != test.wantInner {
			t.Errorf("pair(%d, %q, %q) = %q, %q, want %q, %q",
				test.kind, test.outer, test.inner, outer, inner, test.wantOuter, test.wantInner)
		}
	}
}

func TestNobodyOutsideCanAddSeries(t *testing.T) {
	m := newTestMeter()
	x := fallbackExchange()
	m.observe(x)
	known := strings.Count(scrapeText(t, m), "\n")
	grown := 0
	for i := range 50 {
		junk := fmt.Sprint("junk", i)
		x.Deployment, x.Variant, x.Provider, x.Model = junk, junk, junk, junk
		x.ResponseModel, x.Endpoint, x.Outcome = junk, llm.Endpoint(junk), llm.Outcome(junk)
		x.Attempts[0] = llm.Attempt{Provider: junk, Model: junk, ErrorCode: junk, Verdict: llm.Verdict(junk)}
		m.observe(x)
		m.addInFlight(junk, 1)
		m.ruleError(junk, junk)
		m.feedbackGiven(junk, junk, junk)
		lines := strings.Count(scrapeText(t, m), "\n")
		if i > 0 && lines != grown {
			t.Fatalf("exchange %d made %d lines into %d", i, grown, lines)
		}
		grown = lines
	}
	if grown == known {
		t.Error("unknown values are counted nowhere")
	}
	if text := scrapeText(t, m); strings.Contains(text, "junk") {
		t.Error("a value from outside is a label")
	}
}

func TestNamesOfAnEarlierConfigAreStillCounted(t *testing.T) {
	m := newTestMeter()
	m.allow(Labels{Deployments: map[string][]string{"another": nil}})
	m.observe(fallbackExchange()) // began before the reload
	expect(t, scrape(t, m, "llm_gateway_requests_total", "gen_ai_server_time_to_first_token_seconds_count"), `
gen_ai_server_time_to_first_token_seconds_count{gen_ai_operation_name="chat",gen_ai_provider_name="gcp.gemini",gen_ai_request_model="gemini-2.5-pro",gen_ai_response_model="gemini-2.5-pro-002"} 1
llm_gateway_requests_total{deployment="support",model="gemini-2.5-pro",outcome="ok",provider="google",variant="enterprise"} 1
`)
}

// crowd is a config with nothing but n deployments and targets that no other config has.
func crowd(prefix string, n int) Labels {
	l := Labels{Deployments: map[string][]string{}}
	for i := range n {
		l.Deployments[fmt.Sprint(prefix, i)] = nil
		l.Targets = append(l.Targets, Target{"crowd", fmt.Sprint(prefix, i)})
	}
	return l
}

func TestNamesRetiredLongAgoAreForgottenWithTheirSeries(t *testing.T) {
	m := newTestMeter()
	m.observe(fallbackExchange())
	m.addInFlight("support", 1)
	m.addInFlight("support", -1)
	m.ruleError("support", "default")
	m.feedbackGiven("support", "default", "rating")
	m.allow(crowd("a", maxRetired))
	if text := scrapeText(t, m); !strings.Contains(text, `"support"`) || !strings.Contains(text, "gemini") {
		t.Fatal("forgotten after one reload")
	}
	m.allow(crowd("b", 1))
	text := scrapeText(t, m)
	for _, gone := range []string{"support", "enterprise", "gemini", "llama", "house", `name="rating"`} {
		if strings.Contains(text, gone) {
			t.Errorf("%s is still there:\n%s", gone, text)
		}
	}
	s := m.labels.Load()
	if most := maxRetired + 3; len(s.known) > most { // the last config's own names are 3
		t.Errorf("%d names are known, want at most %d", len(s.known), most)
	}
	m.observe(fallbackExchange())
	expect(t, scrape(t, m, "llm_gateway_requests_total"), `
llm_gateway_requests_total{deployment="other",model="other",outcome="ok",provider="other",variant="other"} 1
`)
}

func TestADeploymentInFlightIsNotForgotten(t *testing.T) {
	m := newTestMeter()
	m.addInFlight("support", 1)
	m.allow(crowd("a", maxRetired))
	m.allow(crowd("b", 1))
	m.addInFlight("support", -1)
	expect(t, scrape(t, m, `llm_gateway_in_flight`), `
llm_gateway_in_flight{deployment="support"} 0
`)
}

func TestAForgottenProviderLeavesTheSeriesOfItsVendor(t *testing.T) {
	const first, second = "openai-eu", "openai-us"
	vendor := map[string]string{first: "openai", second: "openai"}
	m := newMeter()
	m.allow(Labels{Targets: []Target{{first, "gpt"}, {second, "gpt"}}, Providers: vendor})
	for _, p := range []string{first, second} {
		m.observe(&llm.Exchange{
			Endpoint: llm.Chat, Provider: p, Model: "gpt", Outcome: llm.OutcomeOK,
			Attempts: []llm.Attempt{{Provider: p, Model: "gpt", Status: 200, Verdict: llm.VerdictOK}},
		})
	}
	kept := Labels{Targets: []Target{{second, "gpt"}}, Providers: vendor}
	for _, c := range []Labels{crowd("a", maxRetired), crowd("b", 1)} {
		c.Targets = append(c.Targets, kept.Targets...)
		m.allow(c)
	}
	expect(t, scrape(t, m, "llm_gateway_requests_total", "gen_ai_client_operation_duration_seconds_count"), `
gen_ai_client_operation_duration_seconds_count{error_type="",gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="gpt",gen_ai_response_model=""} 2
llm_gateway_requests_total{deployment="",model="gpt",outcome="ok",provider="openai-us",variant=""} 1
`)
}
