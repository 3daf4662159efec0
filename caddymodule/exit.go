package caddymodule

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/mulligan-gateway/mulligan/llm"
)

// underway are the exchanges that run, whatever config they began with. A process that exits
// gives them Caddy's grace period, and would then take the rest with it without a word to
// their clients or a line in the log. So they are ended at the end of that period.
var underway = exchanges{all: make(map[*exchange]context.CancelCauseFunc)}

type exchanges struct {
	mu   sync.Mutex
	over bool
	all  map[*exchange]context.CancelCauseFunc
}

// errExit is why an exchange is ended that outlasts the grace period.
var errExit = errors.New("the process exits")

// lastWords is how long ended exchanges may take to tell their clients and the log.
const lastWords = 2 * time.Second

// begin gives an exchange its context, which ends with the client's request, and at the latest
// when the process exits.
func (e *exchanges) begin(x *exchange) {
	var cancel context.CancelCauseFunc
	x.ctx, cancel = context.WithCancelCause(x.r.Context())
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.over {
		cancel(errExit)
	}
	e.all[x] = cancel
}

// end ends that context.
func (e *exchanges) end(x *exchange) {
	e.mu.Lock()
	cancel := e.all[x]
	delete(e.all, x)
	e.mu.Unlock()
	cancel(nil)
}

// endAll ends all exchanges, those that begin from now on as well, and waits until Caddy is
// done with their requests: their lines in the access log are written then.
func (e *exchanges) endAll() {
	e.mu.Lock()
	e.over = true
	requests := make([]*http.Request, 0, len(e.all))
	for x, cancel := range e.all {
		requests = append(requests, x.r)
		cancel(errExit)
	}
	e.mu.Unlock()
	giveUp := time.After(lastWords)
	for _, r := range requests {
		select {
		case <-r.Context().Done(): // net/http ends it when the outermost handler has returned
		case <-giveUp:
			return
		}
	}
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
	if x.r.Context().Err() != nil || !errors.Is(context.Cause(x.ctx), errExit) {
		return err
	}
	return llm.NewError(code, "The gateway is being restarted. Ask again.").WithRetryAfter(time.Second).WithCause(errExit)
}
