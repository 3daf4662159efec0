package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mulligan-gateway/mulligan/llm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a clock that stands still.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// issuer issues token-1, token-2 and so on, each when it is let to.
type issuer struct {
	clock *clock
	life  time.Duration // of a token; 0 is for ever
	let   chan error    // what the next fetch comes to
	begun chan struct{} // a fetch has begun
	n     atomic.Int32
}

func newIssuer(life time.Duration) *issuer {
	return &issuer{clock: newClock(), life: life, let: make(chan error, 8), begun: make(chan struct{}, 8)}
}

func (i *issuer) fetch(ctx context.Context) (string, time.Time, error) {
	i.begun <- struct{}{}
	select {
	case err := <-i.let:
		if err != nil {
			return "", time.Time{}, err
		}
	case <-ctx.Done():
		return "", time.Time{}, ctx.Err()
	}
	token := fmt.Sprintf("token-%d", i.n.Add(1))
	if i.life == 0 {
		return token, time.Time{}, nil
	}
	return token, i.clock.read().Add(i.life), nil
}

func (i *issuer) source() *Source[string] { return New(i.fetch, i.clock.read) }

// want gets the value, which must be this one.
func want(t *testing.T, s *Source[string], value string) {
	t.Helper()
	if got, err := s.Get(t.Context()); got != value || err != nil {
		t.Fatalf("got %q and %v, want %q", got, err, value)
	}
}

// settle waits for the fetch that runs.
func settle(t *testing.T, s *Source[string]) {
	t.Helper()
	s.mu.Lock()
	f := s.running
	s.mu.Unlock()
	if f == nil {
		return
	}
	select {
	case <-f.done:
	case <-time.After(time.Minute):
		t.Fatal("the fetch does not end")
	}
}

func TestAHundredRequestsShareOneFetch(t *testing.T) {
	i := newIssuer(time.Hour)
	s := i.source()
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if got, err := s.Get(t.Context()); got != "token-1" || err != nil {
				t.Errorf("got %q and %v", got, err)
			}
		})
	}
	<-i.begun
	i.let <- nil
	all.Wait()
	if i.n.Load() != 1 || len(i.begun) != 0 {
		t.Errorf("%d fetches", i.n.Load())
	}
}

func TestAValueIsFetchedAheadOfItsEndBehindTheRequestsBacks(t *testing.T) {
	i := newIssuer(time.Hour)
	s := i.source()
	i.let <- nil
	want(t, s, "token-1")
	<-i.begun
	i.clock.pass(time.Hour - ahead - time.Second)
	want(t, s, "token-1")
	if len(i.begun) != 0 {
		t.Fatal("it is fetched too early")
	}
	i.clock.pass(time.Second)
	for range 10 {
		want(t, s, "token-1") // while the next one is fetched
	}
	<-i.begun
	if len(i.begun) != 0 {
		t.Fatal("two are fetched at once")
	}
	i.let <- nil
	settle(t, s)
	want(t, s, "token-2")
	i.clock.pass(time.Hour)
	i.let <- nil
	want(t, s, "token-3") // nobody gets what has ended
}

func TestAShortLivedValueIsFetchedAtHalfItsLife(t *testing.T) {
	i := newIssuer(4 * time.Minute)
	s := i.source()
	i.let <- nil
	want(t, s, "token-1")
	<-i.begun
	i.clock.pass(2*time.Minute - time.Second)
	want(t, s, "token-1")
	if len(i.begun) != 0 {
		t.Fatal("it is fetched too early")
	}
	i.clock.pass(time.Second)
	want(t, s, "token-1")
	<-i.begun
	i.let <- nil
	settle(t, s)
	want(t, s, "token-2")
}

func TestAFetchAheadThatFailsIsNoHarmAndIsTriedAgainAfterAPause(t *testing.T) {
	i := newIssuer(time.Hour)
	s := i.source()
	i.let <- nil
	want(t, s, "token-1")
	<-i.begun
	i.clock.pass(time.Hour - ahead)
	i.let <- errors.New("down")
	want(t, s, "token-1")
	<-i.begun
	settle(t, s)
	i.clock.pass(pause - time.Second)
	want(t, s, "token-1")
	if len(i.begun) != 0 {
		t.Fatal("the issuer is asked again at once")
	}
	i.clock.pass(time.Second)
	want(t, s, "token-1")
	<-i.begun
	i.let <- nil
	settle(t, s)
	want(t, s, "token-2")
}

func TestAFailureIsSharedAndNotKept(t *testing.T) {
	i := newIssuer(time.Hour)
	s := i.source()
	refused := &RefusedError{errors.New("no such client")}
	i.let <- refused
	if _, err := s.Get(t.Context()); !errors.Is(err, refused) {
		t.Fatalf("got %v", err)
	}
	if _, ok := s.Peek(); ok {
		t.Error("something is kept")
	}
	i.let <- nil
	want(t, s, "token-1")
}

func TestWhoLeavesTakesNothingFromTheOthers(t *testing.T) {
	i := newIssuer(time.Hour)
	s := i.source()
	ctx, leave := context.WithCancelCause(t.Context())
	gone, left := errors.New("gone"), make(chan error)
	go func() {
		_, err := s.Get(ctx)
		left <- err
	}()
	<-i.begun
	leave(gone)
	if err := <-left; !errors.Is(err, gone) {
		t.Fatalf("got %v", err)
	}
	i.let <- nil
	want(t, s, "token-1")
	if i.n.Load() != 1 {
		t.Errorf("%d fetches", i.n.Load())
	}
}

func TestARefusedValueIsFetchedAnewOnce(t *testing.T) {
	i := newIssuer(0)
	s := i.source()
	i.let <- nil
	want(t, s, "token-1")
	i.clock.pass(1000 * time.Hour)
	want(t, s, "token-1") // it never ends
	isFirst := func(v string) bool { return v == "token-1" }
	s.Forget(isFirst)
	i.let <- nil
	want(t, s, "token-2")
	s.Forget(isFirst) // by a request that was sent before
	want(t, s, "token-2")
	if i.n.Load() != 2 {
		t.Errorf("%d fetches", i.n.Load())
	}
}

func TestAPanicIsAnError(t *testing.T) {
	s := New(func(context.Context) (string, time.Time, error) { panic("garbage") }, nil)
	if _, err := s.Get(t.Context()); err == nil || !strings.Contains(err.Error(), "garbage") {
		t.Errorf("got %v", err)
	}
}

func TestABearerSignsWithTheTokenOfTheTime(t *testing.T) {
	i := newIssuer(time.Hour)
	b := NewBearer("the issuer", i.fetch, i.clock.read)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	if b.Secrets() != nil {
		t.Error("it has a token before there is one")
	}
	i.let <- nil
	if err := b.Sign(r, llm.Payload{}); err != nil || r.Header.Get("Authorization") != "Bearer token-1" || b.Secrets()[0] != "token-1" {
		t.Fatalf("got %v and %v", r.Header, err)
	}
	i.let <- nil
	if !b.Forget(r) {
		t.Error("there is no other token")
	}
	if err := b.Sign(r, llm.Payload{}); err != nil || r.Header.Get("Authorization") != "Bearer token-2" {
		t.Errorf("got %v and %v", r.Header, err)
	}
	b.tokens.Forget(func(string) bool { return true })
	i.let <- errors.New("down")
	if err := b.Sign(r, llm.Payload{}); err == nil || r.Header.Get("Authorization") != "" || !strings.Contains(err.Error(), "the issuer") {
		t.Errorf("got %v and %v", r.Header, err)
	}
}

func TestWhatNoHeaderCanHoldIsNoToken(t *testing.T) {
	for _, garbage := range []string{"", "a b", "a\r\nX-Other: b", "\x00"} {
		b := NewBearer("the issuer", func(context.Context) (string, time.Time, error) { return garbage, time.Time{}, nil }, nil)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://example.com", nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Sign(r, llm.Payload{}); err == nil || len(r.Header) != 0 {
			t.Errorf("%q is a token: %v", garbage, r.Header)
		}
	}
}

func TestNoTokenIsShown(t *testing.T) {
	b := NewBearer("the issuer", func(context.Context) (string, time.Time, error) { return "hidden", time.Time{}, nil }, nil)
	if _, err := b.tokens.Get(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{b, *b, b.tokens, []any{b}, map[string]any{"a": *b}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, "hidden") || strings.Contains(text, fmt.Sprintf("%x", "hidden")) {
				t.Errorf("%s: %s", verb, text)
			}
		}
		raw, err := json.Marshal(v)
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		if err != nil || strings.Contains(string(raw)+log.String(), "hidden") {
			t.Errorf("%s %s: %v", raw, log.String(), err)
		}
	}
}
