// Package signin keeps what accounts sign in with and what runs out after a while: access
// tokens, and temporary keys. It is fetched once for all requests that wait for it, ahead of
// its end and behind the requests' backs, and anew when a vendor has refused it.
package signin

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// ahead is how long before its end a value is fetched anew, so that none ends on its way to
	// the vendor. A value that lives for less than twice that is fetched at half its life.
	ahead = 5 * time.Minute
	// pause is how long the next fetch ahead of time waits after the last one, whose value may
	// have been about to end, too.
	pause = 30 * time.Second
	// timeout bounds one fetch, its repetitions included.
	timeout = 30 * time.Second
)

// Fetch gets a value from whoever issues it, and says when it ends; the zero time is never. It
// is bound to no request: the context ends after a time of its own. An error that says that
// there is no value to be had is a *RefusedError; any other may pass.
type Fetch[T any] func(ctx context.Context) (T, time.Time, error)

// RefusedError says that whoever issues what an account signs in with refuses to, or that
// there is nothing to sign in with at all. Asking again is no use until somebody mends that.
type RefusedError struct{ Err error }

// Error implements error.
func (e *RefusedError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *RefusedError) Unwrap() error { return e.Err }

// Source keeps one value. It is safe for concurrent use.
type Source[T any] struct {
	fetch Fetch[T]
	now   func() time.Time

	mu       sync.Mutex
	kept     *grant[T]    // nil when there is none
	running  *fetching[T] // nil when nothing is fetched
	notAhead time.Time    // until when nothing is fetched ahead of time
}

// grant is a value that has been fetched.
type grant[T any] struct {
	value T
	got   time.Time
	ends  time.Time // zero for never
}

// valid says whether the value may still be used.
func (g *grant[T]) valid(now time.Time) bool {
	return g != nil && (g.ends.IsZero() || now.Before(g.ends))
}

// due says whether it is time to fetch the next one.
func (g *grant[T]) due(now time.Time) bool {
	if g.ends.IsZero() {
		return false
	}
	return !now.Before(g.ends.Add(-min(ahead, g.ends.Sub(g.got)/2)))
}

// fetching is a fetch that runs; value and err are there when done is closed.
type fetching[T any] struct {
	done  chan struct{}
	value T
	err   error
}

// New returns a source that has fetched nothing yet. now is the clock; nil is the real one.
func New[T any](fetch Fetch[T], now func() time.Time) *Source[T] {
	if now == nil {
		now = time.Now
	}
	return &Source[T]{fetch: fetch, now: now}
}

// Get returns the value. It waits when there is none that is valid, for the fetch that all who
// wait share, and no longer than ctx; who leaves takes nothing from the others.
func (s *Source[T]) Get(ctx context.Context) (T, error) {
	s.mu.Lock()
	now := s.now()
	if s.kept.valid(now) {
		value := s.kept.value
		if s.kept.due(now) && s.running == nil && !now.Before(s.notAhead) {
			s.begin()
		}
		s.mu.Unlock()
		return value, nil
	}
	f := s.running
	if f == nil {
		f = s.begin()
	}
	s.mu.Unlock()
	select {
	case <-f.done:
		return f.value, f.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// begin fetches a value. The caller holds the lock.
func (s *Source[T]) begin() *fetching[T] {
	f := &fetching[T]{done: make(chan struct{})}
	s.running = f
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		value, ends, err := s.safely(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		now := s.now()
		s.running, s.notAhead = nil, now.Add(pause)
		if err == nil {
			s.kept = &grant[T]{value: value, got: now, ends: ends}
		}
		f.value, f.err = value, err
		close(f.done)
	}()
	return f
}

// safely fetches a value. A panic, such as in a reader of somebody's reply, is an error.
func (s *Source[T]) safely(ctx context.Context) (value T, ends time.Time, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the sign-in has panicked: %v", p)
		}
	}()
	value, ends, err = s.fetch(ctx)
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("no answer within %s: %w", timeout, err)
	}
	return value, ends, err
}

// Forget gives up the value that is kept if it is the one that is asked for, so that the next
// Get fetches another. What has been fetched since then stays.
func (s *Source[T]) Forget(is func(T) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept != nil && is(s.kept.value) {
		s.kept = nil
	}
}

// Peek returns the value that is kept, valid or not, and false when there is none. It fetches
// nothing.
func (s *Source[T]) Peek() (value T, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		return value, false
	}
	return s.kept.value, true
}
