package upstream

import (
	"fmt"
	"strconv"
	"time"
)

// Policy says how hard to try. A duration of 0 is no bound.
type Policy struct {
	// Retries is how many extra attempts each target gets.
	Retries int
	// RetryOn says what is worth an extra attempt.
	RetryOn RetryOn
	// Budget bounds the extra attempts as a share of the requests to a provider, such as 0.2.
	// A few are always allowed; see budget.
	Budget float64
	// BackoffFirst bounds the wait before the first extra attempt; the bound doubles with
	// each one after, up to BackoffMost. The wait is drawn from 0 to the bound (full jitter).
	BackoffFirst, BackoffMost time.Duration

	Timeout        time.Duration // the whole exchange, waits included
	AttemptTimeout time.Duration // one attempt, to the end of its reply
	FirstToken     time.Duration // until the first meaningful output of an attempt
	Idle           time.Duration // between two chunks of a stream

	// Continue says that a chat stream which breaks is gone on with by the next target.
	Continue bool
}

// DefaultPolicy is what counts where a config says nothing.
func DefaultPolicy() Policy {
	on, err := ParseRetryOn([]string{"408", "409", "425", "429", "5xx", "timeout", "connect"})
	if err != nil {
		panic(err) // the words are those above
	}
	return Policy{
		Retries: 2, RetryOn: on, Budget: 0.2,
		BackoffFirst: 250 * time.Millisecond, BackoffMost: 8 * time.Second,
		Timeout: 10 * time.Minute, FirstToken: time.Minute, Idle: time.Minute,
	}
}

// RetryOn is a set of what is worth another attempt on the same target.
type RetryOn struct {
	statuses [4]uint64 // 400 to 655, a bit each
	timeout  bool
	connect  bool
}

const firstStatus, lastStatus = 400, 599

// ParseRetryOn reads the words of retry_on: a status from 400 to 599, 4xx or 5xx for a whole
// class, timeout for an attempt that took too long, and connect for a connection that could
// not be made or broke before the reply was whole.
func ParseRetryOn(words []string) (RetryOn, error) {
	var on RetryOn
	for _, w := range words {
		switch w {
		case "timeout":
			on.timeout = true
		case "connect":
			on.connect = true
		case "4xx":
			on.addRange(400, 499)
		case "5xx":
			on.addRange(500, 599)
		default:
			status, err := strconv.Atoi(w)
			if err != nil || status < firstStatus || status > lastStatus {
				return RetryOn{}, fmt.Errorf("%q is nothing to retry on; write statuses from %d to %d, 5xx, timeout or connect", w, firstStatus, lastStatus)
			}
			on.addRange(status, status)
		}
	}
	return on, nil
}

func (on *RetryOn) addRange(from, to int) {
	for s := from; s <= to; s++ {
		on.statuses[(s-firstStatus)/64] |= 1 << ((s - firstStatus) % 64)
	}
}

// status says whether a reply with that status is worth another attempt.
func (on *RetryOn) status(s int) bool {
	if s < firstStatus || s > lastStatus {
		return false
	}
	return on.statuses[(s-firstStatus)/64]&(1<<((s-firstStatus)%64)) != 0
}
