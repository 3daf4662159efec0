package record

import (
	"sync"
	"time"
	"unsafe"
)

// item is what waits to be written: a row, or a gift.
type item struct {
	row  *Row
	gift *gift
	size int // in memory, in bytes
}

// gift is something whose giver waits until it is durable.
type gift struct {
	feedback   *Feedback
	completion *Completion
	done       chan error // of room for one
}

// reply tells the giver, once.
func (g *gift) reply(err error) {
	select {
	case g.done <- err:
	default: // it was told before
	}
}

// queue is what has been added and not been stored or spilled. Its bounds are on all of it,
// also on what the writer has taken out and still holds.
type queue struct {
	mu       sync.Mutex
	items    []item
	since    time.Time // when the first of items was added
	urgent   bool      // somebody waits for one of items
	rows     int       // not yet released
	bytes    int64     // not yet released
	seq      uint64    // how many were ever accepted
	dropped  uint64    // how many rows were not
	closed   bool
	maxRows  int
	maxBytes int64

	wake chan struct{} // of room for one
}

func (q *queue) init(maxRows int, maxBytes int64) {
	q.maxRows, q.maxBytes = maxRows, maxBytes
	q.wake = make(chan struct{}, 1)
}

// add returns false when there is no room, or no more of it.
func (q *queue) add(it item) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.rows >= q.maxRows || q.bytes+int64(it.size) > q.maxBytes {
		if it.row != nil {
			q.dropped++
			q.ring()
		}
		return false
	}
	if len(q.items) == 0 {
		q.since = time.Now()
	}
	q.items = append(q.items, it)
	q.rows++
	q.bytes += int64(it.size)
	q.seq++
	if it.gift != nil {
		q.urgent = true
	}
	if n := len(q.items); n == 1 || n%batchRows == 0 || it.gift != nil {
		q.ring()
	}
	return true
}

func (q *queue) ring() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take empties the queue and returns what was in it, with the time when the first of it was
// added. The spare slice is the queue's next one. What was taken still counts until it is
// released.
func (q *queue) take(spare []item) ([]item, time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.items
	q.items, q.urgent = spare[:0], false
	return items, q.since
}

// ripe says whether what is in the queue is worth taking: it is enough for a batch, somebody
// waits for it, or it was added before a time. Otherwise it returns when the first of it was
// added, or the zero time when there is nothing.
func (q *queue) ripe(before time.Time) (bool, time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		return false, time.Time{}
	}
	return q.urgent || len(q.items) >= batchRows || !q.since.After(before), q.since
}

// release makes room again.
func (q *queue) release(rows int, bytes int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.rows -= rows
	q.bytes -= bytes
}

func (q *queue) accepted() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.seq
}

// takeDropped returns how many rows were dropped since it was asked last.
func (q *queue) takeDropped() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.dropped
	q.dropped = 0
	return n
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.ring()
}

func (q *queue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

// sizeOfRow returns about how many bytes a row takes in memory.
func sizeOfRow(r *Row) int {
	n := int(unsafe.Sizeof(*r)) + len(r.TraceID) + len(r.Rule) + len(r.ClientID) + len(r.Requested) + len(r.ResponseModel) +
		len(r.ErrorCode) + len(r.Metadata) + len(r.Context) + len(r.Inputs) + sizeOfBodies(r.Bodies)
	for i := range r.Attempts {
		a := &r.Attempts[i]
		n += int(unsafe.Sizeof(*a)) + len(a.ErrorCode) + len(a.Error)
	}
	for _, name := range r.Dropped {
		n += int(unsafe.Sizeof(name)) + len(name)
	}
	return n
}

func sizeOfBodies(b *Bodies) int {
	if b == nil {
		return 0
	}
	return int(unsafe.Sizeof(*b)) + len(b.Request) + len(b.Response)
}

// size returns about how many bytes a gift takes in memory.
func (g *gift) size() int {
	if f := g.feedback; f != nil {
		n := int(unsafe.Sizeof(*f)) + len(f.ID) + len(f.TraceID) + len(f.Name) + len(f.Comment) + len(f.Metadata) + len(f.ClientID)
		for _, text := range f.Value.Texts {
			n += int(unsafe.Sizeof(text)) + len(text)
		}
		return n
	}
	c := g.completion
	return int(unsafe.Sizeof(*c)) + len(c.ID) + len(c.TraceID) + len(c.Metadata) + sizeOfBodies(c.Bodies)
}
