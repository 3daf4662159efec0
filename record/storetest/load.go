package storetest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/record"
)

func testRetentionByAge(t *testing.T, p *pair) {
	removed := rating("row-0001", 1, 0)
	removed.Removed = true
	batch := feedback(rating("ghost-old", 1, 10), rating("ghost-new", 1, 100_000), rating("row-0000", 1, 200_000), removed)
	for i := range 1500 {
		r := row(fmt.Sprintf("row-%04d", i), i)
		r.Bodies = &record.Bodies{Request: "{}"}
		r.Variant = fmt.Sprint("v", i%3)
		batch.Rows = append(batch.Rows, r)
	}
	batch.Completions = []*record.Completion{
		{ID: "old", TraceID: "row-0002", Time: noon, Usage: record.Usage{Input: 5}}, {ID: "new", TraceID: "row-1400", Time: noon, Usage: record.Usage{Input: 5}},
		{ID: "waiting", TraceID: "row-none", Time: noon, Usage: record.Usage{Input: 5}},
	}
	p.write(batch)
	p.prune(record.Retention{})
	p.prune(record.Retention{Age: time.Hour, Now: noon.Add(time.Hour)}) // exactly as old is not older
	p.sameAll("row-0000")
	p.prune(record.Retention{Age: time.Hour, Now: noon.Add(time.Hour + 1234*time.Second)})
	p.sameAll("row-0000", "row-1233", "row-1234", "row-1400")
	if g := p.total(); g.Requests != 1500-1234 {
		t.Errorf("%d rows are left", g.Requests)
	}
	// What was pruned and is written again is new; a completion that waited too long is not added.
	p.write(&record.Batch{Rows: []*record.Row{row("row-0002", 2), row("row-none", 2)}, Feedback: []*record.Feedback{rating("row-0001", 3, -5)}})
	p.sameAll("row-0002", "row-none")
	p.prune(record.Retention{Age: time.Second, Now: noon.Add(1000 * time.Hour)})
	p.sameAll("row-1400")
	if g := p.total(); g.Requests != 0 {
		t.Errorf("%d rows are left of none", g.Requests)
	}
}

func testRetentionBySize(t *testing.T, p *pair) {
	ctx := context.Background()
	body := strings.Repeat("x", 2000)
	for i := range 20 {
		b := &record.Batch{}
		for j := range 200 {
			r := row(fmt.Sprintf("row-%04d", i*200+j), i*200+j)
			r.Bodies = &record.Bodies{Request: body, Response: body}
			b.Rows = append(b.Rows, r)
		}
		p.write(b)
	}
	before, err := p.store.Check(ctx, false)
	if err != nil {
		t.Fatal(err)
	}
	if before.Bytes == 0 {
		t.Fatal("the size of the store is not known")
	}
	pruned, err := p.store.Prune(ctx, record.Retention{Bytes: before.Bytes * 2})
	if err != nil || pruned.Rows != 0 {
		t.Fatalf("pruned %+v of a store that is small enough (%v)", pruned, err)
	}
	if pruned, err = p.store.Prune(ctx, record.Retention{Bytes: before.Bytes / 2}); err != nil {
		t.Fatal(err)
	}
	after, err := p.store.Check(ctx, false)
	if err != nil {
		t.Fatal(err)
	}
	if after.Bytes > before.Bytes/2 || pruned.Rows+after.Rows != 4000 || after.Rows == 0 || len(after.Problems) > 0 {
		t.Errorf("of %d bytes %d are left after pruning %d of 4000 rows to the half; %d rows are left, %v",
			before.Bytes, after.Bytes, pruned.Rows, after.Rows, after.Problems)
	}
	if want := noon.Add(time.Duration(pruned.Rows) * time.Second); !after.Oldest.Equal(want) {
		t.Errorf("the oldest row left is of %v, want %v", after.Oldest, want)
	}
	if g := p.total(); g.Requests != after.Rows {
		t.Errorf("%d rows are counted of %d", g.Requests, after.Rows)
	}
}

// testConcurrency writes overlapping batches from several goroutines, while others ask.
func testConcurrency(t *testing.T, p *pair) {
	ctx := context.Background()
	const writers, batches, size = 4, 10, 20
	var asking, writing sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		asking.Go(func() {
			var before int64
			for {
				answer, err := p.store.Stats(ctx, &record.Question{By: []record.Dimension{record.ByVariant}})
				if err != nil {
					t.Errorf("ask: %v", err)
					return
				}
				var now int64
				for _, g := range answer.Groups {
					now += g.Requests
				}
				if now < before || now%size != 0 {
					t.Errorf("%d requests after %d: part of a batch is seen", now, before)
				}
				before = now
				if _, err := p.store.List(ctx, &record.Filter{}, record.Page{Limit: 10}); err != nil {
					t.Errorf("list: %v", err)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for i := range writers {
		writing.Go(func() {
			for j := range batches {
				b := &record.Batch{}
				for k := range size {
					n := (i/2*batches+j)*size + k // two writers write the same
					r := row(fmt.Sprintf("row-%04d", n), n)
					r.Variant = fmt.Sprint("v", n%3)
					b.Rows = append(b.Rows, r)
					b.Feedback = append(b.Feedback, rating(r.TraceID, float64(n%5), n))
				}
				if err := p.store.Write(ctx, b); err != nil {
					t.Errorf("write: %v", err)
				}
				if _, err := p.store.Prune(ctx, record.Retention{Age: time.Hour, Now: noon.Add(time.Hour)}); err != nil {
					t.Errorf("prune: %v", err)
				}
			}
		})
	}
	writing.Wait()
	close(done)
	asking.Wait()
	if g := p.total(); g.Requests != writers/2*batches*size || g.Feedback[0].Count != g.Requests {
		t.Errorf("%d requests, want %d", g.Requests, writers/2*batches*size)
	}
	if report, err := p.store.Check(ctx, false); err != nil || len(report.Problems) > 0 {
		t.Errorf("check: %v, %v", report, err)
	}
}

func testCancelledWrite(t *testing.T, p *pair) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := p.store.Write(ctx, rows(row("one", 0))); err == nil {
		t.Error("a write whose time is up succeeds")
	}
	p.sameAll("one")
	p.write(rows(row("one", 0)))
	p.sameAll("one")
}
