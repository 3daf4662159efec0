package metrics

import (
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/mulligan-gateway/mulligan/llm"
)

// LogObject returns the exchange as the llm object of the access log. It holds names and
// numbers only: no prompt, no answer, no error text and no secrets.
//
// What is not known is left out rather than logged as 0: the four token counts when there
// was no usage, ttft_ms when there was no output, cost_usd when there is no price. An answer
// that could not be priced has "unpriced": true in place of its cost, and one whose usage is
// Mulligan's estimate has "estimated": true after its token counts.
func LogObject(x *llm.Exchange) zapcore.ObjectMarshaler { return (*exchangeLog)(x) }

type exchangeLog llm.Exchange

// MarshalLogObject implements zapcore.ObjectMarshaler. The order of the fields is part of
// the interface.
func (l *exchangeLog) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	x := (*llm.Exchange)(l)
	enc.AddString("trace_id", x.TraceID)
	enc.AddString("deployment", x.Deployment)
	enc.AddString("variant", x.Variant)
	enc.AddString("provider", x.Provider)
	enc.AddString("model", x.Model)
	enc.AddBool("stream", x.Stream)
	enc.AddInt("attempts", len(x.Attempts))
	if hasUsage(x) {
		enc.AddInt64("input_tokens", x.Usage.Input)
		enc.AddInt64("output_tokens", x.Usage.Output)
		enc.AddInt64("cached_tokens", x.Usage.CachedInput)
		enc.AddInt64("reasoning_tokens", x.Usage.Reasoning)
	}
	if x.Usage.Estimated {
		enc.AddBool("estimated", true)
	}
	if usd, ok := priced(x); ok {
		enc.AddFloat64("cost_usd", usd)
	} else if unpriced(x) {
		enc.AddBool("unpriced", true)
	}
	if x.Continued > 0 {
		enc.AddInt("continued", x.Continued)
	}
	if x.FirstToken > 0 {
		enc.AddFloat64("ttft_ms", milliseconds(x.FirstToken))
	}
	enc.AddFloat64("upstream_ms", milliseconds(x.UpstreamTime))
	enc.AddFloat64("overhead_ms", milliseconds(x.Overhead()))
	enc.AddString("outcome", string(x.Outcome))
	return nil
}

// milliseconds returns d with three decimals: microseconds are what the overhead is made of.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

var _ zapcore.ObjectMarshaler = (*exchangeLog)(nil)
