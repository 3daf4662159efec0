package record

import (
	"bytes"
	"errors"
	"time"

	"go.uber.org/zap"
)

// openSpill opens the spill file, when it is not open and worth trying.
func (w *writer) openSpill(now time.Time) {
	if w.spill != nil || w.r.o.SpillPath == "" || now.Before(w.spillAt) {
		return
	}
	s, notes, err := openSpill(w.r.o.SpillPath, w.r.o.SpillBytes)
	if err != nil {
		w.spillAt = now.Add(lockRetry)
		text := "the spill file of records cannot be used; without it they wait in memory alone while the store is slow or away"
		if errors.Is(err, errLocked) {
			text += "; when several gateways run, give each a data directory of its own"
		}
		w.log.add("spill", text, err)
		return
	}
	for _, note := range notes {
		w.r.o.Log.Error("the spill file of records is damaged: " + note)
	}
	w.spill, w.spillAt = s, time.Time{}
	if !s.empty() {
		w.r.o.Log.Info("records of an earlier run wait in the spill file and are stored now", zap.Int64("spilled_bytes", s.bytes()))
	}
}

func (w *writer) spillEmpty() bool { return w.spill == nil || w.spill.empty() }

func (w *writer) spilledBytes() int64 {
	if w.spill == nil {
		return 0
	}
	return w.spill.bytes()
}

// spillOverdue moves batches to the spill file that the store has not taken in time, the
// oldest first.
func (w *writer) spillOverdue(now time.Time) {
	if w.spill == nil || now.Before(w.spillAt) && !w.force {
		w.refuseGifts()
		return
	}
	for b := w.oldest(); b != nil && w.overdue(b, now); b = w.oldest() {
		if !w.spillBatch(b, now) {
			w.refuseGifts()
			return
		}
		if w.flight == nil || w.flight.batch != b {
			w.waiting = w.waiting[1:]
		}
	}
}

// overdue says whether a batch has waited for the store long enough. Someone who waits for
// its answer does not wait for a store that is away, and neither does the end of the process.
func (w *writer) overdue(b *batch, now time.Time) bool {
	away := w.failures > 0 || !w.spillEmpty()
	return w.force || now.Sub(b.since) >= spillAfter || away && (b.gifts > 0 || w.closing != nil)
}

// spillBatch writes a batch to the spill file, and returns false when that does not take it.
// Then the batch waits in memory.
func (w *writer) spillBatch(b *batch, now time.Time) bool {
	w.lines.Reset()
	broken := 0
	for i := range b.items {
		if err := appendLine(&w.lines, b.items[i]); err != nil {
			w.log.add("line", "a record cannot be written and is dropped", err)
			if g := b.items[i].gift; g != nil {
				g.reply(err)
			} else {
				broken++
			}
		}
	}
	end, err := w.spill.append(w.lines.Bytes(), b.gifts > 0)
	if w.lines.Cap() > 2*batchBytes {
		w.lines.Reset()
		w.lines = bytes.Buffer{}
	}
	lost := new(notDurableError)
	if err != nil && !errors.As(err, &lost) {
		w.spillAt = now.Add(spillRetry)
		w.log.add("spill", "the spill file of records takes no more; they wait in memory, and are dropped when there is no room", err)
		return false
	}
	b.spilled = end
	b.reply(err)
	if broken > 0 {
		w.r.o.Count(ResultDropped, broken)
	}
	if n := b.rows() - broken; n > 0 {
		w.r.o.Count(ResultSpilled, n)
	}
	w.leave(b)
	return true
}

// refuseGifts tells those who wait that there is no durable place now, when there is neither
// a store nor a spill file. What they gave stays, and may be stored yet.
func (w *writer) refuseGifts() {
	if w.failures == 0 {
		return
	}
	for _, b := range w.waiting {
		b.reply(ErrBusy)
	}
}
