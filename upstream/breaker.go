package upstream

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
)

// When a target counts as failing: at least breakerSample requests within breakerWindow, at
// least half of which failed. It is then left alone for breakerRest, after which one request
// is let through to see whether it is well again.
const (
	breakerWindow = 30 * time.Second
	breakerSample = 10
	breakerShare  = 0.5
	breakerRest   = 15 * time.Second
)

var (
	// errTargetFailed tells a breaker of a failure that is the target's.
	errTargetFailed = errors.New("the target failed")
	// errNotCounted tells it of a request that says nothing about the target: the client's
	// own mistake, or its leaving.
	errNotCounted = errors.New("not counted")
)

// breaker is a target's circuit breaker.
type breaker struct {
	*gobreaker.TwoStepCircuitBreaker[struct{}]
	opened atomic.Bool // it is not closed, as far as it has been told
}

// State returns the breaker's state. Of one that is closed, as nearly all are, it is known without
// its lock and the time.
func (b *breaker) State() gobreaker.State {
	if !b.opened.Load() {
		return gobreaker.StateClosed // which only a request's result ends
	}
	return b.TwoStepCircuitBreaker.State()
}

func newBreaker() *breaker {
	b := new(breaker)
	b.TwoStepCircuitBreaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		MaxRequests: 1, Interval: breakerWindow, BucketPeriod: breakerWindow / 10, Timeout: breakerRest,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			judged := c.TotalSuccesses + c.TotalFailures
			return judged >= breakerSample && float64(c.TotalFailures) >= breakerShare*float64(judged)
		},
		IsExcluded:    func(err error) bool { return errors.Is(err, errNotCounted) },
		OnStateChange: func(_ string, _, to gobreaker.State) { b.opened.Store(to != gobreaker.StateClosed) },
	})
	return b
}
