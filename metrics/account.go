package metrics

import (
	"math"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
)

// hasUsage says whether the exchange's token numbers mean anything.
func hasUsage(x *llm.Exchange) bool { return x.Usage.Known || x.Usage.Estimated }

// CostOf returns what an exchange is said to cost in US dollars, and whether that is known.
func CostOf(x *llm.Exchange) (float64, bool) { return priced(x) }

// priced returns the exchange's cost in US dollars, and whether there is one. A price without
// usage to apply it to gives no cost: such an answer is unpriced, not free.
func priced(x *llm.Exchange) (float64, bool) {
	usd := x.Cost.USD
	if !x.Cost.Priced || usd < 0 || math.IsNaN(usd) || math.IsInf(usd, 0) {
		return 0, false
	}
	return usd, usd > 0 || hasUsage(x)
}

// unpriced says whether a provider answered and what that cost is not known.
func unpriced(x *llm.Exchange) bool {
	if _, ok := priced(x); ok {
		return false
	}
	return answer(x) != nil
}

// answer returns the attempt whose reply the client got, or nil.
func answer(x *llm.Exchange) *llm.Attempt {
	for i := len(x.Attempts) - 1; i >= 0; i-- {
		if x.Attempts[i].Verdict == llm.VerdictOK {
			return &x.Attempts[i]
		}
	}
	return nil
}

// perOutputToken returns the time between two output tokens of a stream that went well, and
// whether there is one. The answer's end is the attempt's, not the exchange's, so that what
// the client takes after it does not count.
func perOutputToken(x *llm.Exchange) (time.Duration, bool) {
	a := answer(x)
	if !x.Stream || x.Outcome != llm.OutcomeOK || a == nil || x.FirstToken <= 0 || x.Usage.Output < 2 || !hasUsage(x) {
		return 0, false
	}
	end := a.Start.Add(a.Duration).Sub(x.Start)
	if end < x.FirstToken {
		return 0, false
	}
	return (end - x.FirstToken) / time.Duration(x.Usage.Output-1), true
}
