package caddymodule

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/mulligan-gateway/mulligan/llm"
)

// underway are the exchanges that run, whatever config they began with. A process that exits
// gives them Caddy's grace period, and would then take the rest with it without a word to
// their clients or a line in the log. So they are ended at the end of that period.
var underway exchanges

// exchanges are lists, so that requests which begin at once seldom wait for each other.
type exchanges struct {
	lists [16]exchangeList
	last  atomic.Uint32 // that was given to an exchange
}

type exchangeList struct {
	mu    sync.Mutex
	over  bool
	first *exchange
}

// place is where an exchange is in a list. All but the list itself is guarded by its lock.
type place struct {
	list         *exchangeList
	before, next *exchange
	cancel       context.CancelCauseFunc // of the exchange's context; nil before there is one
	exiting      bool                    // it is to end
}

// list returns a list for an exchange, which keeps it when it is used again.
func (e *exchanges) list() *exchangeList { return &e.lists[e.last.Add(1)%uint32(len(e.lists))] }

// errExit is why an exchange is ended that outlasts the grace period.
var errExit = errors.New("the process exits")

// lastWords is how long ended exchanges may take to tell their clients and the log.
const lastWords = 2 * time.Second

// enlist puts an exchange into its list.
func (x *exchange) enlist() {
	l := x.place.list
	l.mu.Lock()
	defer l.mu.Unlock()
	x.place.exiting = l.over
	x.place.next, l.first = l.first, x
	if x.place.next != nil {
		x.place.next.place.before = x
	}
}

// strike takes an exchange out of its list, and ends its context.
func (x *exchange) strike() {
	p := &x.place
	p.list.mu.Lock()
	if p.next != nil {
		p.next.place.before = p.before
	}
	if p.before != nil {
		p.before.place.next = p.next
	} else {
		p.list.first = p.next
	}
	p.before, p.next = nil, nil
	cancel := p.cancel
	p.list.mu.Unlock()
	if cancel != nil {
		cancel(nil)
	}
}

// newContext returns a context of the exchange in place of the one before, which has been
// cancelled. It ends with the client's request, and at the latest when the process exits.
func (x *exchange) newContext() context.Context {
	ctx, cancel := context.WithCancelCause(x.r.Context())
	l := x.place.list
	l.mu.Lock()
	defer l.mu.Unlock()
	x.place.cancel = cancel
	if x.place.exiting {
		cancel(errExit)
	}
	return ctx
}

// exiting says whether the exchange is to end because the process exits.
func (x *exchange) exiting() bool {
	l := x.place.list
	l.mu.Lock()
	defer l.mu.Unlock()
	return x.place.exiting
}

// endAll ends all exchanges, those that begin from now on as well, and waits until Caddy is
// done with their requests: their lines in the access log are written then.
func (e *exchanges) endAll() {
	var requests []*http.Request
	for i := range e.lists {
		requests = e.lists[i].endAll(requests)
	}
	giveUp := time.After(lastWords)
	for _, r := range requests {
		select {
		case <-r.Context().Done(): // net/http ends it when the outermost handler has returned
		case <-giveUp:
			return
		}
	}
}

// endAll ends the exchanges of one list and appends their requests.
func (l *exchangeList) endAll(requests []*http.Request) []*http.Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	for x := l.first; x != nil; x = x.place.next {
		requests = append(requests, x.r)
		x.place.exiting = true
		if x.place.cancel != nil {
			x.place.cancel(errExit)
		}
	}
	return requests
}

// endExchangesAtExit has the exchanges ended when the server of a site has had its grace
// period and the process exits. A reload ends nothing.
func endExchangesAtExit(ctx caddy.Context) {
	server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok {
		return
	}
	server.RegisterOnStop(func(context.Context) error {
		if caddy.Exiting() {
			underway.endAll()
		}
		return nil
	})
}

// unlessExit returns err, or what the client is told instead when it is because the process
// exits.
func (x *exchange) unlessExit(err error, code llm.Code) error {
	if x.r.Context().Err() != nil || !x.exiting() {
		return err
	}
	return llm.NewError(code, "The gateway is being restarted. Ask again.").WithRetryAfter(time.Second).WithCause(errExit)
}
