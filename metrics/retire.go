package metrics

import "github.com/prometheus/client_golang/prometheus"

// removable is a family of series that can lose some of them.
type removable interface {
	DeletePartialMatch(labels prometheus.Labels) int
}

// removeSeries removes what was counted under a name that was forgotten between two label
// sets. A name that comes back later begins at zero, which Prometheus takes as a restart.
func (m *meter) removeSeries(n name, before, after *labelSet) {
	switch n.kind {
	case kindDeployment:
		m.removePairs([]removable{m.requests, m.tokens, m.cost, m.ruleErrors, m.feedback},
			labelDeployment, labelVariant, n)
		if n.inner == "" {
			m.inFlight.DeleteLabelValues(n.outer)
		}
	case kindProvider:
		m.removePairs([]removable{m.requests, m.attempts, m.tokens, m.cost, m.unpriced},
			labelProvider, labelModel, n)
		m.removeGenAI(n, before, after)
	case kindFeedback:
		m.feedback.DeletePartialMatch(prometheus.Labels{labelName: n.outer})
	}
}

// removePairs removes the series of a pair of labels. With the outer name alone go those
// that have no inner one, or an unknown one.
func (m *meter) removePairs(families []removable, outer, inner string, n name) {
	values := []string{n.inner}
	if n.inner == "" {
		values = append(values, other)
	}
	for _, v := range values {
		for _, f := range families {
			f.DeletePartialMatch(prometheus.Labels{outer: n.outer, inner: v})
		}
	}
}

// removeGenAI removes the gen_ai series of a target, unless another provider of the same
// gen_ai name still has the model.
func (m *meter) removeGenAI(n name, before, after *labelSet) {
	provider := before.genAIProvider(n.outer)
	values := []string{n.inner}
	if n.inner == "" {
		values = append(values, other)
	}
	for known := range after.known {
		if known.kind == kindProvider && known.inner == n.inner && after.genAIProvider(known.outer) == provider {
			return
		}
	}
	for _, f := range []removable{m.tokenUsage, m.duration, m.firstToken, m.perToken} {
		for _, v := range values {
			f.DeletePartialMatch(prometheus.Labels{labelGenAIProvider: provider, labelRequestModel: v})
		}
		if n.inner != "" {
			f.DeletePartialMatch(prometheus.Labels{labelGenAIProvider: provider, labelResponseModel: n.inner})
		}
	}
}
