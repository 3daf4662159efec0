package upstream

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// watched is a watchdog on virtual time.
type watched struct {
	t   *testing.T
	dog watchdog
	ctx context.Context
}

// watch starts a watchdog. A whole of 0 is an exchange without an end.
func watch(t *testing.T, p Policy, whole time.Duration) *watched {
	t.Helper()
	w := &watched{t: t}
	w.ctx, w.dog.cancel = context.WithCancelCause(t.Context())
	var end time.Time
	if whole != 0 {
		end = time.Now().Add(whole)
	}
	w.dog.start(time.Now(), &p, end)
	t.Cleanup(func() {
		w.dog.stop()
		w.dog.cancel(nil)
	})
	return w
}

// after lets time pass and checks what has ended the attempt, nil for nothing.
func (w *watched) after(d time.Duration, want *timeoutError) {
	w.t.Helper()
	time.Sleep(d)
	synctest.Wait()
	got, _ := context.Cause(w.ctx).(*timeoutError) //nolint:errorlint // it is the cause itself
	if got != want {
		w.t.Errorf("after %s more the attempt is ended by %v, want %v", d, got, want)
	}
}

// next is progress, behind which the stream may be silent for d.
func (w *watched) next(d time.Duration) { w.dog.next(time.Now(), d, errIdle) }

const second = time.Second

func TestTheFirstTokenIsWaitedForSoLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, Policy{FirstToken: 5 * second}, 0)
		w.after(5*second-1, nil)
		w.after(1, errFirstToken)
	})
}

func TestProgressMovesTheDueTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, Policy{FirstToken: 5 * second}, 0)
		w.after(4*second, nil)
		for range 100 {
			w.next(3 * second)
			w.after(3*second-1, nil)
		}
		w.next(3 * second)
		w.after(3*second-1, nil)
		w.after(1, errIdle)
	})
}

func TestALongerIdleTimeoutThanThatOfTheFirstTokenHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, Policy{FirstToken: second}, 0)
		w.next(time.Minute)
		w.after(time.Minute-1, nil)
		w.after(1, errIdle)
	})
}

func TestAShorterIdleTimeoutThanThatOfTheFirstTokenHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, Policy{FirstToken: time.Minute}, 0)
		w.after(10*second, nil)
		w.next(second)
		w.after(second-1, nil)
		w.after(1, errIdle)
	})
}

func TestNothingLastsLongerThanTheAttemptAndTheExchange(t *testing.T) {
	for name, c := range map[string]struct {
		attempt, whole time.Duration
		due            time.Duration
		want           *timeoutError
	}{
		"the attempt":                   {10 * second, 0, 10 * second, errAttemptTimeout},
		"the exchange":                  {0, 10 * second, 10 * second, errTimeout},
		"the attempt, which is sooner":  {10 * second, 20 * second, 10 * second, errAttemptTimeout},
		"the exchange, which is sooner": {20 * second, 10 * second, 10 * second, errTimeout},
		"both at once":                  {10 * second, 10 * second, 10 * second, errAttemptTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// Before the first output, and however much of it comes.
				before := watch(t, Policy{AttemptTimeout: c.attempt, FirstToken: time.Minute}, c.whole)
				busy := watch(t, Policy{AttemptTimeout: c.attempt, FirstToken: 4 * second}, c.whole)
				unbound := watch(t, Policy{AttemptTimeout: c.attempt}, c.whole)
				for range c.due/second - 1 {
					busy.after(second, nil)
					busy.next(3 * second)
				}
				busy.after(second-1, nil)
				for _, w := range []*watched{before, busy, unbound} {
					w.after(0, nil)
				}
				busy.after(1, c.want)
				before.after(0, c.want)
				unbound.after(0, c.want)
			})
		})
	}
}

func TestTheExchangesEndCountsFromItsOwnBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, Policy{AttemptTimeout: time.Minute, FirstToken: time.Minute}, second)
		w.after(second, errTimeout)
		late := watch(t, Policy{FirstToken: time.Minute}, -second) // its time was up before
		late.after(0, errTimeout)
	})
}

func TestWithoutBoundsNothingEndsAnAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, Policy{}, 0)
		w.after(24*365*time.Hour, nil)
		w.next(0)
		w.after(24*365*time.Hour, nil)
	})
}

func TestABoundThatIsReachedDoesNotBindWhatFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, Policy{FirstToken: 5 * second}, 0)
		w.after(4*second, nil)
		w.next(0) // the output has come, and no silence is too long
		w.after(24*time.Hour, nil)
		w.dog.hurry(time.Now(), second, errIdle)
		w.after(second-1, nil)
		w.after(1, errIdle)
	})
}

func TestHurryShortensWhatWasGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, Policy{FirstToken: second}, 0)
		w.next(time.Hour)
		w.after(time.Minute, nil) // the timer has fired and sleeps for the rest of the hour
		w.dog.hurry(time.Now(), 2*second, errIdle)
		w.after(2*second-1, nil)
		w.after(1, errIdle)
	})
}

func TestHurryStillKeepsToTheAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, Policy{AttemptTimeout: 10 * second}, 0)
		w.after(9*second+second/2, nil)
		w.dog.hurry(time.Now(), second, errIdle)
		w.after(second/2, errAttemptTimeout)
	})
}

func TestTheSilenceOfAClientIsNotItsProviders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, Policy{FirstToken: 5 * second, Idle: 3 * second}, 0)
		for range 10 {
			w.next(3 * second)
			w.dog.resume()
			w.after(2*second, nil)
			w.dog.pause()
			w.after(time.Hour+second/2, nil)
		}
		w.next(3 * second)
		w.dog.resume()
		w.after(3*second-1, nil)
		w.after(1, errIdle)
	})
}

func TestAPauseDoesNotOutlastTheAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, Policy{AttemptTimeout: 10 * second, Idle: 3 * second}, 0)
		w.next(3 * second)
		w.dog.pause()
		w.after(10*second-1, nil)
		w.after(1, errAttemptTimeout)
	})
}

func TestTheEndIsNotWaitedForLongerBehindAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, Policy{Idle: time.Minute}, 0)
		w.next(time.Minute)
		w.dog.pause()
		w.after(90*second, nil)
		w.dog.hurry(time.Now(), second, errIdle)
		w.dog.resume()
		w.after(second-1, nil)
		w.after(1, errIdle)
	})
}

func TestAStoppedWatchdogIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, Policy{FirstToken: second}, 0)
		w.dog.stop()
		w.after(time.Hour, nil)
	})
}

func TestTimeoutsAreNamedByTheWordsOfTheConfig(t *testing.T) {
	for e, word := range map[*timeoutError]string{
		errTimeout: "timeout", errAttemptTimeout: "attempt_timeout", errFirstToken: "first_token_timeout", errIdle: "idle_timeout",
	} {
		if e.word != word || e.Error() == "" {
			t.Errorf("%+v, want %s", e, word)
		}
	}
}
