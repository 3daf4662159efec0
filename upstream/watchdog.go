package upstream

import (
	"context"
	"math"
	"sync/atomic"
	"time"
)

// watchdog ends an attempt that takes too long. Progress moves its due time, which costs a
// store: the timer looks at it when it fires, and sleeps again when there is time left.
type watchdog struct {
	cancel  context.CancelCauseFunc
	begun   time.Time
	attempt bound // to the end of the attempt, and of the exchange
	due     atomic.Int64
	what    atomic.Pointer[timeoutError]
	timer   *time.Timer
	armed   int64 // what the owner set the timer to last
	paused  atomic.Bool
	recheck time.Duration // when paused

	running bool        // the owner has set the timer, and not stopped it
	missed  bool        // the timer had fired when the owner set or stopped it
	fired   atomic.Bool // fire has been called
}

// bound is a point in time, in nanoseconds since the attempt began, and what ends there.
type bound struct {
	at   int64
	what *timeoutError
}

// timeoutError says which of a policy's timeouts has ended an attempt.
type timeoutError struct{ word, text string }

// Error says it in words.
func (e *timeoutError) Error() string { return e.text }

// The timeouts, by the words of the config.
var (
	errTimeout        = &timeoutError{"timeout", "the exchange took longer than its timeout"}
	errAttemptTimeout = &timeoutError{"attempt_timeout", "the attempt took longer than its attempt_timeout"}
	errFirstToken     = &timeoutError{"first_token_timeout", "no output came within first_token_timeout"}
	errIdle           = &timeoutError{"idle_timeout", "the stream was silent for idle_timeout"}
)

// never is a due time that does not come.
const never = math.MaxInt64

// start begins to watch: p.FirstToken for the first output, and the attempt's and the
// exchange's bounds for all of it. A timer that is there is a quiet watchdog's, used again.
func (w *watchdog) start(now time.Time, p *Policy, end time.Time) {
	w.begun, w.attempt, w.armed, w.recheck = now, bound{at: never}, never, p.Idle
	if w.recheck <= 0 {
		w.recheck = lastWait
	}
	if p.AttemptTimeout > 0 {
		w.attempt = bound{int64(p.AttemptTimeout), errAttemptTimeout}
	}
	if !end.IsZero() {
		if left := int64(end.Sub(now)); left < w.attempt.at {
			w.attempt = bound{left, errTimeout}
		}
	}
	if w.timer == nil {
		w.timer, w.running = time.AfterFunc(never, w.fire), true
	}
	w.next(now, p.FirstToken, errFirstToken)
}

// next gives the attempt that long from now for what comes next; 0 sets no bound of its own.
func (w *watchdog) next(now time.Time, d time.Duration, what *timeoutError) {
	due := w.attempt
	if d > 0 {
		if at := int64(now.Sub(w.begun) + d); at < due.at {
			due = bound{at, what}
		}
	}
	w.what.Store(due.what)
	w.due.Store(due.at)
	if due.at < w.armed {
		w.rearm(now, due.at)
	}
}

// hurry is next for a time that may be shorter than the one before.
func (w *watchdog) hurry(now time.Time, d time.Duration, what *timeoutError) {
	w.next(now, d, what)
	w.rearm(now, w.due.Load())
}

// pause says that it is the client's turn: idle_timeout is about the provider, and does not
// end a stream that a client reads slowly. The bounds of the attempt and the exchange do.
func (w *watchdog) pause() { w.paused.Store(true) }

// resume says that it is the provider's turn again. It comes behind the next or hurry for
// that turn, which fire relies on.
func (w *watchdog) resume() { w.paused.Store(false) }

func (w *watchdog) rearm(now time.Time, at int64) {
	w.armed = at
	pending := w.timer.Reset(time.Duration(at) - now.Sub(w.begun))
	w.missed = w.missed || w.running && !pending
	w.running = true
}

func (w *watchdog) fire() {
	w.fired.Store(true)
	paused := w.paused.Load() // first: behind the end of a pause, due is a new one
	due := w.due.Load()
	if due == never {
		return // what was bounded has come, and nothing after it is
	}
	if left := time.Duration(due) - time.Since(w.begun); left > 0 {
		w.timer.Reset(left)
		if w.due.Load() < due {
			w.timer.Reset(0) // the owner's sooner time, set meanwhile, has just been overwritten
		}
		return
	}
	what := w.what.Load()
	if paused && what == errIdle {
		left := time.Duration(w.attempt.at) - time.Since(w.begun)
		if left > 0 {
			// Silence counts from the end of the pause, so it cannot be due before this.
			w.timer.Reset(min(left, w.recheck))
			if w.due.Load() != due {
				w.timer.Reset(0) // as above: the pause has ended meanwhile
			}
			return
		}
		what = w.attempt.what
	}
	w.cancel(what)
}

func (w *watchdog) stop() {
	pending := w.timer.Stop()
	w.missed = w.missed || w.running && !pending
	w.running = false
}

// quiet says, of one that is stopped, that fire has never been called and never will be. It sets
// the timer itself, so that one which has been called may be at work without the timer's
// showing it.
func (w *watchdog) quiet() bool { return !w.missed && !w.fired.Load() }
