package metrics

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Labels of the llm_gateway series.
const (
	labelDeployment = "deployment"
	labelVariant    = "variant"
	labelProvider   = "provider"
	labelModel      = "model"
	labelOutcome    = "outcome"
	labelVerdict    = "verdict"
	labelType       = "type"
	labelResult     = "result"
	labelName       = "name"
)

// Values of the type label of llm_gateway_tokens_total.
const (
	tokensInput      = "input"
	tokensOutput     = "output"
	tokensCached     = "cached_input"
	tokensCacheWrite = "cache_write"
	tokensReasoning  = "reasoning"
)

// overheadBounds are bucket bounds in seconds, from 10 µs: the gateway's own work is
// microseconds, and a second of it is a fault.
var overheadBounds = []float64{
	0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005,
	0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
}

// series is one row of the table of series.
type series struct {
	name      string
	kind      string // counter, gauge or histogram
	unit      string
	help      string
	labels    []string
	bounds    []float64 // upper bucket bounds of a histogram
	worstCase string    // how many series there can be, in words for the documentation
	note      string    // what a reader of the numbers should know; may be ""
	collector prometheus.Collector
}

// meter is a set of collectors with the labels they may have. The process has one, shared;
// tests make their own.
type meter struct {
	table []series

	requests, attempts, tokens, cost, unpriced *prometheus.CounterVec
	ruleErrors, records, feedback              *prometheus.CounterVec
	inFlight                                   *prometheus.GaugeVec
	overhead                                   prometheus.Histogram

	tokenUsage, duration, firstToken, perToken *prometheus.HistogramVec

	labelState
	children
}

var shared = newMeter()

// newMeter builds the table of all series. D is the number of (deployment, variant) pairs of
// the config and T the number of targets (provider/model pairs); each label set also has
// "other", and "" where there was none. Only combinations that occur become series: a
// variant has a handful of targets, so D × T is far from reached.
func newMeter() *meter {
	m := &meter{}
	m.labels.Store(newLabelSet())

	m.requests = m.counter(series{
		name: "llm_gateway_requests_total", unit: "exchanges",
		help:      "Finished exchanges, by how they ended.",
		labels:    []string{labelDeployment, labelVariant, labelProvider, labelModel, labelOutcome},
		worstCase: "D × T × 7 outcomes",
		note:      "`provider` and `model` are what answered, or were tried last; both are empty when no provider was called.",
	})
	m.attempts = m.counter(series{
		name: "llm_gateway_attempts_total", unit: "requests to providers",
		help:      "Requests to providers, by what their result meant for the attempts after them.",
		labels:    []string{labelProvider, labelModel, labelVerdict},
		worstCase: "T × 4 verdicts",
	})
	m.tokens = m.counter(series{
		name: "llm_gateway_tokens_total", unit: "tokens",
		help:      "Tokens used by answers, by type.",
		labels:    []string{labelDeployment, labelVariant, labelProvider, labelModel, labelType},
		worstCase: "D × T × 5 types",
		note: "`input` and `output` are the totals. `cached_input` and `cache_write` are parts of `input`, " +
			"`reasoning` is a part of `output`: adding all five counts tokens twice.",
	})
	m.cost = m.counter(series{
		name: "llm_gateway_cost_usd_total", unit: "US dollars",
		help:      "Cost in US dollars of the answers whose price is known.",
		labels:    []string{labelDeployment, labelVariant, labelProvider, labelModel},
		worstCase: "D × T",
		note:      "Answers without a known price are not in it: see `llm_gateway_unpriced_total`.",
	})
	m.unpriced = m.counter(series{
		name: "llm_gateway_unpriced_total", unit: "exchanges",
		help:      "Answers that could not be priced, as the garden knows no price or the provider reported no usage.",
		labels:    []string{labelProvider, labelModel},
		worstCase: "T",
		note:      "While it grows, `llm_gateway_cost_usd_total` is lower than what providers charge.",
	})
	m.overhead = m.plainHistogram(series{
		name: "llm_gateway_overhead_seconds", unit: "seconds",
		help:      "Time of an exchange in seconds that was not spent waiting for a provider or for the client.",
		bounds:    overheadBounds,
		worstCase: "1",
	})
	m.inFlight = m.gauge(series{
		name: "llm_gateway_in_flight", unit: "exchanges",
		help:      "Exchanges that are being served now.",
		labels:    []string{labelDeployment},
		worstCase: "number of deployments",
	})
	m.pulled(series{
		name: restingName, unit: "0 or 1",
		help:      "1 while a target rests after failures and is passed over, else 0.",
		labels:    []string{labelProvider, labelModel},
		worstCase: "T",
		note:      "Every target of the running config has a series. It is read when scraped.",
	}, &restingCollector{state: &m.labelState})
	m.ruleErrors = m.counter(series{
		name: "llm_gateway_rule_errors_total", unit: "rule evaluations",
		help:      "Rules that failed while they were evaluated. A missing key is not an error.",
		labels:    []string{labelDeployment, labelVariant},
		worstCase: "D",
	})
	m.records = m.counter(series{
		name: "llm_gateway_records_total", unit: "records",
		help:      "Records of exchanges, by what became of them.",
		labels:    []string{labelResult},
		worstCase: "4 results",
		note:      "`stored`; `spilled` to the disk, to be stored later, which counts it again; `dropped`, as there was room nowhere; `damaged`, when the spill file cannot be read or the store refuses the record.",
	})
	m.feedback = m.counter(series{
		name: "llm_gateway_feedback_total", unit: "feedbacks",
		help:      "Feedback that was acknowledged, by its name.",
		labels:    []string{labelDeployment, labelVariant, labelName},
		worstCase: "D × number of declared feedback names",
		note:      "`deployment` and `variant` are empty for feedback whose exchange is not known. What is said again in place of before counts again; what is taken back counts no less.",
	})
	m.genAI()
	return m
}

func (m *meter) counter(s series) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: s.name, Help: s.help}, s.labels)
	m.add(s, "counter", c)
	return c
}

func (m *meter) gauge(s series) *prometheus.GaugeVec {
	c := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: s.name, Help: s.help}, s.labels)
	m.add(s, "gauge", c)
	return c
}

func (m *meter) histogram(s series) *prometheus.HistogramVec {
	c := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: s.name, Help: s.help, Buckets: s.bounds}, s.labels)
	m.add(s, "histogram", c)
	return c
}

func (m *meter) plainHistogram(s series) prometheus.Histogram {
	c := prometheus.NewHistogram(prometheus.HistogramOpts{Name: s.name, Help: s.help, Buckets: s.bounds})
	m.add(s, "histogram", c)
	return c
}

// pulled adds a gauge whose values are asked for at each scrape.
func (m *meter) pulled(s series, c *restingCollector) {
	c.desc = prometheus.NewDesc(s.name, s.help, s.labels, nil)
	m.add(s, "gauge", c)
}

func (m *meter) add(s series, kind string, c prometheus.Collector) {
	s.kind, s.collector = kind, c
	m.table = append(m.table, s)
}

// Register adds every series to a config's registry. The collectors are the same for every
// registry of the process, so a new config goes on from the totals of the one before it.
// Registering twice into one registry is fine; it fails when somebody else has registered a
// series under one of these names. A nil registry is none, and fine.
func Register(r prometheus.Registerer) error { return shared.register(r) }

func (m *meter) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	for i := range m.table {
		s := &m.table[i]
		err := r.Register(s.collector)
		var already prometheus.AlreadyRegisteredError
		if errors.As(err, &already) && already.ExistingCollector == s.collector {
			continue
		}
		if err != nil {
			return fmt.Errorf("register metric %s: %w", s.name, err)
		}
	}
	return nil
}
