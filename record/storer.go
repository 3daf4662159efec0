package record

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"go.uber.org/zap"
)

// writeTimeout bounds one call of a store.
const writeTimeout = 30 * time.Second

// readBytes is about how much of the spill is written to the store at once.
const readBytes = 1 << 20

// storer does the writer's calls of the store, one after the other, so that the writer never
// waits for it.
type storer struct {
	r     *Recorder
	ctx   context.Context
	store Store
	jobs  chan *job
	done  chan *job
}

// job is one thing that the storer does: write a batch from memory, or one from the spill, or
// neither, which opens the store and no more.
type job struct {
	batch   *batch
	spill   *spill // read what is written from it
	file    *spill // to set aside what the store refuses; nil without one
	isolate bool   // look for what the store refuses

	err error // how it ended
	// unreadable says that the error is the spill's, not the store's.
	unreadable bool
}

// run does jobs until there are no more, and then closes the store.
func (s *storer) run() {
	for j := range s.jobs {
		j.err = s.guard(func() error { return s.do(j) })
		s.done <- j
	}
	if s.store != nil {
		if err := s.guard(s.store.Close); err != nil {
			s.r.o.Log.Error("closing the store of records failed", zap.Error(err))
		}
	}
	close(s.done)
}

// guard turns a panic into an error.
func (s *storer) guard(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.r.o.Log.Error("panic while writing records", zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return do()
}

func (s *storer) do(j *job) error {
	if err := s.open(); err != nil {
		return err
	}
	switch {
	case j.batch != nil:
		return s.write(j, j.batch.forStore())
	case j.spill != nil:
		return s.drain(j)
	default:
		return nil
	}
}

func (s *storer) open() error {
	if s.store != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.ctx, writeTimeout)
	defer cancel()
	store, err := s.r.o.Open(ctx)
	if err != nil {
		s.r.opened.Store(&opened{err: err})
		return fmt.Errorf("open: %w", err)
	}
	s.store = store
	s.r.opened.Store(&opened{store: store})
	return nil
}

// drain writes the first lines of the spill.
func (s *storer) drain(j *job) error {
	c, err := j.spill.read(readBytes)
	if err != nil {
		j.unreadable = true
		return err
	}
	b, damaged := readLines(c.text)
	if b.Len() > 0 {
		if err := s.write(j, b); err != nil {
			return err
		}
	}
	if len(damaged) > 0 {
		s.r.o.Count(ResultDamaged, len(damaged))
		s.r.o.Log.Error("the spill file of records is damaged; what can be read is stored, the damaged lines are set aside",
			zap.Int("lines", len(damaged)), zap.String("in", j.spill.path+".damaged"), zap.NamedError("set_aside", j.spill.setAside(damaged)))
	}
	if err := j.spill.stored(c.end); err != nil {
		s.r.o.Log.Warn("the spill file does not take how far it is stored; after a restart some of it is written once more, which is harmless",
			zap.Error(err))
	}
	return nil
}

// write writes a batch and counts it.
func (s *storer) write(j *job, b *Batch) error {
	err := s.call(b)
	if err != nil && j.isolate {
		return s.isolate(j, b, err)
	}
	if err == nil {
		s.r.o.Count(ResultStored, len(b.Rows))
	}
	return err
}

// call writes a batch.
func (s *storer) call(b *Batch) error {
	ctx, cancel := context.WithTimeout(s.ctx, writeTimeout)
	defer cancel()
	return s.guard(func() error { return s.store.Write(ctx, b) })
}
