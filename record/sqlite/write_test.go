package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/record"
)

// sound fails the test unless the store holds so many rows and all that is derived from them.
func sound(t *testing.T, s *Store, rows int64) {
	t.Helper()
	report, err := s.Check(context.Background(), false)
	if err != nil || len(report.Problems) > 0 || report.Rows != rows {
		t.Errorf("check: %+v, %v; want %d rows", report, err, rows)
	}
	answer, err := s.Stats(context.Background(), &record.Question{})
	if err != nil || len(answer.Groups) != 1 || answer.Groups[0].Requests != rows {
		t.Errorf("roll-ups: %+v, %v; want %d rows", answer, err, rows)
	}
}

// mixed returns rows of several dimensions in turns, each with bodies of its own.
func mixed(begin, n int) *record.Batch {
	b := &record.Batch{}
	for i := begin; i < begin+n; i++ {
		id := fmt.Sprintf("mixed-%05d", i)
		b.Rows = append(b.Rows, &record.Row{
			TraceID: id, Time: time.Date(2026, 5, 1, 12, 0, 0, i*1000, time.UTC), Deployment: "support", Variant: []string{"A", "B", "C"}[i%3],
			Outcome: []llm.Outcome{llm.OutcomeOK, llm.OutcomeUpstreamError}[i%2], Duration: record.MillisOf(time.Duration(i+1) * time.Millisecond),
			ErrorCode: []string{"", "", "timeout"}[i%3], ClientID: fmt.Sprint("client-", i%5), Metadata: fmt.Appendf(nil, `{"i":%d}`, i),
			Bodies: &record.Bodies{Request: "request of " + id, Response: "response to " + id},
		})
	}
	return b
}

func TestRowsOfABatchKeepWhatIsTheirs(t *testing.T) {
	ctx := context.Background()
	s := newStore(t)
	batch := mixed(0, 200)
	if err := s.Write(ctx, batch); err != nil {
		t.Fatal(err)
	}
	for _, r := range batch.Rows {
		e, err := s.Get(ctx, r.TraceID)
		if err != nil {
			t.Fatal(err)
		}
		if e.Variant != r.Variant || e.Outcome != r.Outcome || e.ErrorCode != r.ErrorCode || e.ClientID != r.ClientID || e.Duration != r.Duration ||
			string(e.Metadata) != string(r.Metadata) || e.Bodies == nil || *e.Bodies != *r.Bodies {
			t.Errorf("got %+v with %+v, want %+v", e.Row, e.Bodies, r)
		}
	}
	sound(t, s, 200)
}

func TestABatchOfWhichSomeIsThereIsMadeWhole(t *testing.T) {
	ctx := context.Background()
	s := newStore(t)
	if err := s.Write(ctx, mixed(50, 1)); err != nil {
		t.Fatal(err)
	}
	batch := mixed(0, 100)
	batch.Rows = append(batch.Rows, batch.Rows[70]) // and twice in its batch
	batch.Feedback = []*record.Feedback{{TraceID: batch.Rows[99].TraceID, Name: "thumb", Value: record.Bool(true), Time: batch.Rows[99].Time}}
	for range 2 {
		if err := s.Write(ctx, batch); err != nil {
			t.Fatal(err)
		}
		sound(t, s, 100)
	}
	if e, err := s.Get(ctx, batch.Rows[99].TraceID); err != nil || len(e.Feedback) != 1 || *e.Bodies != *batch.Rows[99].Bodies {
		t.Errorf("got %+v, %v", e, err)
	}
}

func TestRollupsHoldThoughSeveralProcessesAddToThem(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "records.db")
	var handles [2]*Store
	for i := range handles {
		var err error
		if handles[i], err = Open(ctx, Options{Path: path}); err != nil {
			t.Fatal(err)
		}
	}
	const rows = 10
	for n, by := range []int{0, 0, 1, 1, 0, 1, 0, 0} {
		if err := handles[by].Write(ctx, mixed(n*rows, rows)); err != nil {
			t.Fatal(err)
		}
		sound(t, handles[0], int64(n+1)*rows)
	}
	if _, err := handles[1].Prune(ctx, record.Retention{Age: time.Microsecond, Now: time.Date(2026, 5, 1, 12, 0, 0, 26_000, time.UTC)}); err != nil {
		t.Fatal(err)
	}
	if err := handles[0].Write(ctx, mixed(0, rows)); err != nil { // what was removed comes again
		t.Fatal(err)
	}
	for _, s := range handles {
		sound(t, s, 8*rows-25+rows)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatATransactionAddedIsForgottenWithIt(t *testing.T) {
	ctx := context.Background()
	s := newStore(t)
	if err := s.Write(ctx, mixed(0, 10)); err != nil {
		t.Fatal(err)
	}
	again := mixed(5, 15) // of which five are there, so that it is rolled back once, too
	for _, r := range again.Rows[5:] {
		r.Variant = "new" // of dimensions that the transactions before have made
	}
	wrong := errors.New("wrong")
	interrupted := func(end func() error) (err error) {
		defer func() {
			if recover() != nil {
				err = wrong
			}
		}()
		return s.write(ctx, func(ctx context.Context, w *writer) error {
			sums := rollups{}
			if err := w.writeRows(ctx, again.Clean().Rows[5:], sums); err != nil {
				t.Error(err)
			}
			if err := w.addRollups(ctx, sums); err != nil {
				t.Error(err)
			}
			return end()
		})
	}
	if err := interrupted(func() error { return wrong }); !errors.Is(err, wrong) {
		t.Errorf("got %v", err)
	}
	if err := interrupted(func() error { panic(wrong) }); !errors.Is(err, wrong) {
		t.Errorf("after a panic: %v", err)
	}
	if err := s.Write(ctx, again); err != nil {
		t.Fatal(err)
	}
	sound(t, s, 20)
}

func TestMoreRollupsThanAreRememberedHold(t *testing.T) {
	ctx := context.Background()
	s := newStore(t)
	minutes := func(begin int) *record.Batch {
		b := mixed(begin, maxTotals)
		for i, r := range b.Rows {
			r.Time = time.Date(2026, 5, 1, 0, i, 0, begin*1000, time.UTC)
		}
		return b
	}
	for n := range 2 {
		if err := s.Write(ctx, minutes(n*maxTotals)); err != nil {
			t.Fatal(err)
		}
		if len(s.writer.totals.kept) > maxTotals {
			t.Errorf("%d are remembered", len(s.writer.totals.kept))
		}
		sound(t, s, int64(n+1)*maxTotals)
	}
}

func TestAnUnusualBatchDoesNotStayInMemory(t *testing.T) {
	s := newStore(t)
	b := mixed(0, 2*keptGroups)
	for i, r := range b.Rows {
		r.Variant = fmt.Sprint(min(i, keptGroups))
		if i > keptGroups {
			r.Context = fmt.Appendf(nil, `{"text":"%020000d"}`, i)
		}
	}
	if err := s.Write(context.Background(), b); err != nil {
		t.Fatal(err)
	}
	rows := &s.writer.rows
	if cap(rows.groups) > 0 || len(rows.byValue) > 0 || cap(rows.text) > keptText {
		t.Errorf("%d groups, %d by value and %d bytes stay", cap(rows.groups), len(rows.byValue), cap(rows.text))
	}
	for _, value := range append(rows.values[:cap(rows.values)], rows.named[:cap(rows.named)][0].Value) {
		if value != nil {
			t.Fatalf("%T stays", value)
		}
	}
	sound(t, s, 2*keptGroups)
}
