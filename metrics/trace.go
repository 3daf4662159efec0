package metrics

import (
	"cmp"
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/mulligan-gateway/mulligan/llm"
)

// tracerName is the instrumentation scope of our spans.
const tracerName = "github.com/mulligan-gateway/mulligan"

// Attributes of our own, for what OpenTelemetry has no names for.
const (
	attrTraceID    = "mulligan.trace_id"
	attrDeployment = "mulligan.deployment"
	attrVariant    = "mulligan.variant"
	attrTarget     = "mulligan.target"   // "provider/model" by the config's names
	attrAttempts   = "mulligan.attempts" // how many there were
	attrAttempt    = "mulligan.attempt.number"
	attrVerdict    = "mulligan.attempt.verdict"
	attrOutcome    = "mulligan.outcome"
	attrErrorCode  = "mulligan.error_code"
	attrCost       = "mulligan.cost_usd"
	attrUnpriced   = "mulligan.unpriced"
	attrEstimated  = "mulligan.usage_estimated"
)

// StartRules begins the span of choosing a variant, a child of the span in ctx. The returned
// function ends it, with the variant that the exchange then has. When the span in ctx is not
// recording there is nothing to begin, and it costs nothing.
func StartRules(ctx context.Context, x *llm.Exchange) (context.Context, func(*llm.Exchange)) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, endNoRules
	}
	return startRules(ctx, parent, x)
}

func endNoRules(*llm.Exchange) {}

func startRules(ctx context.Context, parent trace.Span, x *llm.Exchange) (context.Context, func(*llm.Exchange)) {
	ctx, span := tracer(parent).Start(ctx, "select_variant",
		trace.WithAttributes(attribute.String(attrDeployment, x.Deployment)))
	return ctx, func(x *llm.Exchange) {
		if x.Variant == "" {
			span.SetStatus(codes.Error, "no variant was chosen")
		} else {
			span.SetAttributes(attribute.String(attrVariant, x.Variant))
		}
		span.End()
	}
}

// StartAttempt begins the span of one request to a provider, a client span that is a child
// of the span in ctx. The returned function ends it with the attempt's result; call it when
// the reply is over and the exchange has its usage and cost, as the span of the attempt that
// answered carries them. When the span in ctx is not recording there is nothing to begin, and
// it costs nothing.
func StartAttempt(ctx context.Context, x *llm.Exchange, a *llm.Attempt) (context.Context, func(*llm.Attempt)) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, endNoAttempt
	}
	return shared.startAttempt(ctx, x, a)
}

func endNoAttempt(*llm.Attempt) {}

func (m *meter) startAttempt(ctx context.Context, x *llm.Exchange, a *llm.Attempt) (context.Context, func(*llm.Attempt)) {
	operation := x.Endpoint.Operation()
	begin := make([]attribute.KeyValue, 0, 8)
	begin = append(begin,
		attribute.String(attrOperation, operation),
		attribute.String(attrProvider, m.labels.Load().genAIProvider(a.Provider)),
		attribute.String(attrRequestModel, a.Model),
		attribute.String(attrDeployment, x.Deployment),
		attribute.String(attrVariant, x.Variant),
		attribute.String(attrTarget, a.Target()),
		attribute.Int(attrAttempt, attemptNumber(x, a)),
	)
	if x.Stream {
		begin = append(begin, attribute.Bool(attrStream, true))
	}
	ctx, span := tracer(trace.SpanFromContext(ctx)).Start(ctx, operation+" "+a.Model,
		trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(begin...))
	return ctx, func(a *llm.Attempt) { endAttempt(span, x, a) }
}

// attemptNumber counts from 1, whether or not the attempt is on the exchange's list yet.
func attemptNumber(x *llm.Exchange, a *llm.Attempt) int {
	n := len(x.Attempts)
	if n > 0 && a == &x.Attempts[n-1] {
		return n
	}
	return n + 1
}

func endAttempt(span trace.Span, x *llm.Exchange, a *llm.Attempt) {
	end := make([]attribute.KeyValue, 0, 16)
	end = append(end, attribute.String(attrVerdict, string(a.Verdict)))
	if a.Status != 0 {
		end = append(end, attribute.Int(attrHTTPStatus, a.Status))
	}
	if failure := errorType(x, a); failure != "" {
		end = append(end, attribute.String(attrErrorType, failure))
		if a.ErrorCode != "" {
			end = append(end, attribute.String(attrErrorCode, a.ErrorCode))
		}
		// Not the message: a provider's may quote the prompt.
		span.SetStatus(codes.Error, cmp.Or(a.ErrorCode, failure))
	}
	if a.Verdict == llm.VerdictOK {
		end = appendAnswer(end, x, a)
	}
	span.SetAttributes(end...)
	span.End()
}

// appendAnswer appends what is known of the reply that the client got.
func appendAnswer(to []attribute.KeyValue, x *llm.Exchange, a *llm.Attempt) []attribute.KeyValue {
	if x.ResponseID != "" {
		to = append(to, attribute.String(attrResponseID, x.ResponseID))
	}
	if x.ResponseModel != "" {
		to = append(to, attribute.String(attrResponseModel, x.ResponseModel))
	}
	if x.FinishReason != "" {
		to = append(to, attribute.StringSlice(attrFinishReasons, []string{x.FinishReason}))
	}
	if first := x.FirstToken - a.Start.Sub(x.Start); x.Stream && x.FirstToken > 0 && first >= 0 {
		to = append(to, attribute.Float64(attrFirstChunk, first.Seconds()))
	}
	to = appendUsage(to, x)
	if usd, ok := priced(x); ok {
		return append(to, attribute.Float64(attrCost, usd))
	}
	return append(to, attribute.Bool(attrUnpriced, true))
}

func appendUsage(to []attribute.KeyValue, x *llm.Exchange) []attribute.KeyValue {
	if !hasUsage(x) {
		return to
	}
	u := &x.Usage
	to = append(to, attribute.Int64(attrInputTokens, u.Input), attribute.Int64(attrOutputTokens, u.Output))
	for _, part := range [...]struct {
		key    string
		tokens int64
	}{
		{attrCacheReadTokens, u.CachedInput},
		{attrCacheWriteTokens, u.CacheWrite},
		{attrReasoningTokens, u.Reasoning},
	} {
		if part.tokens > 0 {
			to = append(to, attribute.Int64(part.key, part.tokens))
		}
	}
	if u.Estimated {
		to = append(to, attribute.Bool(attrEstimated, true))
	}
	return to
}

// FinishRequest adds a finished exchange to the span in ctx, which is the server span that
// Caddy's tracing began. It ends nothing: that span is Caddy's.
func FinishRequest(ctx context.Context, x *llm.Exchange) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	all := make([]attribute.KeyValue, 0, 8)
	all = append(all,
		attribute.String(attrTraceID, x.TraceID),
		attribute.String(attrDeployment, x.Deployment),
		attribute.String(attrVariant, x.Variant),
		attribute.String(attrOutcome, string(x.Outcome)),
		attribute.Int(attrAttempts, len(x.Attempts)),
	)
	if x.Provider != "" {
		all = append(all, attribute.String(attrTarget, x.Provider+"/"+x.Model))
	}
	if x.ErrorCode != "" {
		all = append(all, attribute.String(attrErrorCode, x.ErrorCode))
	}
	if usd, ok := priced(x); ok {
		all = append(all, attribute.Float64(attrCost, usd))
	} else if unpriced(x) {
		all = append(all, attribute.Bool(attrUnpriced, true))
	}
	span.SetAttributes(all...)
	switch x.Outcome {
	case llm.OutcomeUpstreamError, llm.OutcomeTimeout, llm.OutcomeInterrupted:
		// A stream that breaks has a 200, which Caddy takes for success.
		span.SetStatus(codes.Error, x.ErrorCode)
	}
}

// tracer returns our tracer of the provider that the parent came from: Caddy sets no
// global one.
func tracer(parent trace.Span) trace.Tracer { return parent.TracerProvider().Tracer(tracerName) }
