package upstream

import (
	"errors"
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

func newBreaker() *gobreaker.TwoStepCircuitBreaker[struct{}] {
	return gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		MaxRequests: 1, Interval: breakerWindow, BucketPeriod: breakerWindow / 10, Timeout: breakerRest,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			judged := c.TotalSuccesses + c.TotalFailures
			return judged >= breakerSample && float64(c.TotalFailures) >= breakerShare*float64(judged)
		},
		IsExcluded: func(err error) bool { return errors.Is(err, errNotCounted) },
	})
}
