package record

import (
	"bytes"
	"context"
	"runtime/debug"
	"time"

	"go.uber.org/zap"
)

const (
	// flushEvery is how long a row waits for others to be written with. A batch has its own price,
	// mostly that of its roll-ups, so that many rows at once cost less each; with what is left until
	// spillAfter a store that is well need not spill.
	flushEvery = 100 * time.Millisecond
	// spillAfter is how long a row waits in memory alone. After a kill -9 no more than that is
	// missing, and the time that appending to a file takes.
	spillAfter = 150 * time.Millisecond

	retryFirst = 100 * time.Millisecond // the first wait after the store has failed; doubled with each
	retryMost  = 10 * time.Second
	isolateAt  = 3 // the failure in a row at which the store may be refusing a part of what it gets

	spillRetry = 250 * time.Millisecond // after the spill file has taken nothing
	lockRetry  = 5 * time.Second        // after it could not be opened
	pruneEvery = time.Minute
)

// What the writer is asked.
type (
	// flushAsk wants to know when all is stored of which at most target things were accepted.
	flushAsk struct {
		target uint64
		moved  bool     // all of it has left the memory
		end    position // and then it ends here in the spill
		done   chan struct{}
	}
	closeAsk struct {
		ctx  context.Context
		done chan error
	}
	retainAsk struct{}
)

// writer is the goroutine that moves rows from the queue to the store, or to the spill file
// while the store is slow or away. The store's calls are made by its storer, so it never
// waits but for the disk. All times are of the monotonic clock.
type writer struct {
	r      *Recorder
	ctx    context.Context // of the store's calls
	cancel context.CancelFunc

	waiting []*batch // oldest first
	left    uint64   // how many things have left the memory
	spare   []item

	storer   *storer
	flight   *job // what the storer does now
	failures int  // of the store, in a row
	retryAt  time.Time
	opened   bool

	spill      *spill
	spillAt    time.Time // when it is worth trying it again
	spillFails int       // of reading it, in a row
	lines      bytes.Buffer

	pruneAt time.Time
	pruning chan struct{} // closed when it has ended; nil when nothing is pruned

	flushes []*flushAsk
	closing *closeAsk
	force   bool // the closing one does not wait any longer
	lost    int  // how many rows were lost by closing
	log     complaints
}

func newWriter(r *Recorder) *writer {
	w := &writer{r: r, log: complaints{log: r.o.Log}}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.storer = &storer{r: r, ctx: w.ctx, jobs: make(chan *job, 1), done: make(chan *job, 1)}
	return w
}

func (w *writer) run() {
	defer close(w.r.done)
	defer w.cancel()
	go w.storer.run()
	for !w.over() {
		w.step()
	}
	w.finish()
}

// step does what is to be done now, and waits for something to happen.
func (w *writer) step() {
	defer func() {
		if p := recover(); p != nil {
			w.r.o.Log.Error("panic while writing records", zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
			time.Sleep(retryFirst) // it may happen again
		}
	}()
	next := w.arrange(time.Now())
	if w.over() {
		return
	}
	var timer <-chan time.Time
	if !next.IsZero() {
		t := time.NewTimer(time.Until(next))
		defer t.Stop()
		timer = t.C
	}
	var closed <-chan struct{}
	if w.closing != nil && !w.force {
		closed = w.closing.ctx.Done()
	}
	select {
	case <-w.r.queue.wake:
	case <-timer:
	case j := <-w.storer.done:
		w.settle(j)
	case <-closed:
		w.force = true
	case <-w.pruning:
		w.pruning = nil
	case ask := <-w.r.asks:
		w.asked(ask)
	}
}

func (w *writer) asked(ask any) {
	switch a := ask.(type) {
	case *flushAsk:
		w.flushes = append(w.flushes, a)
		w.retryAt = time.Time{}
	case *closeAsk:
		if w.closing != nil {
			a.done <- ErrClosed
			return
		}
		w.closing = a
		w.take() // the last of it: the queue is closed
	case retainAsk:
		w.pruneAt = time.Time{}
	}
}

// arrange moves what can be moved, and returns when there will be more to do though nothing
// happens until then.
func (w *writer) arrange(now time.Time) time.Time {
	var next wakeup
	ripe, since := w.r.queue.ripe(now.Add(-flushEvery))
	switch {
	case ripe || len(w.flushes) > 0 || w.closing != nil:
		w.take()
	case !since.IsZero():
		next.at(since.Add(flushEvery))
	}
	w.openSpill(now)
	w.spillOverdue(now)
	w.hand(now)
	w.answerFlushes()
	w.prune(now)
	next.at(w.log.flush(now, w.r.queue.takeDropped()))
	next.at(w.due(now))
	return time.Time(next)
}

// wakeup is the earliest of some times; the zero time is none.
type wakeup time.Time

func (u *wakeup) at(t time.Time) {
	if !t.IsZero() && (time.Time(*u).IsZero() || t.Before(time.Time(*u))) {
		*u = wakeup(t)
	}
}

// due returns when arrange would do something that it did not do now.
func (w *writer) due(now time.Time) time.Time {
	var next wakeup
	if w.spill == nil && w.r.o.SpillPath != "" {
		next.at(w.spillAt)
	}
	if b := w.oldest(); b != nil && w.spill != nil {
		next.at(later(b.since.Add(spillAfter), w.spillAt))
	}
	if w.flight == nil {
		switch {
		case !w.opened || !w.spillEmpty():
			next.at(later(w.retryAt, now))
		case len(w.waiting) > 0:
			next.at(later(w.waiting[0].since.Add(flushEvery), w.retryAt))
		}
	}
	if w.opened && w.pruning == nil && w.closing == nil {
		next.at(later(w.pruneAt, now))
	}
	return time.Time(next)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// oldest returns the first batch that only the memory has.
func (w *writer) oldest() *batch {
	if w.flight != nil && w.flight.batch != nil && w.flight.batch.spilled == (position{}) {
		return w.flight.batch
	}
	if len(w.waiting) > 0 {
		return w.waiting[0]
	}
	return nil
}

// take makes batches of what is in the queue.
func (w *writer) take() {
	items, since := w.r.queue.take(w.spare)
	for _, it := range items {
		if err := redactBodies(it); err != nil {
			w.log.add("redact", "the bodies of a record could not be redacted and are not kept", err)
		}
		last := len(w.waiting) - 1
		if last < 0 || w.waiting[last].full() {
			w.waiting = append(w.waiting, &batch{since: since, items: make([]item, 0, min(len(items), batchRows))})
			last++
		}
		w.waiting[last].add(it)
	}
	clear(items)
	w.spare = items
}

// hand gives the storer its next job, unless it has one.
func (w *writer) hand(now time.Time) {
	if w.flight != nil || now.Before(w.retryAt) {
		return
	}
	j := &job{file: w.spill, isolate: w.failures >= isolateAt}
	switch {
	case !w.opened:
	case !w.spillEmpty():
		if w.closing != nil && len(w.waiting) == 0 {
			return // what is on the disk waits for the next process
		}
		j.spill = w.spill
	case len(w.waiting) > 0 && w.ready(w.waiting[0], now):
		j.batch = w.waiting[0]
		w.waiting = w.waiting[1:]
	default:
		return
	}
	w.flight = j
	w.storer.jobs <- j
}

// ready says whether a batch need not wait for more.
func (w *writer) ready(b *batch, now time.Time) bool {
	return b.full() || b.gifts > 0 || w.closing != nil || len(w.flushes) > 0 || now.Sub(b.since) >= flushEvery
}

// settle notes how a job ended.
func (w *writer) settle(j *job) {
	if j == nil {
		return
	}
	w.flight = nil
	switch {
	case j.unreadable:
		w.unreadable(j.err)
		return
	case j.err != nil:
		w.failed(j)
		return
	}
	if w.failures > 0 {
		w.r.o.Log.Info("records are written to the store again", zap.Int64("spilled_bytes", w.spilledBytes()))
	}
	w.opened, w.failures, w.retryAt, w.spillFails = true, 0, time.Time{}, 0
	w.spillAt = time.Time{} // there may be room again
	b := j.batch
	switch {
	case b == nil:
	case b.spilled == position{}:
		b.reply(nil)
		w.leave(b)
	default:
		if err := w.spill.stored(b.spilled); err != nil {
			w.log.add("spill", "the spill file does not take how far it is stored", err)
		}
	}
}

// failed puts off what the store did not take.
func (w *writer) failed(j *job) {
	w.failures++
	w.retryAt = time.Now().Add(min(retryFirst<<min(w.failures-1, 16), retryMost))
	w.log.add("store", "records cannot be written to the store; they wait in memory and in the spill file until it is back", j.err)
	if j.batch != nil && j.batch.spilled == (position{}) {
		w.waiting = append([]*batch{j.batch}, w.waiting...)
	}
}

// unreadable gives a segment of the spill up after it could not be read several times.
func (w *writer) unreadable(err error) {
	w.spillFails++
	w.retryAt = time.Now().Add(spillRetry)
	if w.spillFails < isolateAt {
		return
	}
	w.spillFails = 0
	w.r.o.Log.Error("a spill file of records cannot be read and was moved", zap.Error(err), zap.String("to", w.spill.skip()))
}

// leave notes that a batch is no longer in memory alone.
func (w *writer) leave(b *batch) {
	w.left += uint64(len(b.items))
	w.r.queue.release(len(b.items), b.bytes)
}

// answerFlushes tells those who wait for a flush that it is done.
func (w *writer) answerFlushes() {
	if !w.opened {
		return
	}
	waiting := w.flushes[:0]
	for _, f := range w.flushes {
		if !f.moved && w.left >= f.target {
			f.moved = true
			if w.spill != nil {
				f.end = w.spill.tail()
			}
		}
		if f.moved && (w.spill == nil || !w.spill.head().before(f.end)) {
			close(f.done)
			continue
		}
		waiting = append(waiting, f)
	}
	clear(w.flushes[len(waiting):])
	w.flushes = waiting
}
