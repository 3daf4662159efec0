package caddymodule

import (
	"net/http"
	"sync"
	"time"
)

// keepalive sends comments into a stream that is silent, so that proxies between client and
// gateway, which often cut what has been silent for a minute, let a model think. It starts
// before the first output: a stream that is kept alive has its status before it is known
// whether anybody answers.
//
// The zero value keeps nothing alive, and costs an uncontended lock for each write.
type keepalive struct {
	mu    sync.Mutex // held by whoever writes to the client
	x     *exchange
	every time.Duration
	last  time.Time // when something was written
	timer *time.Timer
	over  bool
}

// comment is an event that clients pass over (source:
// https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.7).
var comment = []byte(": keepalive\n\n")

// keepAlive begins to keep the exchange's stream alive, if its variant says so.
func (x *exchange) keepAlive() {
	if !x.request.Stream || x.variant.Keepalive <= 0 {
		return
	}
	k := &x.keepalive
	k.mu.Lock()
	defer k.mu.Unlock()
	k.x, k.every, k.last = x, x.variant.Keepalive, time.Now()
	k.timer = time.AfterFunc(k.every, k.tick)
}

// tick writes a comment when nothing has been written for a while.
func (k *keepalive) tick() {
	k.mu.Lock()
	defer k.mu.Unlock()
	defer func() {
		// The response may be one that panics, and there is nobody above to catch it. What is
		// wrong with it shows again at the next write.
		_ = recover()
	}()
	if k.over {
		return
	}
	if silent := time.Since(k.last); silent < k.every {
		k.timer.Reset(k.every - silent)
		return
	}
	if !k.x.committed {
		k.commit()
	}
	if _, err := k.x.w.Write(comment); err != nil {
		return // the client has gone, which ends the exchange
	}
	if err := http.NewResponseController(k.x.w).Flush(); err != nil {
		return
	}
	k.last = time.Now()
	k.timer.Reset(k.every)
}

// commit begins the stream before anybody has answered. Which model does is not known yet,
// nor how many attempts it takes, so the headers that say so are left out.
func (k *keepalive) commit() {
	h := k.x.w.Header()
	h.Set("Content-Type", "text/event-stream")
	streamHeaders(h)
	h[headerTraceID] = []string{k.x.account.TraceID}
	if k.x.site.fullHeaders && k.x.variant.Name != "" {
		h[headerVariant] = []string{k.x.variant.Name}
	}
	k.x.early = true
	k.x.commit(http.StatusOK)
}

// written notes that the stream was not silent.
func (k *keepalive) written(now time.Time) {
	if k.timer != nil {
		k.last = now
	}
}

// stop ends it: nothing is written from another goroutine any more.
func (k *keepalive) stop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.over = true
	if k.timer != nil {
		k.timer.Stop()
	}
}
