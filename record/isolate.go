package record

import (
	"bytes"
	"context"
	"errors"

	"go.uber.org/zap"
)

// isolateTries is how many writes in a row may fail before the store, rather than what it is
// given, is at fault.
const isolateTries = 24

// isolation looks for the parts of a batch that a store refuses while it takes others, so
// that one of them does not hold up everything behind it for ever.
type isolation struct {
	s        *storer
	good     *Batch   // one thing that the store has taken
	doubtful []*Batch // refused before it was known to take anything
	refused  []*Batch
	rows     int // how many rows were stored
	tries    int // since the last success
}

// isolate writes what the store takes of a batch and sets the rest aside. It returns the
// first error when the store takes nothing at all; then nothing is set aside.
func (s *storer) isolate(j *job, b *Batch, first error) error {
	i := &isolation{s: s}
	if err := i.halve(b); err != nil {
		return err
	}
	if i.good == nil {
		return first
	}
	for _, one := range i.doubtful {
		if err := i.halve(one); err != nil {
			return err
		}
	}
	s.r.o.Count(ResultStored, i.rows)
	var lines bytes.Buffer
	rows := 0
	for _, one := range i.refused {
		rows += len(one.Rows)
		if j.batch != nil {
			j.batch.refuse(one, first)
		}
		if err := appendLine(&lines, firstOf(one)); err != nil {
			lines.WriteString(err.Error() + "\n")
		}
	}
	var kept error
	if j.file != nil && lines.Len() > 0 {
		kept = j.file.setAside([][]byte{bytes.TrimSuffix(lines.Bytes(), []byte{'\n'})})
	}
	s.r.o.Count(ResultDamaged, rows)
	s.r.o.Log.Error("the store of records refuses some of what it is given, and takes the rest; what it refuses is set aside",
		zap.Int("refused", len(i.refused)), zap.Error(first), zap.NamedError("set_aside", kept))
	return nil
}

// halve writes a batch by halves until those that the store refuses are single things. It
// returns an error when the store seems to take nothing.
func (i *isolation) halve(b *Batch) error {
	err := i.s.call(b)
	if err == nil {
		i.rows += len(b.Rows)
		i.good, i.tries = firstAlone(b), 0
		return nil
	}
	if i.tries++; i.tries > isolateTries || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if b.Len() > 1 {
		left, right := split(b)
		if err := i.halve(left); err != nil {
			return err
		}
		return i.halve(right)
	}
	if i.good == nil {
		i.doubtful = append(i.doubtful, b)
		return nil
	}
	// Is it this one, or has the store gone? Writing again what it has taken does no harm.
	if err := i.s.call(i.good); err != nil {
		return err
	}
	i.tries = 0
	i.refused = append(i.refused, b)
	return nil
}

// split returns the halves of a batch of two or more.
func split(b *Batch) (left, right *Batch) {
	left, right = new(Batch), new(Batch)
	half := b.Len() / 2
	left.Rows, right.Rows, half = cut(b.Rows, half)
	left.Completions, right.Completions, half = cut(b.Completions, half)
	left.Feedback, right.Feedback, _ = cut(b.Feedback, half)
	return left, right
}

// cut cuts at most n from the front of a list, and returns what is left of n.
func cut[T any](list []T, n int) (front, back []T, left int) {
	k := min(n, len(list))
	return list[:k], list[k:], n - k
}

// firstAlone returns the first thing of a batch in a batch of its own.
func firstAlone(b *Batch) *Batch {
	first, n := new(Batch), 1
	first.Rows, _, n = cut(b.Rows, n)
	first.Completions, _, n = cut(b.Completions, n)
	first.Feedback, _, _ = cut(b.Feedback, n)
	return first
}

// firstOf returns the first thing of a batch as an item.
func firstOf(b *Batch) item {
	switch {
	case len(b.Rows) > 0:
		return item{row: b.Rows[0]}
	case len(b.Completions) > 0:
		return item{gift: &gift{completion: b.Completions[0]}}
	default:
		return item{gift: &gift{feedback: b.Feedback[0]}}
	}
}
