package metrics

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/mulligan-gateway/mulligan/llm"
)

// traced runs f below a recorded server span and returns the spans in the order in which
// they ended; the server's is the last.
func traced(t *testing.T, f func(ctx context.Context)) []sdk.ReadOnlySpan {
	t.Helper()
	recorder := tracetest.NewSpanRecorder()
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(recorder))
	ctx, server := provider.Tracer("caddy").Start(t.Context(), "handler", trace.WithSpanKind(trace.SpanKindServer))
	f(ctx)
	server.End()
	return recorder.Ended()
}

func attributes(s sdk.ReadOnlySpan) string {
	var lines []string
	for _, kv := range s.Attributes() {
		lines = append(lines, fmt.Sprintf("%s=%s", kv.Key, kv.Value.String()))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func TestEachAttemptIsAClientSpanBelowTheRequests(t *testing.T) {
	Allow(Labels{Targets: []Target{{"google", "gemini-2.5-pro"}}, Providers: map[string]string{"google": "gcp.gemini"}})
	done := fallbackExchange()
	spans := traced(t, func(ctx context.Context) {
		x := fallbackExchange()
		x.Attempts = nil
		for i := range done.Attempts {
			a := done.Attempts[i]
			began := llm.Attempt{Provider: a.Provider, Model: a.Model, Start: a.Start}
			_, end := StartAttempt(ctx, x, &began)
			x.Attempts = append(x.Attempts, a)
			end(&x.Attempts[i])
		}
	})
	server := spans[3].SpanContext()
	for _, s := range spans[:3] {
		if s.SpanKind() != trace.SpanKindClient || s.Parent().SpanID() != server.SpanID() ||
			s.InstrumentationScope().Name != "github.com/mulligan-gateway/mulligan" {
			t.Errorf("%s: kind %v, parent %v, scope %v", s.Name(), s.SpanKind(), s.Parent().SpanID(), s.InstrumentationScope().Name)
		}
	}
	if got := spans[0].Name(); got != "chat llama" {
		t.Errorf("name %q", got)
	}
	expect(t, attributes(spans[0]), `
error.type=503
gen_ai.operation.name=chat
gen_ai.provider.name=house
gen_ai.request.model=llama
gen_ai.request.stream=true
http.response.status_code=503
mulligan.attempt.number=1
mulligan.attempt.verdict=again
mulligan.deployment=support
mulligan.target=house/llama
mulligan.variant=enterprise
`)
	if s := spans[1].Status(); s.Code != codes.Error || s.Description != "upstream_timeout" {
		t.Errorf("status %+v", s)
	}
	expect(t, attributes(spans[2]), `
gen_ai.operation.name=chat
gen_ai.provider.name=gcp.gemini
gen_ai.request.model=gemini-2.5-pro
gen_ai.request.stream=true
gen_ai.response.finish_reasons=["stop"]
gen_ai.response.id=resp-1
gen_ai.response.model=gemini-2.5-pro-002
gen_ai.response.time_to_first_chunk=0.5
gen_ai.usage.cache_creation.input_tokens=50
gen_ai.usage.cache_read.input_tokens=1000
gen_ai.usage.input_tokens=1200
gen_ai.usage.output_tokens=101
gen_ai.usage.reasoning.output_tokens=40
http.response.status_code=200
mulligan.attempt.number=3
mulligan.attempt.verdict=ok
mulligan.cost_usd=0.0125
mulligan.deployment=support
mulligan.target=google/gemini-2.5-pro
mulligan.variant=enterprise
`)
	if s := spans[2].Status(); s.Code != codes.Unset {
		t.Errorf("status %+v", s)
	}
}

func TestAnAttemptThatIsOnTheListAlreadyHasTheSameNumber(t *testing.T) {
	x := fallbackExchange()
	if n := attemptNumber(x, &x.Attempts[2]); n != 3 {
		t.Errorf("on the list: %d, want 3", n)
	}
	if n := attemptNumber(x, &llm.Attempt{}); n != 4 {
		t.Errorf("not on the list: %d, want 4", n)
	}
}

func TestAnEstimatedUnpricedAnswerSaysSoOnItsSpan(t *testing.T) {
	spans := traced(t, func(ctx context.Context) {
		x := &llm.Exchange{Endpoint: llm.Embeddings, Start: start}
		a := llm.Attempt{Provider: "house", Model: "e5", Start: start}
		_, end := StartAttempt(ctx, x, &a)
		a.Verdict, a.Status = llm.VerdictOK, 200
		x.Usage = llm.Usage{Input: 9, Estimated: true}
		x.FirstToken = time.Second
		end(&a)
	})
	if got := spans[0].Name(); got != "embeddings e5" {
		t.Errorf("name %q", got)
	}
	got := attributes(spans[0])
	for _, want := range []string{"mulligan.unpriced=true", "mulligan.usage_estimated=true", "gen_ai.usage.input_tokens=9"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if strings.Contains(got, "time_to_first_chunk") || strings.Contains(got, "gen_ai.request.stream") {
		t.Errorf("not a stream:\n%s", got)
	}
}

func TestChoosingAVariantIsASpan(t *testing.T) {
	spans := traced(t, func(ctx context.Context) {
		x := &llm.Exchange{Deployment: "support"}
		_, end := StartRules(ctx, x)
		x.Variant = "enterprise"
		end(x)
		x.Variant = ""
		_, end = StartRules(ctx, x)
		end(x)
	})
	if s := spans[0]; s.Name() != "select_variant" || s.Parent().SpanID() != spans[2].SpanContext().SpanID() {
		t.Errorf("span %q below %v", s.Name(), s.Parent().SpanID())
	}
	expect(t, attributes(spans[0]), "mulligan.deployment=support\nmulligan.variant=enterprise")
	if s := spans[1].Status(); s.Code != codes.Error {
		t.Errorf("no variant: status %+v", s)
	}
}

func TestTheRequestsSpanGetsTheOutcome(t *testing.T) {
	spans := traced(t, func(ctx context.Context) { FinishRequest(ctx, fallbackExchange()) })
	expect(t, attributes(spans[0]), `
mulligan.attempts=3
mulligan.cost_usd=0.0125
mulligan.deployment=support
mulligan.outcome=ok
mulligan.target=google/gemini-2.5-pro
mulligan.trace_id=019536f0-0000-7000-8000-000000000001
mulligan.variant=enterprise
`)
}

func TestABrokenStreamIsAnErrorThoughItsStatusIs200(t *testing.T) {
	spans := traced(t, func(ctx context.Context) {
		x := fallbackExchange()
		x.Outcome, x.ErrorCode, x.Cost = llm.OutcomeInterrupted, "stream_interrupted", llm.Cost{}
		FinishRequest(ctx, x)
	})
	if s := spans[0].Status(); s.Code != codes.Error || s.Description != "stream_interrupted" {
		t.Errorf("status %+v", s)
	}
	if !slices.Contains(spans[0].Attributes(), attribute.Bool("mulligan.unpriced", true)) {
		t.Error("not marked as unpriced")
	}
}

func TestNoErrorTextIsInASpan(t *testing.T) {
	const prompt = "my secret prompt"
	spans := traced(t, func(ctx context.Context) {
		x := fallbackExchange()
		a := llm.Attempt{Provider: "house", Model: "llama", Status: 400, Verdict: llm.VerdictStop, ErrorMessage: prompt}
		_, end := StartAttempt(ctx, x, &a)
		end(&a)
	})
	if got := attributes(spans[0]) + spans[0].Status().Description; strings.Contains(got, prompt) {
		t.Errorf("the span has it: %s", got)
	}
}

func TestTracingCostsNothingWhenItIsOff(t *testing.T) {
	unsampled := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1},
	}))
	x := fallbackExchange()
	for name, ctx := range map[string]context.Context{"no span": t.Context(), "not sampled": unsampled} {
		n := testing.AllocsPerRun(100, func() {
			inner, endRules := StartRules(ctx, x)
			endRules(x)
			inner, endAttempt := StartAttempt(inner, x, &x.Attempts[0])
			endAttempt(&x.Attempts[0])
			FinishRequest(inner, x)
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestAnEvaluationIsAnEventOfTheRequestThatBringsIt(t *testing.T) {
	score := 0.5
	spans := traced(t, func(ctx context.Context) {
		Evaluated(ctx, "trace-1", &Evaluation{Name: "rating", Score: &score, Explanation: "not bad"})
		Evaluated(ctx, "trace-2", &Evaluation{Name: "tone", Label: "rude"})
	})
	var got []string
	for _, e := range spans[0].Events() {
		for _, kv := range e.Attributes {
			got = append(got, fmt.Sprintf("%s %s=%s", e.Name, kv.Key, kv.Value.String()))
		}
	}
	expect(t, strings.Join(got, "\n"), `
gen_ai.evaluation.result gen_ai.evaluation.name=rating
gen_ai.evaluation.result mulligan.trace_id=trace-1
gen_ai.evaluation.result gen_ai.evaluation.score.value=0.5
gen_ai.evaluation.result gen_ai.evaluation.explanation=not bad
gen_ai.evaluation.result gen_ai.evaluation.name=tone
gen_ai.evaluation.result mulligan.trace_id=trace-2
gen_ai.evaluation.result gen_ai.evaluation.score.label=rude
`)
}
