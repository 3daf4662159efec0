package metrics

import (
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/mulligan-gateway/mulligan/llm"
)

func logged(t *testing.T, x *llm.Exchange) string {
	t.Helper()
	enc := zapcore.NewJSONEncoder(zapcore.EncoderConfig{})
	b, err := enc.EncodeEntry(zapcore.Entry{}, []zapcore.Field{zap.Object("llm", LogObject(x))})
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

func TestTheLogObjectHasTheContractsFieldsInOrder(t *testing.T) {
	expect(t, logged(t, fallbackExchange()), `{"llm":{`+
		`"trace_id":"019536f0-0000-7000-8000-000000000001","deployment":"support","variant":"enterprise",`+
		`"provider":"google","model":"gemini-2.5-pro","stream":true,"attempts":3,`+
		`"input_tokens":1200,"output_tokens":101,"cached_tokens":1000,"reasoning_tokens":40,`+
		`"cost_usd":0.0125,"ttft_ms":2500,"upstream_ms":4900,"overhead_ms":0.3,"outcome":"ok"}}`)
}

func TestTheLogObjectLeavesOutWhatIsNotKnown(t *testing.T) {
	expect(t, logged(t, &llm.Exchange{TraceID: "t", Duration: 80 * time.Microsecond, Outcome: llm.OutcomeRefused}),
		`{"llm":{"trace_id":"t","deployment":"","variant":"","provider":"","model":"","stream":false,"attempts":0,`+
			`"upstream_ms":0,"overhead_ms":0.08,"outcome":"refused"}}`)
}

func TestTheLogObjectSaysWhatIsUnpricedAndWhatIsEstimated(t *testing.T) {
	x := &llm.Exchange{
		TraceID: "t", Provider: "house", Model: "llama", Outcome: llm.OutcomeOK,
		Attempts: []llm.Attempt{{Provider: "house", Model: "llama", Verdict: llm.VerdictOK}},
		Usage:    llm.Usage{Input: 7, Output: 2, Estimated: true},
	}
	expect(t, logged(t, x),
		`{"llm":{"trace_id":"t","deployment":"","variant":"","provider":"house","model":"llama","stream":false,"attempts":1,`+
			`"input_tokens":7,"output_tokens":2,"cached_tokens":0,"reasoning_tokens":0,"estimated":true,`+
			`"unpriced":true,"upstream_ms":0,"overhead_ms":0,"outcome":"ok"}}`)
}

func TestTheLogObjectHoldsNoErrorTextAndNoSecret(t *testing.T) {
	const canary = "sk-canary"
	x := fallbackExchange()
	x.Err = errors.New(canary)
	x.ErrorCode, x.ClientID, x.Requested = canary, canary, canary
	x.ResponseID, x.ResponseModel, x.FinishReason = canary, canary, canary
	x.Attempts[0].ErrorMessage, x.Attempts[0].ErrorCode = canary, canary
	x.Dropped = []string{canary}
	if got := logged(t, x); strings.Contains(got, canary) {
		t.Errorf("the log object has it: %s", got)
	}
}

func TestMakingTheLogObjectAllocatesNothing(t *testing.T) {
	x := fallbackExchange()
	var o zapcore.ObjectMarshaler
	if n := testing.AllocsPerRun(100, func() { o = LogObject(x) }); n != 0 {
		t.Errorf("LogObject allocates %v times", n)
	}
	_ = o
}
