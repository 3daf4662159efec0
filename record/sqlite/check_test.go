package sqlite

import (
	"context"
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/record"
)

func TestCheckFindsAndMendsWhatIsDerived(t *testing.T) {
	for name, c := range map[string]struct{ damage, problem string }{
		"roll-ups are gone":       {"DELETE FROM rollups", "roll-ups of 1 days"},
		"a roll-up counts more":   {"UPDATE rollups SET requests = requests + 1 WHERE unit = 60000000", "roll-ups"},
		"a sketch is damaged":     {"UPDATE rollups SET durations = x'ffff' WHERE unit > 60000000", "roll-ups"},
		"a sketch is another's":   {"UPDATE rollups SET durations = ttfts", "roll-ups"},
		"bodies without a row":    {"INSERT INTO bodies VALUES (987654, 'a', 'b', 0, 0)", "1 bodies"},
		"feedback lost its row":   {"UPDATE feedback SET row_time = NULL, dims = NULL WHERE trace_id LIKE '%-05'", "3 pieces of feedback"},
		"feedback has wrong dims": {"UPDATE feedback SET dims = dims + 1", "pieces of feedback"},
		"rows have wrong dims":    {"UPDATE rows SET dims = 1", "74 records"},
		"dimensions are missing":  {"DELETE FROM dims", "111 records"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			s := newStore(t)
			for n := range 3 {
				if err := s.Write(ctx, numbered(n)); err != nil {
					t.Fatal(err)
				}
			}
			if whole(t, s) != 3 || t.Failed() {
				t.Fatal("it is not whole to begin with")
			}
			if _, err := s.writer.conn.ExecContext(ctx, c.damage); err != nil {
				t.Fatal(err)
			}
			found, err := s.Check(ctx, false)
			if err != nil || !strings.Contains(strings.Join(found.Problems, "\n"), c.problem) || len(found.Repaired) > 0 {
				t.Errorf("finds %q, want %q (%v)", found.Problems, c.problem, err)
			}
			mended, err := s.Check(ctx, true)
			if err != nil || len(mended.Problems) > 0 || !strings.Contains(strings.Join(mended.Repaired, "\n"), strings.TrimSuffix(c.problem, " of 1 days")) {
				t.Errorf("mends %q, leaves %q (%v)", mended.Repaired, mended.Problems, err)
			}
			if err := s.Write(ctx, numbered(3)); err != nil {
				t.Fatal(err)
			}
			if n := whole(t, s); n != 4 {
				t.Errorf("%d batches are there after all, want 4", n)
			}
		})
	}
}

func TestAStepOfPruningIsShort(t *testing.T) {
	ctx := context.Background()
	s := newStore(t)
	for n := range 40 {
		if err := s.Write(ctx, numbered(n)); err != nil {
			t.Fatal(err)
		}
	}
	var step record.Pruned
	err := s.write(ctx, func(ctx context.Context, w *writer) error {
		_, err := w.pruneStep(ctx, "WHERE ?", true, &step)
		return err
	})
	if err != nil || step.Rows != pruneStep || step.Feedback != pruneStep {
		t.Errorf("one step removes %+v (%v)", step, err)
	}
	if report, err := s.Check(ctx, false); err != nil || len(report.Problems) > 0 || report.Rows != 40*batchRows-pruneStep {
		t.Errorf("after it: %+v, %v", report, err)
	}
}
