package upstream

import (
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/failure"
)

// ruling is what a fault means for what comes after it.
type ruling struct {
	// verdict is again, next or stop. Again holds as far as retries, budget and time allow.
	verdict llm.Verdict
	// otherKey says that another key of the same provider may do, at once.
	otherKey bool
	// restKey is how long the key is left alone.
	restKey time.Duration
	// roomier says that only targets with a larger context window are worth trying.
	roomier bool
	// blame says that the fault counts against the target's health.
	blame bool
}

// How long a key is left alone when the provider does not say: a key that is refused may
// have been revoked for good, and an account that is exhausted may be filled up any time.
const (
	restRejected  = 5 * time.Minute
	restExhausted = 5 * time.Minute
	restLimited   = 10 * time.Second
)

// rulings is the table for what providers report.
var rulings = map[failure.Class]ruling{
	failure.BadRequest:    {verdict: llm.VerdictStop},
	failure.TooLarge:      {verdict: llm.VerdictStop},
	failure.ContentFilter: {verdict: llm.VerdictStop},
	failure.ContextLength: {verdict: llm.VerdictNext, roomier: true},
	failure.ModelNotFound: {verdict: llm.VerdictNext},
	failure.BadKey:        {verdict: llm.VerdictNext, otherKey: true, restKey: restRejected},
	failure.Quota:         {verdict: llm.VerdictNext, otherKey: true, restKey: restExhausted},
	failure.RateLimit:     {verdict: llm.VerdictAgain, otherKey: true, restKey: restLimited, blame: true},
	failure.Overloaded:    {verdict: llm.VerdictAgain, blame: true},
	failure.Timeout:       {verdict: llm.VerdictAgain, blame: true},
	failure.Server:        {verdict: llm.VerdictAgain, blame: true},
}

// judge says what a fault means. It is pure: it knows nothing of retries used up, of other
// keys or of the time that is left.
func judge(f *fault, on *RetryOn) ruling {
	switch f.kind {
	case kindCancelled:
		return ruling{verdict: llm.VerdictStop}
	case kindTimeout:
		if f.timeout == errTimeout {
			// How long the exchange has taken says little of the target that was asked last.
			return ruling{verdict: llm.VerdictStop}
		}
		return again(on.timeout)
	case kindBroken:
		return again(on.connect)
	case kindMalformed:
		return again(on.status(f.status()))
	}
	r, known := rulings[f.said.Class]
	if !known {
		r = unknown(f.status())
	}
	if r.verdict == llm.VerdictAgain && !on.status(f.status()) {
		r.verdict = llm.VerdictNext
	}
	pointless := r.otherKey || r.roomier || r.verdict == llm.VerdictNext && f.status() >= 500
	if !pointless && on.status(f.status()) {
		r.verdict = llm.VerdictAgain // the operator says so
	}
	return r
}

func again(worthIt bool) ruling {
	if worthIt {
		return ruling{verdict: llm.VerdictAgain, blame: true}
	}
	return ruling{verdict: llm.VerdictNext, blame: true}
}

// unknown rules on a status whose reply says nothing that is understood. What is not the
// client's fault for sure may be cured by another attempt or another target.
func unknown(status int) ruling {
	switch {
	case status == 404, status == 405:
		return ruling{verdict: llm.VerdictNext} // there is no such path or model at this provider
	case status >= 500:
		return ruling{verdict: llm.VerdictAgain, blame: true}
	case status == 409, status == 425:
		return ruling{verdict: llm.VerdictAgain}
	}
	return ruling{verdict: llm.VerdictStop}
}
