package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/mulligan-gateway/mulligan/llm"
)

// Observe counts a finished exchange and its attempts. It is on the path of every request:
// once a combination of labels has been seen, it allocates nothing.
func Observe(x *llm.Exchange) { shared.observe(x) }

func (m *meter) observe(x *llm.Exchange) {
	s := m.labels.Load()
	k := s.exchangeKey(x)
	c := m.exchangeChildren(k)
	c.requests.Inc()
	m.overhead.Observe(x.Overhead().Seconds())
	if hasUsage(x) {
		m.observeUsage(k, c, &x.Usage)
	}
	m.observeCost(k, c, x)
	m.observeStream(k, c, x)
	for i := range x.Attempts {
		a := m.attemptChildren(s.attemptKey(x, &x.Attempts[i], &k))
		a.attempts.Inc()
		a.duration.Observe(x.Attempts[i].Duration.Seconds())
	}
}

// recordResults are what may become of a record: what record.Results has.
var recordResults = []string{"stored", "spilled", "dropped", "damaged"}

// Recorded counts records of which the same became.
func Recorded(result string, n int) { shared.recorded(result, n) }

func (m *meter) recorded(result string, n int) {
	if !slices.Contains(recordResults, result) {
		result = other
	}
	m.records.WithLabelValues(result).Add(float64(max(n, 0)))
}

// observeUsage counts tokens. Numbers come from providers, so a negative one, which a
// counter does not take, is left out.
func (m *meter) observeUsage(k exchangeKey, c *exchangeChildren, u *llm.Usage) {
	for i, n := range [...]int64{u.Input, u.Output, u.CachedInput, u.CacheWrite, u.Reasoning} {
		if n <= 0 {
			continue
		}
		c.tokens[i].get(func() prometheus.Counter {
			return m.tokens.WithLabelValues(k.deployment, k.variant, k.provider, k.model, tokenTypes[i])
		}).Add(float64(n))
		if i < len(c.tokenUsage) {
			c.tokenUsage[i].get(func() prometheus.Observer {
				return m.tokenUsage.WithLabelValues(k.operation, k.genAIProvider, k.model, k.responseModel, tokenTypes[i])
			}).Observe(float64(n))
		}
	}
}

// tokenTypes are the type labels in the order in which they are counted. The first two are
// the token types of the gen_ai series as well.
var tokenTypes = [...]string{tokensInput, tokensOutput, tokensCached, tokensCacheWrite, tokensReasoning}

func (m *meter) observeCost(k exchangeKey, c *exchangeChildren, x *llm.Exchange) {
	if usd, ok := priced(x); ok {
		c.cost.get(func() prometheus.Counter {
			return m.cost.WithLabelValues(k.deployment, k.variant, k.provider, k.model)
		}).Add(usd)
		return
	}
	if unpriced(x) {
		c.unpriced.get(func() prometheus.Counter {
			return m.unpriced.WithLabelValues(k.provider, k.model)
		}).Inc()
	}
}

func (m *meter) observeStream(k exchangeKey, c *exchangeChildren, x *llm.Exchange) {
	if x.Stream && x.FirstToken > 0 {
		c.firstToken.get(func() prometheus.Observer {
			return m.firstToken.WithLabelValues(k.operation, k.genAIProvider, k.model, k.responseModel)
		}).Observe(x.FirstToken.Seconds())
	}
	if d, ok := perOutputToken(x); ok {
		c.perToken.get(func() prometheus.Observer {
			return m.perToken.WithLabelValues(k.operation, k.genAIProvider, k.model, k.responseModel)
		}).Observe(d.Seconds())
	}
}

// InFlight adds delta to the number of a deployment's exchanges that are being served now:
// 1 when one begins, -1 when it is finished. It allocates nothing.
func InFlight(deployment string, delta int) { shared.addInFlight(deployment, delta) }

func (m *meter) addInFlight(deployment string, delta int) {
	d, _ := m.labels.Load().pair(kindDeployment, deployment, "")
	m.inFlightChild(d).Add(float64(delta))
}

// isServing says whether a deployment has exchanges in flight.
func (m *meter) isServing(deployment string) bool {
	var value dto.Metric
	if err := m.inFlightChild(deployment).Write(&value); err != nil {
		return true // unknown: keep it
	}
	return value.GetGauge().GetValue() != 0
}

// RuleError counts a rule of a deployment's variant that failed while it was evaluated.
func RuleError(deployment, variant string) { shared.ruleError(deployment, variant) }

func (m *meter) ruleError(deployment, variant string) {
	d, v := m.labels.Load().pair(kindDeployment, deployment, variant)
	m.ruleErrors.WithLabelValues(d, v).Inc()
}
