package record

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"
)

// Result is what became of a row. It is a closed set, so it may be a metric label. A row
// that was spilled is counted again when it is stored.
type Result string

// The results.
const (
	ResultStored  Result = "stored"  // the store has it
	ResultSpilled Result = "spilled" // it waits in the spill file
	ResultDropped Result = "dropped" // it is lost: no room in memory, nor in the spill file
	ResultDamaged Result = "damaged" // the spill file's line of it could not be read, or the store refuses it
)

// Results returns every result, in the order in which they are documented.
func Results() []Result {
	return []Result{ResultStored, ResultSpilled, ResultDropped, ResultDamaged}
}

// What Options default to.
const (
	DefaultQueueRows  = 50_000
	DefaultQueueBytes = 64 << 20
	DefaultSpillBytes = 256 << 20
)

// Options say how a Recorder works. Only Open is required.
type Options struct {
	// Open opens the store. The writer calls it, again and again with growing waits until it
	// works.
	Open func(context.Context) (Store, error)

	// SpillPath is what the names of the files begin with in which batches wait that the
	// store does not take: PATH.000001 and so on, PATH.lock, and PATH.damaged for what could
	// not be read. One process has them at a time. Default: none, and they wait in memory.
	SpillPath string
	// SpillBytes is how large those files may be together. Default: DefaultSpillBytes.
	SpillBytes int64

	// QueueRows and QueueBytes bound what waits in memory. Bytes are counted as they lie in
	// memory. Defaults: DefaultQueueRows and DefaultQueueBytes.
	QueueRows  int
	QueueBytes int64

	// Retention bounds what the store keeps; its Now is not used.
	Retention Retention

	// Log gets a line when something changes, and at most one in ten seconds of a kind.
	// Default: none.
	Log *zap.Logger
	// Count is called with what became of rows. It must not block. Default: nobody counts.
	Count func(result Result, n int)
}

// Errors that Give, Complete, Flush and Store return.
var (
	// ErrClosed says that the recorder takes nothing any more.
	ErrClosed = errors.New("recording has ended")
	// ErrBusy says that what was given has no durable place now: the store does not take it,
	// and neither does the spill file.
	ErrBusy = errors.New("the store of records is not available, and there is no room to keep it for later")
	// ErrNotOpen says that the store has not been opened yet.
	ErrNotOpen = errors.New("the store of records is not open")
)

// Recorder takes rows without making anybody wait, and writes them to a store in batches.
// It is safe for concurrent use.
type Recorder struct {
	o     Options
	queue queue

	retention atomic.Pointer[Retention]
	opened    atomic.Pointer[opened]

	begin   sync.Once
	started atomic.Bool
	asks    chan any // *flushAsk, *closeAsk or retainAsk, for the writer
	done    chan struct{}
}

// opened is what came of opening the store.
type opened struct {
	store Store
	err   error
}

// NewRecorder returns a recorder that collects in memory until it is started. It touches no
// file and calls nobody.
func NewRecorder(o Options) (*Recorder, error) {
	if o.Open == nil {
		return nil, errors.New("a recorder needs a way to open its store")
	}
	if o.QueueRows < 0 || o.QueueBytes < 0 || o.SpillBytes < 0 {
		return nil, errors.New("the bounds of a recorder cannot be negative")
	}
	o.QueueRows = orDefault(o.QueueRows, DefaultQueueRows)
	o.QueueBytes = orDefault(o.QueueBytes, DefaultQueueBytes)
	o.SpillBytes = orDefault(o.SpillBytes, DefaultSpillBytes)
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Count == nil {
		o.Count = func(Result, int) {}
	}
	r := &Recorder{o: o, asks: make(chan any), done: make(chan struct{})}
	r.queue.init(o.QueueRows, o.QueueBytes)
	r.retention.Store(&o.Retention)
	return r, nil
}

func orDefault[T int | int64](n, otherwise T) T {
	if n == 0 {
		return otherwise
	}
	return n
}

// Start begins to write. Calling it again does nothing.
func (r *Recorder) Start() {
	r.begin.Do(func() {
		r.started.Store(true)
		go newWriter(r).run()
	})
}

// Add takes a row, which belongs to the recorder from then on. It never blocks: where there
// is no room the row is dropped and counted.
func (r *Recorder) Add(row *Row) {
	if math.IsNaN(row.CostUSD) || math.IsInf(row.CostUSD, 0) {
		row.CostUSD, row.Priced = 0, false // no store and no JSON has such a number
	}
	if !r.queue.add(item{row: row, size: sizeOfRow(row)}) {
		r.o.Count(ResultDropped, 1)
	}
}

// Give returns when the feedback is durable: in the store, or on the disk to be stored later.
// It belongs to the recorder from then on, also when the context ends first; then it is not
// known whether it will be kept. Giving it again is harmless.
func (r *Recorder) Give(ctx context.Context, f *Feedback) error {
	if _, err := f.Value.MarshalJSON(); err != nil {
		return err
	}
	if err := checkObject(f.Metadata); err != nil {
		return err
	}
	return r.give(ctx, &gift{feedback: f})
}

// Complete returns when the completion is durable, in the way of Give.
func (r *Recorder) Complete(ctx context.Context, c *Completion) error {
	if math.IsNaN(c.CostUSD) || math.IsInf(c.CostUSD, 0) {
		return errors.New("the cost must be a finite number")
	}
	if err := checkObject(c.Metadata); err != nil {
		return err
	}
	return r.give(ctx, &gift{completion: c})
}

func checkObject(raw json.RawMessage) error {
	if raw == nil || json.Valid(raw) {
		return nil
	}
	return errors.New("the metadata is not valid JSON")
}

func (r *Recorder) give(ctx context.Context, g *gift) error {
	g.done = make(chan error, 1)
	if !r.queue.add(item{gift: g, size: g.size()}) {
		if r.queue.isClosed() {
			return ErrClosed
		}
		return ErrBusy
	}
	select {
	case err := <-g.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("wait until it is stored: %w", ctx.Err())
	case <-r.done:
		select {
		case err := <-g.done: // the writer's last word
			return err
		default:
			return ErrClosed
		}
	}
}

// Flush returns when the store is open and all that was added before is in it.
func (r *Recorder) Flush(ctx context.Context) error {
	if !r.started.Load() {
		return ErrNotOpen
	}
	ask := &flushAsk{target: r.queue.accepted(), done: make(chan struct{})}
	if err := r.ask(ctx, ask); err != nil {
		return err
	}
	select {
	case <-ask.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait until records are stored: %w", ctx.Err())
	case <-r.done:
		return ErrClosed
	}
}

func (r *Recorder) ask(ctx context.Context, ask any) error {
	select {
	case r.asks <- ask:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the writer of records: %w", ctx.Err())
	case <-r.done:
		return ErrClosed
	}
}

// Store returns the store, to be asked questions. Its error says why it could not be opened
// so far. Whoever has a store must not close it, nor use it after Close.
func (r *Recorder) Store() (Store, error) {
	switch o := r.opened.Load(); {
	case o == nil:
		return nil, ErrNotOpen
	case o.store == nil:
		return nil, fmt.Errorf("%w: %w", ErrNotOpen, o.err)
	default:
		return o.store, nil
	}
}

// Retain changes what the store keeps.
func (r *Recorder) Retain(bounds Retention) {
	if old := r.retention.Swap(&bounds); old.Age == bounds.Age && old.Bytes == bounds.Bytes || !r.started.Load() {
		return
	}
	go func() { _ = r.ask(context.Background(), retainAsk{}) }() // it ends with the writer at the latest
}

// Close takes nothing more and returns when all that was taken is in the store, or on the
// disk to be stored when a recorder begins with the same SpillPath again. When the context
// ends first it does not wait for the store any longer. Its error says what is lost.
func (r *Recorder) Close(ctx context.Context) error {
	r.queue.close()
	if !r.started.Load() {
		r.begin.Do(func() { close(r.done) }) // it cannot be started any more
		return nil
	}
	ask := &closeAsk{ctx: ctx, done: make(chan error, 1)}
	select {
	case r.asks <- ask:
	case <-r.done:
		return nil // it was closed before
	}
	<-r.done
	select {
	case err := <-ask.done:
		return err
	default:
		return ErrClosed
	}
}
