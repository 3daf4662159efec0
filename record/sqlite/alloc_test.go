//go:build !race

package sqlite

import (
	"context"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/storetest"
)

// What a clean row may allocate on its way into the file, in a batch of 512: allocations do not
// depend on the machine, so a change that adds some has to say so by raising a number. The race
// detector allocates, too; `make test` runs this once more without it.
const (
	budgetAlike = 10.5 // of one combination of dimensions
	budgetMixed = 22.5 // of 72, each of which has roll-ups
)

func TestAllocationsOfWritingARow(t *testing.T) {
	for _, c := range []struct {
		name   string
		alike  bool
		budget float64
	}{{"alike", true, budgetAlike}, {"mixed", false, budgetMixed}} {
		s := newStore(t)
		traffic := storetest.NewTraffic(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Millisecond)
		traffic.Alike = c.alike
		var batches []*record.Batch
		const rows = 512
		for range 12 {
			b := &record.Batch{}
			for range rows {
				b.Rows = append(b.Rows, traffic.Row())
			}
			batches = append(batches, b)
		}
		write := func() {
			if err := s.Write(context.Background(), batches[0]); err != nil {
				t.Fatal(err)
			}
			batches = batches[1:]
		}
		write() // statements, and the dimensions
		n := testing.AllocsPerRun(10, write) / rows
		if n > c.budget {
			t.Errorf("%s: %v allocations for a row, and %v are the budget", c.name, n, c.budget)
		}
		t.Logf("%s: %v allocations for a row", c.name, n)
	}
}
