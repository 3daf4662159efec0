package upstream

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/failure"
)

// run is the attempts at one target. go-retryablehttp repeats the first: run is its transport,
// which makes each attempt anew, its policy, which asks the verdict, and its back-off. What it
// repeats is a stand-in for the request, since body and key may be others at each attempt.
type run struct {
	loop    *loop
	target  *Target
	payload llm.Payload
	force   bool // the target is tried although it seems to rest

	reply    *Reply
	made     error // of the first attempt, for go-retryablehttp to see
	notSent  bool  // another attempt could not be made: see errNotSent
	full     bool  // the provider has no place left
	extra    int   // extra attempts so far, those with another key not counted
	switches int   // attempts with another key, or another token
	again    bool
	wait     time.Duration
	waiting  time.Time // since when; zero while an attempt runs
	taken    time.Time // when the budget allowed an extra attempt that is not made yet
}

// newRun returns the run of a target. It is the only one: the run before it is over.
func (l *loop) newRun(t *Target, payload llm.Payload) *run {
	n := &l.room.run
	if n.loop != nil {
		*n = run{}
	}
	n.loop, n.target, n.payload = l, t, payload
	return n
}

var (
	standInURL    = &url.URL{Scheme: "http", Host: "provider"}
	standInHeader = http.Header{}
	standInReply  = &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}

	// errNotSent ends a run whose next attempt cannot be made: there is no place at the
	// provider, or the target's breaker has opened.
	errNotSent = errors.New("the request was not sent")
)

// do repeats the target until there is a reply or another attempt is not worth it. The first
// attempt, which is all that most requests need, is made without go-retryablehttp: it gets to
// see what came of it only where there is something to repeat.
func (n *run) do() *Reply {
	err := n.once()
	if err != nil && n.again {
		n.made = err
		err = n.repeat()
	}
	n.waited()
	if !n.taken.IsZero() {
		n.target.provider.budget.giveBack(n.taken)
	}
	if err != nil && n.loop.context().Err() != nil {
		n.loop.stopped = true
		n.loop.note(n.target, &fault{kind: kindCancelled, cause: context.Cause(n.loop.context())}, "")
	}
	return n.reply
}

// repeat has the attempts made that follow the first.
func (n *run) repeat() error {
	client := retryablehttp.Client{
		HTTPClient: &http.Client{
			Transport:     n,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		RetryMax:     n.loop.policy().Retries + len(n.target.keys),
		CheckRetry:   func(context.Context, *http.Response, error) (bool, error) { return n.again, nil },
		Backoff:      n.backoff,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	standIn := (&http.Request{Method: http.MethodPost, URL: standInURL, Header: standInHeader}).WithContext(n.loop.context())
	resp, err := client.Do(&retryablehttp.Request{Request: standIn})
	if err == nil {
		_ = resp.Body.Close() // a stand-in, too
	}
	return err
}

// goOn takes up a run that another one could not end, with the extra attempt that was the next
// one there, and says whether the budget allows it.
func (n *run) goOn(extra int) bool {
	now := time.Now()
	if !n.target.provider.budget.take(now, n.loop.policy().Budget) {
		return false
	}
	n.extra, n.taken = extra, now
	return true
}

// next returns which extra attempt is the next one, 0 when none has been made at all.
func (n *run) next() int {
	if n.extra == 0 && n.switches > 0 {
		return 1
	}
	return n.extra
}

// backoff returns how long to wait for the next attempt.
func (n *run) backoff(time.Duration, time.Duration, int, *http.Response) time.Duration {
	n.waiting = time.Now()
	return n.wait
}

// waited accounts for a wait between attempts.
func (n *run) waited() {
	if !n.waiting.IsZero() {
		n.loop.call.Exchange.UpstreamTime += time.Since(n.waiting)
		n.waiting = time.Time{}
	}
}

// RoundTrip makes one attempt for go-retryablehttp, but for the first, of which it hears what
// came. It implements http.RoundTripper. The reply itself is in n.reply.
func (n *run) RoundTrip(*http.Request) (*http.Response, error) {
	err := n.made
	if n.made = nil; err == nil {
		err = n.once()
	}
	if err != nil {
		return nil, err
	}
	return standInReply, nil
}

// once makes one attempt. Its errors are *fault or errNotSent.
func (n *run) once() error {
	n.waited()
	n.again = false
	if !n.target.enter() {
		n.notSent, n.full = true, true
		return errNotSent
	}
	judged, err := n.target.state.breaker().Allow()
	switch {
	case err == nil:
	case n.force:
		judged = func(error) {}
	default:
		n.target.leave()
		n.notSent = true
		return errNotSent
	}
	var a *attempt
	settled := false
	defer func() {
		switch { // a panic is on its way up
		case settled:
		case a == nil:
			judged(errNotCounted)
			n.target.leave()
		default:
			a.judged(errTargetFailed)
			a.account().Verdict = llm.VerdictStop
			a.finish()
		}
	}()
	a = n.begin(judged)
	reply, fault := a.do(n.payload)
	settled = true
	if fault != nil {
		n.failed(a, fault)
		return fault
	}
	a.judged(nil)
	a.accepted()
	n.reply = reply
	return nil
}

// begin opens the account of an attempt.
func (n *run) begin(judged func(error)) *attempt {
	l, x := n.loop, n.loop.call.Exchange
	now := time.Now()
	n.target.state.called.Store(true)
	n.taken = time.Time{}
	if n.extra == 0 && n.switches == 0 {
		n.target.provider.budget.request(now)
	}
	a := l.room.newAttempt()
	a.loop, a.target, a.record, a.judged = l, n.target, len(x.Attempts), judged
	a.way, _ = n.target.way(l.call.Request.Endpoint)
	if l.call.Exit != nil {
		a.way.exit = l.call.Exit
	}
	a.index = slices.Index(l.route.Targets, n.target)
	a.key, _, _ = n.target.key(now)
	n.target.provider.turn.Add(1)
	x.Attempts = append(x.Attempts, llm.Attempt{Provider: n.target.Provider.Name(), Model: n.target.Model, Start: now})
	x.Provider, x.Model = n.target.Provider.Name(), n.target.Model
	a.ctx = l.context()
	if l.call.OnAttempt != nil {
		a.ctx, a.endSpan = l.call.OnAttempt(a.ctx, &x.Attempts[a.record])
	}
	if a.borrows = l.call.Cancel != nil && a.record == 0; a.borrows {
		a.cancel = l.call.Cancel
	} else {
		a.ctx, a.cancel = context.WithCancelCause(a.ctx)
	}
	a.dog.cancel = a.cancel
	a.dog.start(now, l.policy(), l.end)
	return a
}

// failed decides what comes after an attempt that failed, and closes its account.
func (n *run) failed(a *attempt, f *fault) {
	l := n.loop
	ruling := judge(f, &l.policy().RetryOn)
	verdict := n.decide(a, f, ruling)
	n.again = verdict == llm.VerdictAgain
	l.stopped = verdict == llm.VerdictStop
	l.note(n.target, f, a.host)
	counted := errNotCounted
	if ruling.blame {
		counted = errTargetFailed
	}
	a.judged(counted)
	a.account().Verdict = verdict
	if f.kind == kindCancelled && a.reply.watcher != nil {
		a.charge() // the provider had begun to answer, so it was paid for
	}
	a.noteFault(f)
	a.finish()
}

// decide finds the verdict: what the ruling says, as far as other keys, retries, budget and
// time allow it.
func (n *run) decide(a *attempt, f *fault, r ruling) llm.Verdict {
	now := time.Now()
	if n.signsAnew(a, f, r) {
		n.switches++
		n.wait = 0
		return llm.VerdictAgain
	}
	if n.restKey(a, f, r, now) {
		n.switches++
		n.wait = 0
		return llm.VerdictAgain
	}
	switch r.verdict {
	case llm.VerdictAgain:
		if n.worthWaiting(f) && n.loop.hasTime(n.wait) && n.extra < n.loop.policy().Retries &&
			n.target.provider.budget.take(now, n.loop.policy().Budget) {
			n.extra++
			n.taken = now
			return llm.VerdictAgain
		}
		return llm.VerdictNext
	case llm.VerdictNext:
		if r.roomier && !n.loop.needRoom(n.target) {
			return llm.VerdictStop
		}
		return llm.VerdictNext
	default:
		return r.verdict
	}
}

// signsAnew says whether the next attempt signs in with something else, because the provider has
// refused what was had before its end: a token that has been revoked, say. It does so once.
func (n *run) signsAnew(a *attempt, f *fault, r ruling) bool {
	return n.switches == 0 && r.otherKey && f.kind == kindReported && f.said.Class == failure.BadKey &&
		a.made != nil && a.target.Provider.SignsAnew(a.made)
}

// restKey puts the key to rest that was used, if the fault is about it, and says whether
// another one is awake. The only key of a provider rests when it is refused, not when it is
// limited: the target rests then, if it must.
func (n *run) restKey(a *attempt, f *fault, r ruling, now time.Time) bool {
	if !r.otherKey || len(n.target.keys) == 1 && r.verdict == llm.VerdictAgain {
		return false
	}
	d, why := r.restKey, ReasonRejected
	if f.said.Wait > 0 {
		d, why = f.said.Wait, ReasonTold
	}
	n.target.keys[a.key].rest.extend(now.Add(d), why)
	if n.switches >= len(n.target.keys) {
		return false
	}
	_, left, _ := n.target.key(now)
	return left == 0
}

// worthWaiting sets how long to wait for the next attempt, and says whether that is short
// enough. When the provider asks for longer, the target rests instead.
func (n *run) worthWaiting(f *fault) bool {
	p := n.loop.policy()
	if f.said.Wait <= 0 {
		most := p.BackoffMost
		if shift := min(n.extra, 30); p.BackoffFirst < most>>shift {
			most = p.BackoffFirst << shift
		}
		n.wait = rand.N(max(most, 1))
		return true
	}
	n.wait = f.said.Wait
	if n.wait <= p.BackoffMost {
		return true
	}
	n.target.state.rest.extend(time.Now().Add(n.wait), ReasonTold)
	return false
}
