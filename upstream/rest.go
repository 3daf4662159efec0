package upstream

import (
	"sync"
	"time"
)

// rest is a time during which something is left alone. Its zero value is awake.
type rest struct {
	mu    sync.Mutex
	until time.Time
	why   Reason
}

// Reason says why something rests.
type Reason string

// The reasons.
const (
	// ReasonTold is a provider that has said how long to wait.
	ReasonTold Reason = "told"
	// ReasonRejected is a key that was refused or whose account is exhausted.
	ReasonRejected Reason = "rejected"
	// ReasonFailing is a target that has failed too often lately.
	ReasonFailing Reason = "failing"
	// ReasonOperator is an operator who has put a target to rest.
	ReasonOperator Reason = "operator"
)

// binding says whether a rest is kept even when nothing else is left to try. What is only
// presumed is tried rather than refused: it may be well again.
func (r Reason) binding() bool { return r == ReasonTold || r == ReasonOperator }

// extend puts it to rest until then, unless it rests longer already. An operator's word
// stands against all others.
func (r *rest) extend(until time.Time, why Reason) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.why == ReasonOperator && why != ReasonOperator && time.Now().Before(r.until) {
		return
	}
	if until.After(r.until) || why == ReasonOperator {
		r.until, r.why = until, why
	}
}

// wake ends the rest.
func (r *rest) wake() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.until, r.why = time.Time{}, ""
}

// state returns how long it still rests, 0 when it is awake, and why.
func (r *rest) state(now time.Time) (time.Duration, Reason) {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := r.until.Sub(now)
	if left <= 0 {
		return 0, ""
	}
	return left, r.why
}
