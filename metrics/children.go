package metrics

import (
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mulligan-gateway/mulligan/llm"
)

// children are the series that have been resolved from their labels, so that an exchange
// whose labels were seen before is counted without resolving them again. They are found by
// label values that Allow knows, so there are as many as the config allows.
type children struct {
	exchanges cache[exchangeKey, exchangeChildren]
	tries     cache[attemptKey, attemptChildren]
	serving   cache[string, prometheus.Gauge]
}

// reset forgets what was resolved; the series themselves stay.
func (c *children) reset() {
	c.exchanges.reset()
	c.tries.reset()
	c.serving.reset()
}

// exchangeKey holds every label value of an exchange.
type exchangeKey struct {
	deployment, variant, provider, model    string
	operation, genAIProvider, responseModel string
	outcome                                 llm.Outcome
}

// exchangeChildren are the series of one exchangeKey. All but the first are made when there
// is something to count: a cost of 0 would say that an unpriced model is free.
type exchangeChildren struct {
	requests             prometheus.Counter
	tokens               [len(tokenTypes)]slot[prometheus.Counter]
	tokenUsage           [2]slot[prometheus.Observer] // input, output
	cost, unpriced       slot[prometheus.Counter]
	firstToken, perToken slot[prometheus.Observer]
}

func (s *labelSet) exchangeKey(x *llm.Exchange) exchangeKey {
	k := exchangeKey{operation: operationLabel(x.Endpoint), outcome: outcomeLabel(x.Outcome)}
	k.deployment, k.variant = s.pair(kindDeployment, x.Deployment, x.Variant)
	k.provider, k.model = s.pair(kindProvider, x.Provider, x.Model)
	k.genAIProvider = s.genAIProvider(k.provider)
	k.responseModel = s.responseModel(x.Provider, x.ResponseModel)
	return k
}

func (m *meter) exchangeChildren(k exchangeKey) *exchangeChildren {
	if c := m.exchanges.get(k); c != nil {
		return c
	}
	return m.exchanges.put(k, &exchangeChildren{
		requests: m.requests.WithLabelValues(k.deployment, k.variant, k.provider, k.model, string(k.outcome)),
	})
}

// attemptKey holds every label value of an attempt.
type attemptKey struct {
	provider, model                         string
	operation, genAIProvider, responseModel string
	errorType                               string
	verdict                                 llm.Verdict
}

// attemptChildren are the series of one attemptKey.
type attemptChildren struct {
	attempts prometheus.Counter
	duration prometheus.Observer
}

// attemptKey returns an attempt's labels, taking what it shares with its exchange from k.
func (s *labelSet) attemptKey(x *llm.Exchange, a *llm.Attempt, k *exchangeKey) attemptKey {
	t := attemptKey{operation: k.operation, errorType: errorType(x, a), verdict: verdictLabel(a.Verdict)}
	if a.Provider == x.Provider && a.Model == x.Model {
		t.provider, t.model, t.genAIProvider = k.provider, k.model, k.genAIProvider
	} else {
		t.provider, t.model = s.pair(kindProvider, a.Provider, a.Model)
		t.genAIProvider = s.genAIProvider(t.provider)
	}
	if a.Verdict == llm.VerdictOK {
		t.responseModel = k.responseModel
	}
	return t
}

func (m *meter) attemptChildren(k attemptKey) *attemptChildren {
	if c := m.tries.get(k); c != nil {
		return c
	}
	return m.tries.put(k, &attemptChildren{
		attempts: m.attempts.WithLabelValues(k.provider, k.model, string(k.verdict)),
		duration: m.duration.WithLabelValues(k.operation, k.genAIProvider, k.model, k.responseModel, k.errorType),
	})
}

func (m *meter) inFlightChild(deployment string) prometheus.Gauge {
	if g := m.serving.get(deployment); g != nil {
		return *g
	}
	g := m.inFlight.WithLabelValues(deployment)
	return *m.serving.put(deployment, &g)
}

func outcomeLabel(o llm.Outcome) llm.Outcome {
	switch o {
	case llm.OutcomeOK, llm.OutcomeClientError, llm.OutcomeUpstreamError, llm.OutcomeTimeout,
		llm.OutcomeCancelled, llm.OutcomeInterrupted, llm.OutcomeRefused:
		return o
	default:
		return other
	}
}

func verdictLabel(v llm.Verdict) llm.Verdict {
	switch v {
	case llm.VerdictOK, llm.VerdictAgain, llm.VerdictNext, llm.VerdictStop:
		return v
	default:
		return other
	}
}

// cache is a map for many readers. sync.Map would allocate for each look-up, as its keys
// are interfaces.
type cache[K comparable, V any] struct {
	mu sync.RWMutex
	m  map[K]*V
}

func (c *cache[K, V]) get(k K) *V {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.m[k]
}

// put adds v unless somebody was faster, and returns what the cache has.
func (c *cache[K, V]) put(k K, v *V) *V {
	c.mu.Lock()
	defer c.mu.Unlock()
	if first, ok := c.m[k]; ok {
		return first
	}
	if c.m == nil {
		c.m = map[K]*V{}
	}
	c.m[k] = v
	return v
}

func (c *cache[K, V]) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.m = nil
}

// slot holds one series from its first use on. Two goroutines that fill it at once get the
// same series from the collector, so either may win.
type slot[T any] struct{ p atomic.Pointer[T] }

func (s *slot[T]) get(resolve func() T) T {
	if p := s.p.Load(); p != nil {
		return *p
	}
	v := resolve()
	s.p.Store(&v)
	return v
}
