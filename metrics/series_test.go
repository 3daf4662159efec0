package metrics

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// contract is every series of the interface with its labels, word for word, and ours.
var contract = map[string]string{
	"llm_gateway_requests_total":                  "deployment variant provider model outcome",
	"llm_gateway_attempts_total":                  "provider model verdict",
	"llm_gateway_tokens_total":                    "deployment variant provider model type",
	"llm_gateway_cost_usd_total":                  "deployment variant provider model",
	"llm_gateway_overhead_seconds":                "",
	"llm_gateway_in_flight":                       "deployment",
	"llm_gateway_target_resting":                  "provider model",
	"llm_gateway_rule_errors_total":               "deployment variant",
	"llm_gateway_records_total":                   "result",
	"llm_gateway_feedback_total":                  "deployment variant name",
	"llm_gateway_unpriced_total":                  "provider model",
	"gen_ai_client_token_usage":                   "gen_ai_operation_name gen_ai_provider_name gen_ai_request_model gen_ai_response_model gen_ai_token_type",
	"gen_ai_client_operation_duration_seconds":    "gen_ai_operation_name gen_ai_provider_name gen_ai_request_model gen_ai_response_model error_type",
	"gen_ai_server_time_to_first_token_seconds":   "gen_ai_operation_name gen_ai_provider_name gen_ai_request_model gen_ai_response_model",
	"gen_ai_server_time_per_output_token_seconds": "gen_ai_operation_name gen_ai_provider_name gen_ai_request_model gen_ai_response_model",
}

func TestTheTableIsTheContract(t *testing.T) {
	m := newMeter()
	if len(m.table) != len(contract) {
		t.Errorf("%d series, want %d", len(m.table), len(contract))
	}
	for _, s := range m.table {
		want, ok := contract[s.name]
		if got := strings.Join(s.labels, " "); !ok || got != want {
			t.Errorf("%s{%s}, want {%s}", s.name, got, want)
		}
		if s.help == "" || s.unit == "" || s.worstCase == "" {
			t.Errorf("%s has no help, unit or worst case", s.name)
		}
	}
}

func TestTotalsSurviveAReload(t *testing.T) {
	m := newTestMeter()
	first, second := prometheus.NewPedanticRegistry(), prometheus.NewPedanticRegistry()
	if err := m.register(first); err != nil {
		t.Fatal(err)
	}
	m.observe(fallbackExchange())
	m.allow(testLabels()) // the reload
	if err := m.register(second); err != nil {
		t.Fatal(err)
	}
	m.observe(fallbackExchange()) // an exchange that began before it, say
	for name, r := range map[string]*prometheus.Registry{"old": first, "new": second} {
		families, err := r.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "llm_gateway_requests_total" && f.GetMetric()[0].GetCounter().GetValue() != 2 {
				t.Errorf("%s registry shows %v, want 2", name, f)
			}
		}
	}
}

func TestRegisteringTwiceIsFine(t *testing.T) {
	r := prometheus.NewPedanticRegistry()
	for range 2 {
		if err := Register(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := Register(nil); err != nil {
		t.Errorf("without a registry: %v", err)
	}
}

func TestASeriesOfSomebodyElseIsAnError(t *testing.T) {
	r := prometheus.NewRegistry()
	r.MustRegister(prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "llm_gateway_in_flight", Help: "Exchanges that are being served now.",
	}, []string{"deployment"}))
	err := newMeter().register(r)
	if err == nil || !strings.Contains(err.Error(), "llm_gateway_in_flight") {
		t.Errorf("got %v, want an error that names the series", err)
	}
}

func TestSeriesPassPrometheusLint(t *testing.T) {
	m := newMeter()
	l := testLabels()
	l.Healthy = func(string) bool { return true }
	m.allow(l)
	m.observe(fallbackExchange())
	x := fallbackExchange()
	x.Cost.Priced = false
	m.observe(x)
	m.addInFlight("support", 1)
	m.ruleError("support", "default")
	m.recorded("stored", 1)
	m.feedbackGiven("support", "default", "rating")
	families := gather(t, m)
	if len(families) != len(contract) {
		t.Errorf("%d families were linted, want all %d", len(families), len(contract))
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

var update = flag.Bool("update", false, "write docs/metrics.md")

func TestTheDocumentationIsUpToDate(t *testing.T) {
	const path = "../docs/metrics.md"
	if *update {
		if err := os.WriteFile(path, Docs(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, Docs()) {
		t.Error("docs/metrics.md is not what the table says: run make docs")
	}
	for name, labels := range contract {
		if !bytes.Contains(got, []byte("### "+name+"\n")) {
			t.Errorf("%s is not documented", name)
		}
		if list := "`" + strings.ReplaceAll(labels, " ", "`, `") + "`"; labels != "" && !bytes.Contains(got, []byte(list)) {
			t.Errorf("labels %s of %s are not documented", list, name)
		}
	}
}
