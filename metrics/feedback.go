package metrics

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/mulligan-gateway/mulligan/llm"
)

// Evaluation is what somebody says of an answer.
type Evaluation struct {
	Name string
	// Score is nil for what is no number.
	Score *float64
	// Label is what was said in words, "" for what is a number.
	Label string
	// Explanation says why, "" for nothing.
	Explanation string
}

// FeedbackGiven counts feedback. deployment and variant are "" when the exchange is not known.
func FeedbackGiven(deployment, variant, feedback string) {
	shared.feedbackGiven(deployment, variant, feedback)
}

func (m *meter) feedbackGiven(deployment, variant, feedback string) {
	s := m.labels.Load()
	deployment, variant = s.pair(kindDeployment, deployment, variant)
	if !s.has(kindFeedback, feedback, "") {
		feedback = other
	}
	m.feedback.WithLabelValues(deployment, variant, feedback).Inc()
}

// Evaluated adds an evaluation to the span in ctx, as an event.
func Evaluated(ctx context.Context, traceID string, e *Evaluation) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	all := []attribute.KeyValue{attribute.String(attrEvaluationName, e.Name), attribute.String(attrTraceID, traceID)}
	if e.Score != nil {
		all = append(all, attribute.Float64(attrScoreValue, *e.Score))
	}
	if e.Label != "" {
		all = append(all, attribute.String(attrScoreLabel, e.Label))
	}
	if e.Explanation != "" {
		all = append(all, attribute.String(attrExplanation, e.Explanation))
	}
	span.AddEvent(eventEvaluation, trace.WithAttributes(all...))
}

// Completed counts the tokens and the cost that a client reports of an exchange which it had
// asked only the config for. The exchange itself has been counted before.
func Completed(x *llm.Exchange) { shared.completed(x) }

func (m *meter) completed(x *llm.Exchange) {
	s := m.labels.Load()
	deployment, variant := s.pair(kindDeployment, x.Deployment, x.Variant)
	provider, model := s.pair(kindProvider, x.Provider, x.Model)
	for kind, n := range map[string]int64{
		tokensInput: x.Usage.Input, tokensOutput: x.Usage.Output, tokensCached: x.Usage.CachedInput,
		tokensCacheWrite: x.Usage.CacheWrite, tokensReasoning: x.Usage.Reasoning,
	} {
		if n > 0 {
			m.tokens.WithLabelValues(deployment, variant, provider, model, kind).Add(float64(n))
		}
	}
	if usd, ok := priced(x); ok && usd >= 0 {
		m.cost.WithLabelValues(deployment, variant, provider, model).Add(usd)
	}
}
