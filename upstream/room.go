package upstream

import (
	"net/http"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/chat"
)

// Room is the memory of a call that its first attempt answers, as most are, to be used again by
// another call. What a call needs beyond that it takes anew. A Room must not be copied.
type Room struct {
	loop    loop
	run     run
	attempt attempt
	watcher chat.Watcher
	header  http.Header // of the reply
	taken   bool        // the attempt has been begun
	watched bool        // and the watcher is in use
}

// Clear forgets the call, whose reply must be closed, and says whether another one may use the
// room: not when something of this one has been left open, or when a timer has fired that may
// still look at it.
func (r *Room) Clear() bool {
	a := &r.attempt
	if r.taken && (!a.finished || !a.dog.quiet()) {
		return false
	}
	timer := a.dog.timer
	r.loop, r.run, r.attempt = loop{}, run{}, attempt{}
	a.dog.timer = timer
	if r.watched {
		r.watcher.Reset()
	}
	r.taken, r.watched = false, false
	clear(r.header)
	return true
}

// newAttempt returns the room's attempt, or, behind the first, one of its own.
func (r *Room) newAttempt() *attempt {
	if r.taken {
		return new(attempt)
	}
	r.taken = true
	r.attempt.room = r
	return &r.attempt
}

// newWatcher returns what looks at the attempt's reply.
func (a *attempt) newWatcher() dialect.Watcher {
	hideUsage := a.hidesUsage()
	if a.room == nil || !spokenAsChat(a.way.endpoint) {
		return newWatcher(a.way.endpoint, hideUsage)
	}
	a.room.watched = true
	a.room.watcher.HideUsage(hideUsage)
	return &a.room.watcher
}

// newHeader returns a header for the attempt's reply.
func (a *attempt) newHeader() http.Header {
	switch {
	case a.room == nil:
		return make(http.Header, 8)
	case a.room.header == nil:
		a.room.header = make(http.Header, 8)
	}
	return a.room.header
}
