package caddymodule

import (
	"net/http"
	"sync"

	"github.com/mulligan-gateway/mulligan/deployment"
	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/rules"
	"github.com/mulligan-gateway/mulligan/upstream"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/invoke"
)

// exchange is one client request while it is served. What the world learns of it is in
// account; the rest is what the steps hand to each other.
type exchange struct {
	site *site
	w    http.ResponseWriter
	r    *http.Request

	account llm.Exchange
	body    *body // nil until it has been read
	request llm.Request

	deployment *deployment.Deployment // nil for a client that named a model itself
	variant    *deployment.Variant
	estimated  bool // no provider was called: the answer is an estimate
	committed  bool // the status line is out
	early      bool // it went out to keep the stream alive, before anybody had answered
	keepalive  keepalive
	capture    *capture // nil unless bodies are kept

	// What a request of the Deployment API said, and what answers it; nil for all others.
	invoked *invoke.Request
	exit    *invoke.Exit

	place place
	kept  bool // somebody may look at it when it is over, so that it is not used again

	// What an exchange keeps when it is used again: memory, and functions that would be allocated
	// for each.
	facts   *rules.Facts
	call    *upstream.Call
	skipped deployment.RuleErrorFunc
}

// spareExchanges are exchanges to be used again. One with all that it needs is several
// kilobytes, which would be most of what a small request allocates.
var spareExchanges = sync.Pool{New: func() any { return newExchange() }}

func newExchange() *exchange {
	x := &exchange{facts: new(rules.Facts)}
	x.place.list = underway.list()
	x.account.Attempts = make([]llm.Attempt, 0, usualAttempts)
	x.facts.Request = &x.request
	x.skipped = x.ruleFailed
	x.call = &upstream.Call{
		Request:     &x.request,
		Exchange:    &x.account,
		Body:        x.rewrite,
		Hold:        x.hold,
		InputTokens: x.facts.InputTokens,
		CountTokens: rules.CountTokens,
		OnAttempt:   x.attemptSpan,
		Renew:       x.newContext,
		Room:        new(upstream.Room),
	}
	return x
}

// hold keeps the request's body until the function that it returns is called.
func (x *exchange) hold() func() { return x.body.hold() }

// letGo gives the request's body back, when nothing of the exchange looks at it any more.
func (x *exchange) letGo() {
	if x.body != nil {
		x.body.release()
	}
}

const (
	usualAttempts = 2
	// keptMembers is of how many members the index of a body is kept.
	keptMembers = 64
)

// recycle has the exchange, which is over, used again by another one. Nobody may look at it
// afterwards.
func (x *exchange) recycle() {
	if x.clear() {
		spareExchanges.Put(x)
	}
}

// clear makes the exchange like a new one, unless somebody may still look at it: the access log,
// whose line comes later, or a timer that has fired. What panicked is left alone, too.
func (x *exchange) clear() bool {
	if x.kept || x.exit != nil || x.keepalive.timer != nil || !x.call.Room.Clear() {
		return false
	}
	x.facts.Reset()
	x.call.Cancel = nil
	attempts, members := x.account.Attempts, x.request.Doc.Members
	clear(attempts)
	clear(members)
	if cap(members) > keptMembers {
		members = nil
	}
	// In place: a copy of all of it would cost more than it seems while garbage is collected.
	x.site, x.w, x.r, x.body, x.deployment, x.variant, x.capture = nil, nil, nil, nil, nil, nil, nil
	x.estimated, x.committed, x.early = false, false, false
	x.keepalive.over = false
	x.place.cancel, x.place.exiting = nil, false
	x.account = llm.Exchange{}
	x.account.Attempts = attempts[:0]
	x.request = llm.Request{}
	x.request.Doc.Members = members[:0]
	return true
}
