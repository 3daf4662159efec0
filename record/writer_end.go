package record

import (
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"
)

// prune lets the store remove what is too old, beside what else it does.
func (w *writer) prune(now time.Time) {
	if !w.opened || w.pruning != nil || w.closing != nil || now.Before(w.pruneAt) {
		return
	}
	w.pruneAt = now.Add(pruneEvery)
	bounds := *w.r.retention.Load()
	if bounds.Age <= 0 && bounds.Bytes <= 0 {
		return
	}
	bounds.Now = time.Now()
	ended := make(chan struct{})
	w.pruning = ended
	store := w.r.opened.Load().store
	go func() {
		defer close(ended)
		var removed Pruned
		err := w.storer.guard(func() (err error) {
			removed, err = store.Prune(w.ctx, bounds)
			return err
		})
		if err != nil && w.ctx.Err() == nil {
			w.r.o.Log.Error("old records cannot be removed", zap.Error(err))
		}
		if removed.Rows > 0 || removed.Feedback > 0 {
			w.r.o.Log.Debug("removed old records", zap.Int64("rows", removed.Rows), zap.Int64("feedback", removed.Feedback))
		}
	}()
}

// over says whether the writer has nothing to do any more.
func (w *writer) over() bool {
	if w.closing == nil {
		return false
	}
	return w.force || w.oldest() == nil
}

// finish ends the writer: what is still in memory is lost, and said to be.
func (w *writer) finish() {
	w.cancel() // whoever is in the store has time until the closing context ends
	if w.force {
		w.take()
		w.spillOverdue(time.Now())
	}
	if b := w.oldest(); b != nil && w.flight != nil && w.flight.batch == b {
		w.lose(b)
	}
	for _, b := range w.waiting {
		w.lose(b)
	}
	close(w.storer.jobs)
	for open := true; open; {
		select {
		case _, open = <-w.storer.done:
		case <-w.closing.ctx.Done():
			open = false
		}
	}
	var err error
	if w.pruning != nil {
		select {
		case <-w.pruning:
		case <-w.closing.ctx.Done():
		}
	}
	if w.spill != nil {
		err = w.spill.close()
	}
	if w.lost > 0 {
		err = errors.Join(err, fmt.Errorf("%d records are lost: neither the store nor the spill file took them in time", w.lost))
	}
	w.closing.done <- err
}

func (w *writer) lose(b *batch) {
	w.lost += b.rows()
	if b.rows() > 0 {
		w.r.o.Count(ResultDropped, b.rows())
	}
	b.reply(ErrBusy)
}
