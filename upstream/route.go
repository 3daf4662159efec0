// Package upstream gets one good reply out of an ordered list of targets. Route.Do walks the
// targets (route.go), repeats each as its policy says (run.go), and waits at each attempt for
// the first meaningful output (attempt.go): whatever fails before it may be tried again, and
// whatever fails after it is told to the client. What a failure means is one table
// (verdict.go); what is known about targets, keys and budgets outlives the config (state.go).
package upstream

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/chat"
)

// Route is the targets that may answer, in the order in which they are tried.
type Route struct {
	Targets []*Target
	Policy  Policy
}

// Call is one request to be answered.
type Call struct {
	Request *llm.Request
	// Exchange is filled along the way: attempts, times, usage and cost.
	Exchange *llm.Exchange
	// Body returns the body for the target with that index, and the members of the request
	// that were left out of it. It is called for each target that is tried, once. Its error
	// ends the call.
	Body func(target int) (llm.Payload, []string, error)
	// Exit turns the reply into what the client speaks, when it has asked in something else than
	// the request's endpoint speaks: the request is the hub's then. It may be nil.
	Exit dialect.Exit
	// Hold is called for each time that the payload is sent, and the function that it returns
	// when the transport has done with it, which may be after Do has returned. It may be nil.
	Hold func() func()
	// InputTokens estimates the length of the prompt, for an answer whose provider reports no
	// usage. It may be nil.
	InputTokens func() int64
	// CountTokens estimates the length of a prompt as a target would be sent it, for clients
	// that ask how long it is. It may be nil where they cannot.
	CountTokens func(llm.Payload) int64
	// OnAttempt is called before each attempt. The context that it returns is the attempt's,
	// and the function that it returns is called when the attempt is over.
	OnAttempt func(context.Context, *llm.Attempt) (context.Context, func(*llm.Attempt))
	// Cancel cancels the context that Do is given. The first attempt does without a context of its
	// own then, and cancels that one at its end; whatever comes after it asks Renew for another one
	// of the same client. Both may be nil.
	Cancel context.CancelCauseFunc
	Renew  func() context.Context
	// Room is memory for the call, in use until its reply is closed; nil takes new memory.
	Room *Room
}

// Do returns a reply whose first meaningful output is in hand, which the caller must close.
// Its error is an *llm.Error: what the first target said last, or one of Mulligan's own.
//
// ctx is the client's. When it ends, so does the request at the provider.
func (r *Route) Do(ctx context.Context, c *Call) (*Reply, error) {
	room := c.Room
	if room == nil {
		room = new(Room)
	}
	l := &room.loop // which is clear
	l.route, l.call, l.ctx, l.room = r, c, ctx, room
	if r.Policy.Timeout > 0 {
		l.end = c.Exchange.Start.Add(r.Policy.Timeout)
	}
	return l.do()
}

// loop is one call while it is answered.
type loop struct {
	route *Route
	call  *Call
	room  *Room
	ctx   context.Context // see context
	spent bool            // the first attempt has cancelled ctx
	end   time.Time       // of the exchange; zero for none

	// roomierThan is how many tokens a target must take more than, after one said that the
	// request is too long for it.
	roomierThan int64
	said        chat.Said // what the client has of a stream that may be gone on with
	first       *failed   // what is told to the client when nothing helps
	resting     []postponed
	cannot      *dialect.UnsupportedError // what the first of those targets lacks that cannot say the request
	why         error                     // all that is known of that, for logs
	media       gathered                  // what has been fetched for the request
	stopped     bool
	charged     bool // a reply's usage is in the exchange
}

// failed is a target that has failed, with its last fault.
type failed struct {
	target *Target
	fault  *fault
	host   string
}

// postponed is a target that was passed over.
type postponed struct {
	index int
	wake  time.Time
	why   Reason // "" when its provider has no place left
	extra int    // which extra attempt at it is the next one; 0 when it has not been asked
}

// context returns the context of what comes next.
func (l *loop) context() context.Context {
	if l.spent {
		l.ctx, l.spent = l.call.Renew(), false
	}
	return l.ctx
}

func (l *loop) policy() *Policy { return &l.route.Policy }

func (l *loop) do() (*Reply, error) {
	able := false
	for i, t := range l.route.Targets {
		if !t.Serves(l.call.Request.Endpoint) {
			continue
		}
		able = true
		reply, err := l.try(i, nil)
		if reply != nil || err != nil {
			return reply, err
		}
		if l.stopped {
			return nil, l.error()
		}
	}
	if !able {
		return nil, l.unsupported()
	}
	return l.lastResort()
}

// try tries a target unless it rests. It returns neither a reply nor an error when the next
// target's turn has come. One that was passed over is tried though it rests on a presumption.
func (l *loop) try(i int, passed *postponed) (*Reply, error) {
	t := l.route.Targets[i]
	if l.roomierThan > 0 && t.window() <= l.roomierThan {
		return nil, nil //nolint:nilnil // see above
	}
	if w, _ := t.way(l.call.Request.Endpoint); w.estimated {
		return l.estimated(i)
	}
	now := time.Now()
	if left, why := t.resting(now); why != "" && (passed == nil || why.binding()) {
		l.resting = append(l.resting, postponed{index: i, wake: now.Add(left), why: why})
		return nil, nil //nolint:nilnil // see above
	}
	payload, dropped, err := l.call.Body(i)
	if err != nil {
		return nil, err
	}
	l.call.Exchange.Dropped = dropped
	n := l.newRun(t, payload)
	n.force = passed != nil
	if err := n.translate(); err != nil {
		return nil, l.unable(err)
	}
	if passed != nil && passed.extra > 0 && !n.goOn(passed.extra) {
		return nil, nil //nolint:nilnil // see above
	}
	reply := n.do()
	switch {
	case reply != nil:
		return reply, nil
	case n.full:
		l.resting = append(l.resting, postponed{index: i, wake: now})
	case n.notSent:
		l.resting = append(l.resting, postponed{i, now.Add(breakerRest), ReasonFailing, n.next()})
	}
	return nil, nil //nolint:nilnil // see above
}

// lastResort tries what was passed over: first what only seems to rest, then, if that is
// soon, what wakes first.
func (l *loop) lastResort() (*Reply, error) {
	passed := l.resting
	l.resting = nil
	for _, p := range passed {
		if p.why == "" || p.why.binding() {
			continue
		}
		reply, err := l.try(p.index, &p)
		if reply != nil || err != nil {
			return reply, err
		}
		if l.stopped {
			return nil, l.error()
		}
	}
	next, ok := soonest(passed)
	if !ok {
		return nil, l.error()
	}
	wait := time.Until(next.wake)
	if next.why == "" || wait > l.policy().BackoffMost || !l.hasTime(wait) {
		return nil, l.busy(wait)
	}
	if !l.sleep(wait) {
		return nil, l.gone()
	}
	reply, err := l.try(next.index, nil)
	if reply != nil || err != nil {
		return reply, err
	}
	return nil, l.busy(time.Until(next.wake))
}

// needRoom asks for targets with a larger context window than one that the request is too
// long for, and says whether there is one behind it. A window that is not known is no reason
// to send a long request once more.
func (l *loop) needRoom(small *Target) bool {
	l.roomierThan = max(l.roomierThan, small.window())
	if l.roomierThan == 0 {
		return false
	}
	behind := slices.Index(l.route.Targets, small) + 1
	return slices.ContainsFunc(l.route.Targets[behind:], func(t *Target) bool {
		return t.window() > l.roomierThan && t.Serves(l.call.Request.Endpoint)
	})
}

// soonest returns the target that wakes first of those that are not to be tried before.
func soonest(passed []postponed) (postponed, bool) {
	var best postponed
	found := false
	for _, p := range passed {
		if p.why != "" && !p.why.binding() {
			continue
		}
		// When a place gets free is not known, so what is full comes after all that rest.
		if sooner := p.wake.Before(best.wake); !found || best.why == "" && p.why != "" || sooner && (p.why != "" || best.why == "") {
			best, found = p, true
		}
	}
	return best, found
}

// hasTime says whether the exchange has more time left than a wait takes.
func (l *loop) hasTime(wait time.Duration) bool {
	return l.end.IsZero() || time.Until(l.end) > wait
}

// sleep waits, and says whether the client is still there.
func (l *loop) sleep(d time.Duration) bool {
	start := time.Now()
	defer func() { l.call.Exchange.UpstreamTime += time.Since(start) }()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-l.context().Done():
		return false
	}
}

// note keeps what a target failed with. What the client is told is the first target's last
// answer or, if it gave none, how it failed last.
func (l *loop) note(t *Target, f *fault, host string) {
	switch {
	case l.first == nil:
	case l.first.target != t:
		return
	case l.first.fault.kind == kindReported && f.kind != kindReported:
		return
	}
	l.first = &failed{t, f, host}
}

// error returns what the client is told of everything that was tried.
func (l *loop) error() error {
	switch {
	case l.context().Err() != nil:
		return l.gone()
	case l.first == nil && l.cannot != nil:
		return l.unsayable()
	case l.first == nil:
		return l.busy(0)
	}
	return l.first.target.clientError(l.first.fault, l.first.host)
}

// busy returns what the client is told when targets are left that must not be asked now. If
// one was asked and has failed, its failure says more.
func (l *loop) busy(wait time.Duration) error {
	if l.first != nil {
		return l.error()
	}
	return llm.NewError(llm.CodeUpstreamBusy,
		"All models that may answer are rate-limited, resting or at their limit. Try again later.").
		WithRetryAfter(max(wait, time.Second))
}

// gone returns what is noted when the client has left while nobody was being asked.
func (l *loop) gone() error {
	return clientGone(context.Cause(l.context()))
}

func (l *loop) unsayable() error {
	return llm.NewError(llm.CodeUnsupportedByProvider, fmt.Sprintf(
		"None of the models that may answer can do what the request needs: %s %s. Leave it out, or ask the operator for a model that can.",
		l.cannot.Field, l.cannot.Why)).WithParam(l.cannot.Field).WithCause(l.why)
}

func (l *loop) unsupported() error {
	endpoint := l.call.Request.Endpoint
	return llm.NewError(llm.CodeUnsupportedByProvider, fmt.Sprintf(
		"None of the models that may answer here serves %s. Call another endpoint, or ask the operator for a model that does.", endpoint))
}
