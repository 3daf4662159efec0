package record

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// fakeStore is a store that does what a test tells it to.
type fakeStore struct {
	mu       sync.Mutex
	traces   []string // of rows, in the order in which they were first written
	seen     map[string]int
	names    []string // of feedback
	writes   int
	down     error
	refuses  func(*Row) bool
	hang     chan struct{} // Write waits for it, whatever its context says
	panics   bool
	prunes   []Retention
	closed   bool
	openFail error
}

func (s *fakeStore) set(change func(*fakeStore)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *fakeStore) open(context.Context) (Store, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.openFail != nil {
		return nil, s.openFail
	}
	return s, nil
}

func (s *fakeStore) Write(_ context.Context, b *Batch) error {
	s.mu.Lock()
	hang := s.hang
	s.mu.Unlock()
	if hang != nil {
		<-hang
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	if s.panics {
		panic("the store is broken")
	}
	if s.down != nil {
		return s.down
	}
	for _, r := range b.Rows {
		if s.refuses != nil && s.refuses(r) {
			return errors.New("the store refuses this one")
		}
	}
	if s.seen == nil {
		s.seen = map[string]int{}
	}
	for _, r := range b.Rows {
		if s.seen[r.TraceID]++; s.seen[r.TraceID] == 1 {
			s.traces = append(s.traces, r.TraceID)
		}
	}
	for _, f := range b.Feedback {
		s.names = append(s.names, f.Name)
	}
	for _, c := range b.Completions {
		s.names = append(s.names, c.ID)
	}
	return nil
}

func (s *fakeStore) Prune(_ context.Context, r Retention) (Pruned, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prunes = append(s.prunes, r)
	return Pruned{}, nil
}

func (s *fakeStore) Close() error { s.set(func(s *fakeStore) { s.closed = true }); return nil }

func (*fakeStore) Get(context.Context, string) (*Entry, error)           { return nil, ErrNotFound }
func (*fakeStore) List(context.Context, *Filter, Page) (*Listing, error) { return new(Listing), nil }
func (*fakeStore) Stats(context.Context, *Question) (*Answer, error)     { return new(Answer), nil }
func (*fakeStore) Check(context.Context, bool) (*Report, error)          { return new(Report), nil }
func (s *fakeStore) stored() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.traces)
}
func (s *fakeStore) feedback() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.names)
}

// bed is a recorder with its store, its counts and its log.
type bed struct {
	*Recorder
	t      *testing.T
	store  *fakeStore
	path   string
	logs   *observer.ObservedLogs
	mu     sync.Mutex
	counts map[Result]int
}

func newBed(t *testing.T, store *fakeStore, change func(*Options)) *bed {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	b := &bed{t: t, store: store, logs: logs, counts: map[Result]int{}, path: filepath.Join(t.TempDir(), "spill")}
	o := Options{Open: store.open, SpillPath: b.path, Log: zap.New(core), Count: func(r Result, n int) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.counts[r] += n
	}}
	if change != nil {
		change(&o)
	}
	b.path = o.SpillPath
	r, err := NewRecorder(o)
	if err != nil {
		t.Fatal(err)
	}
	b.Recorder = r
	return b
}

func (b *bed) count(r Result) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.counts[r]
}

func (b *bed) add(from, to int) (traces []string) {
	for i := from; i < to; i++ {
		id := fmt.Sprintf("trace-%05d", i)
		b.Add(&Row{TraceID: id, Time: time.Unix(int64(i), 0).UTC(), Metadata: []byte(`{"user":"a <b> \u0000"}`)})
		traces = append(traces, id)
	}
	return traces
}

func (b *bed) flush() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := b.Flush(ctx); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return b.Close(ctx)
}

func (b *bed) mustClose() {
	b.t.Helper()
	if err := b.close(); err != nil {
		b.t.Error(err)
	}
}

// files returns the names of the spill's segments.
func (b *bed) files() []string {
	b.t.Helper()
	names, err := filepath.Glob(b.path + ".0?????")
	if err != nil {
		b.t.Fatal(err)
	}
	return names
}

func (b *bed) spilledText() string {
	b.t.Helper()
	var all strings.Builder
	for _, name := range b.files() {
		text, err := os.ReadFile(name)
		if err != nil {
			b.t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

func same(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("the store has %d rows, want %d: %.5v… and %.5v…", len(got), len(want), got, want)
	}
}

func TestRowsAreStoredInOrderWithinTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, new(fakeStore), nil)
		want := b.add(0, 10) // before it is started
		b.Start()
		time.Sleep(flushEvery)
		synctest.Wait()
		same(t, b.store.stored(), want)
		want = append(want, b.add(10, 2000)...)
		time.Sleep(flushEvery)
		synctest.Wait()
		same(t, b.store.stored(), want)
		if n := b.count(ResultStored); n != 2000 || b.count(ResultSpilled) != 0 {
			t.Errorf("counted %v", b.counts)
		}
		if b.store.writes > 10 {
			t.Errorf("%d writes for 2000 rows", b.store.writes)
		}
		b.mustClose()
		if !b.store.closed {
			t.Error("the store is not closed")
		}
	})
}

func TestAFlushWaitsForWhatWasAddedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, new(fakeStore), nil)
		b.Start()
		began := time.Now()
		want := b.add(0, 1000)
		b.flush()
		same(t, b.store.stored(), want)
		if waited := time.Since(began); waited > flushEvery/2 {
			t.Errorf("it took %s", waited)
		}
		b.mustClose()
	})
}

func TestWhatAStoreDoesNotTakeIsOnTheDiskIn150Milliseconds(t *testing.T) {
	for name, fault := range map[string]func(*fakeStore){
		"down":   func(s *fakeStore) { s.down = errors.New("no route") },
		"hangs":  func(s *fakeStore) { s.hang = make(chan struct{}) },
		"panics": func(s *fakeStore) { s.panics = true },
		"closed": func(s *fakeStore) { s.openFail = errors.New("no such host") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := new(fakeStore)
				fault(store)
				b := newBed(t, store, nil)
				b.Start()
				want := b.add(0, 700)
				time.Sleep(spillAfter)
				synctest.Wait()
				text := b.spilledText()
				for _, id := range want {
					if !strings.Contains(text, id) {
						t.Fatalf("%s is not on the disk", id)
					}
				}
				want = append(want, b.add(700, 900)...)
				time.Sleep(time.Minute)
				synctest.Wait()
				same(t, store.stored(), nil)
				want = append(want, b.add(900, 950)...)

				hang := store.hang
				store.set(func(s *fakeStore) { s.down, s.hang, s.panics, s.openFail = nil, nil, false, nil })
				if hang != nil {
					close(hang)
				}
				b.flush()
				same(t, store.stored(), want)
				if files := b.files(); len(files) > 0 {
					t.Errorf("all is stored, and there is still %v", files)
				}
				if b.count(ResultDropped) != 0 || b.count(ResultDamaged) != 0 || b.count(ResultSpilled) < 900 {
					t.Errorf("counted %v", b.counts)
				}
				b.mustClose()
			})
		})
	}
}

func TestWhatWasSpilledIsStoredByTheNextProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "spill")
		down := newBed(t, &fakeStore{down: errors.New("no route")}, func(o *Options) { o.SpillPath = path })
		down.Start()
		want := down.add(0, 1500)
		time.Sleep(time.Second)
		want = append(want, down.add(1500, 1600)...)
		if err := down.close(); err != nil {
			t.Error(err)
		}
		up := newBed(t, new(fakeStore), func(o *Options) { o.SpillPath = path })
		want = append(want, up.add(1600, 1700)...)
		up.Start()
		up.flush()
		same(t, up.store.stored(), want)
		for id, n := range up.store.seen {
			if n != 1 {
				t.Errorf("%s was written %d times", id, n)
			}
		}
		up.mustClose()
	})
}

func TestOnlyWhatFindsNoRoomIsDroppedAndTheLogSaysSoOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &fakeStore{down: errors.New("no route")}
		b := newBed(t, store, func(o *Options) { o.SpillBytes, o.QueueRows = 200_000, 300 })
		b.Start()
		var want []string
		for i := range 3000 {
			want = append(want, b.add(i, i+1)...)
			if i%100 == 0 {
				time.Sleep(spillAfter)
				synctest.Wait()
			}
		}
		dropped := b.count(ResultDropped)
		if dropped == 0 || dropped > 2900 {
			t.Fatalf("counted %v", b.counts)
		}
		if size := len(b.spilledText()); size > 200_000 || size < 100_000 {
			t.Errorf("the spill file has %d bytes", size)
		}
		time.Sleep(time.Second)
		if lines := b.logs.FilterMessageSnippet("were dropped").Len(); lines == 0 || lines > 2 {
			t.Errorf("%d lines in the log", lines)
		}
		store.set(func(s *fakeStore) { s.down = nil })
		b.flush()
		got := store.stored()
		if len(got)+b.count(ResultDropped) != len(want) || !slices.IsSorted(got) {
			t.Errorf("%d stored and %d dropped of %d", len(got), dropped, len(want))
		}
		b.mustClose()
	})
}

func TestTheQueueIsBoundedInBytes(t *testing.T) {
	b := newBed(t, new(fakeStore), func(o *Options) { o.QueueBytes = 1 << 20 })
	for range 100 {
		b.Add(&Row{TraceID: "x", Bodies: &Bodies{Request: strings.Repeat("x", 64<<10)}})
	}
	if n := b.count(ResultDropped); n != 85 {
		t.Errorf("%d rows of 64 KiB were dropped by a queue of 1 MiB", n)
	}
}

func TestFeedbackIsAcknowledgedOnceItIsDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(fakeStore)
		b := newBed(t, store, nil)
		b.Start()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := b.Give(ctx, &Feedback{TraceID: "t", Name: "stored", Value: Bool(true)}); err != nil {
			t.Fatal(err)
		}
		if got := store.feedback(); !slices.Equal(got, []string{"stored"}) {
			t.Errorf("the store has %v", got)
		}
		store.set(func(s *fakeStore) { s.down = errors.New("no route") })
		if err := b.Complete(ctx, &Completion{ID: "spilled", TraceID: "t"}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.spilledText(), `"spilled"`) {
			t.Error("it is not on the disk")
		}
		store.set(func(s *fakeStore) { s.down = nil })
		b.flush()
		if got := store.feedback(); !slices.Equal(got, []string{"stored", "spilled"}) {
			t.Errorf("the store has %v", got)
		}
		b.mustClose()
		if err := b.Give(ctx, &Feedback{TraceID: "t", Name: "late", Value: Bool(true)}); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}

func TestFeedbackThatIsNotDurableIsNotAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, &fakeStore{down: errors.New("no route")}, func(o *Options) { o.SpillPath = "" })
		b.Start()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		for range 2 {
			if err := b.Give(ctx, &Feedback{TraceID: "t", Name: "n", Value: Bool(true)}); !errors.Is(err, ErrBusy) {
				t.Errorf("the giver is told %v", err)
			}
		}
		if err := b.Give(ctx, &Feedback{Value: Number(math.NaN())}); err == nil {
			t.Error("NaN was taken")
		}
		if err := b.Complete(ctx, &Completion{Metadata: []byte(`{"a":`)}); err == nil {
			t.Error("half a JSON object was taken")
		}
		_ = b.close()
	})
}

func TestClosingKeepsWhatTheStoreDoesNotTakeInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &fakeStore{hang: make(chan struct{})}
		b := newBed(t, store, nil)
		b.Start()
		want := b.add(0, 1200)
		began := time.Now()
		if err := b.close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 6*time.Second {
			t.Errorf("closing took %s", took)
		}
		close(store.hang)
		synctest.Wait()
		b.Add(&Row{TraceID: "late"})
		if b.count(ResultDropped) != 1 {
			t.Errorf("counted %v", b.counts)
		}
		next := newBed(t, new(fakeStore), func(o *Options) { o.SpillPath = b.path })
		next.Start()
		next.flush()
		same(t, next.store.stored(), want)
		next.mustClose()
	})
}

func TestClosingSaysWhatIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, &fakeStore{down: errors.New("no route")}, func(o *Options) { o.SpillPath = "" })
		b.Start()
		b.add(0, 20)
		if err := b.close(); err == nil || !strings.Contains(err.Error(), "20 records are lost") {
			t.Errorf("closing says %v", err)
		}
		if b.count(ResultDropped) != 20 {
			t.Errorf("counted %v", b.counts)
		}
	})
}

func TestARecorderThatIsNotStartedTouchesNothing(t *testing.T) {
	b := newBed(t, new(fakeStore), nil)
	b.add(0, 10)
	if _, err := b.Store(); !errors.Is(err, ErrNotOpen) {
		t.Errorf("its store: %v", err)
	}
	b.mustClose()
	if files, _ := filepath.Glob(b.path + "*"); len(files) > 0 {
		t.Errorf("there are %v", files)
	}
}

func TestOneRowThatTheStoreRefusesHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &fakeStore{refuses: func(r *Row) bool { return r.TraceID == "trace-00000" || r.TraceID == "trace-00333" }}
		b := newBed(t, store, nil)
		b.Start()
		want := b.add(0, 700)
		b.flush()
		want = slices.DeleteFunc(want, func(id string) bool { return id == "trace-00000" || id == "trace-00333" })
		same(t, store.stored(), want)
		if b.count(ResultDamaged) != 2 || b.count(ResultStored) != 698 {
			t.Errorf("counted %v", b.counts)
		}
		aside, err := os.ReadFile(b.path + ".damaged")
		if err != nil || !strings.Contains(string(aside), "trace-00000") || !strings.Contains(string(aside), "trace-00333") {
			t.Errorf("set aside was %s (%v)", aside, err)
		}
		b.mustClose()
	})
}

func TestOldRowsAreRemovedEachMinuteAndAfterAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, new(fakeStore), func(o *Options) { o.Retention.Age = time.Hour })
		b.Start()
		time.Sleep(2*pruneEvery + time.Second)
		synctest.Wait()
		if n := len(b.store.prunes); n != 3 {
			t.Errorf("%d times in two minutes", n)
		}
		b.Retain(Retention{Age: time.Minute})
		synctest.Wait()
		last := b.store.prunes[len(b.store.prunes)-1]
		if last.Age != time.Minute || !last.Now.Equal(time.Now()) {
			t.Errorf("after the change: %+v", last)
		}
		b.mustClose()
	})
}

func TestACostThatIsNoNumberIsNoCost(t *testing.T) {
	row := &Row{CostUSD: math.NaN(), Priced: true}
	newBed(t, new(fakeStore), nil).Add(row)
	if row.CostUSD != 0 || row.Priced {
		t.Errorf("the row costs %v", row.CostUSD)
	}
}
