package caddymodule

import (
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/metrics"
)

// finish closes the account: metrics, access log, span and record are all written from it, so
// they agree.
func (x *exchange) finish() {
	a := &x.account
	a.Duration = time.Since(a.Start)
	if a.Outcome == "" {
		a.Outcome = llm.OutcomeOK
	}
	if x.deployment != nil {
		metrics.InFlight(x.deployment.Key, -1)
	}
	if x.mock() {
		return // nobody was asked, and nothing is counted
	}
	metrics.Observe(a)
	metrics.FinishRequest(x.r.Context(), a)
	x.logAccess()
	x.logFailure()
	x.record()
}

// logAccess adds the account to the request's line in the access log, on servers that have one.
func (x *exchange) logAccess() {
	ctx := x.r.Context()
	if server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok && server.Logs == nil {
		return
	}
	if extra, ok := ctx.Value(caddyhttp.ExtraLogFieldsCtxKey).(*caddyhttp.ExtraLogFields); ok {
		x.kept = true // the line is written behind the handler
		extra.Set(zap.Object("llm", metrics.LogObject(&x.account)))
	}
}

// logFailure writes one line that an operator can act on for an exchange that did not go
// well. Those that did are in the access log.
func (x *exchange) logFailure() {
	a := &x.account
	level := failureLevel(a.Outcome)
	if level == zapcore.InvalidLevel {
		return
	}
	entry := x.site.log.Check(level, "exchange failed")
	if entry == nil {
		return
	}
	fields := []zap.Field{
		zap.String("error_code", a.ErrorCode),
		zap.Error(a.Err),
		zap.Object("llm", metrics.LogObject(a)),
	}
	if len(a.Attempts) > 0 {
		fields = append(fields, zap.Array("attempts", attemptsLog(a.Attempts)))
	}
	entry.Write(fields...)
}

// failureLevel returns how loud an outcome is, or InvalidLevel for one that is no failure.
// A client's own mistakes and departures are worth finding, not worth waking anybody.
func failureLevel(o llm.Outcome) zapcore.Level {
	switch o {
	case llm.OutcomeUpstreamError, llm.OutcomeTimeout, llm.OutcomeInterrupted:
		return zapcore.ErrorLevel
	case llm.OutcomeRefused:
		return zapcore.WarnLevel
	case llm.OutcomeClientError:
		return zapcore.InfoLevel
	case llm.OutcomeCancelled:
		return zapcore.DebugLevel
	default:
		return zapcore.InvalidLevel
	}
}

// attemptsLog logs attempts as a list of objects.
type attemptsLog []llm.Attempt

// MarshalLogArray implements zapcore.ArrayMarshaler.
func (l attemptsLog) MarshalLogArray(enc zapcore.ArrayEncoder) error {
	for i := range l {
		if err := enc.AppendObject((*attemptLog)(&l[i])); err != nil {
			return err
		}
	}
	return nil
}

type attemptLog llm.Attempt

// MarshalLogObject implements zapcore.ObjectMarshaler.
func (l *attemptLog) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	enc.AddString("target", (*llm.Attempt)(l).Target())
	enc.AddString("verdict", string(l.Verdict))
	if l.Status != 0 {
		enc.AddInt("status", l.Status)
	}
	if l.ErrorCode != "" {
		enc.AddString("error_code", l.ErrorCode)
	}
	if l.ErrorMessage != "" {
		enc.AddString("error", l.ErrorMessage)
	}
	enc.AddFloat64("duration_ms", float64(l.Duration)/float64(time.Millisecond))
	return nil
}
