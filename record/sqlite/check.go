package sqlite

import (
	"context"
	"fmt"
	"strings"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/query"
)

// check is one thing that Check looks at: how many rows of a SELECT count are wrong, and the
// statements that mend them.
type check struct {
	count   string
	problem string // with %d for how many
	repair  []string
}

var checks = []check{
	{
		count:   "SELECT count(*) FROM bodies WHERE row_id NOT IN (SELECT id FROM rows)",
		problem: "%d bodies belong to no record",
		repair:  []string{"DELETE FROM bodies WHERE row_id NOT IN (SELECT id FROM rows)"},
	},
	{
		count:   "SELECT count(*) FROM rows r WHERE " + wrongDims,
		problem: "%d records are filed under wrong dimensions",
		repair: []string{
			"INSERT INTO dims (" + dimsList + ") SELECT DISTINCT " + dimsList + " FROM rows WHERE true ON CONFLICT DO NOTHING",
			"UPDATE rows AS r SET dims = (SELECT id FROM dims d WHERE " + sameDims + ") WHERE " + wrongDims,
		},
	},
	{
		count:   "SELECT count(*) FROM feedback f LEFT JOIN rows r ON r.trace_id = f.trace_id WHERE f.row_time IS NOT r.time OR f.dims IS NOT r.dims",
		problem: "%d pieces of feedback are not joined with their records",
		repair: []string{`UPDATE feedback SET row_time = (SELECT r.time FROM rows r WHERE r.trace_id = feedback.trace_id),
			dims = (SELECT r.dims FROM rows r WHERE r.trace_id = feedback.trace_id)`},
	},
}

var (
	dimsList  = strings.Join(query.RollupDimensions, ", ")
	sameDims  = "(d." + strings.Join(query.RollupDimensions, ", d.") + ") = (r." + strings.Join(query.RollupDimensions, ", r.") + ")"
	wrongDims = "NOT EXISTS (SELECT 1 FROM dims d WHERE d.id = r.dims AND " + sameDims + ")"
)

// Check implements record.Store. It reads the whole file, which takes a while, but does not
// hold up Write. Repair makes indexes, links and roll-ups anew from the records.
func (s *Store) Check(ctx context.Context, repair bool) (*record.Report, error) {
	report := &record.Report{Problems: []string{}, Repaired: []string{}}
	err := s.check(ctx, repair, report)
	return report, s.explain("check records in", err)
}

func (s *Store) check(ctx context.Context, repair bool, report *record.Report) error {
	if repair && s.writer == nil {
		return errReadOnly
	}
	if err := s.checkIntegrity(ctx, repair, report); err != nil {
		return err
	}
	for _, c := range checks {
		if err := s.checkOne(ctx, c, repair, report); err != nil {
			return err
		}
	}
	if err := s.checkRollups(ctx, repair, report); err != nil {
		return err
	}
	return s.measure(ctx, report)
}

func (s *Store) checkIntegrity(ctx context.Context, repair bool, report *record.Report) error {
	found, err := s.integrity(ctx)
	if err != nil || len(found) == 0 {
		return err
	}
	if repair {
		err := s.write(ctx, func(ctx context.Context, w *writer) error {
			_, err := w.conn.ExecContext(ctx, "REINDEX")
			return err
		})
		if err != nil {
			return fmt.Errorf("make the indexes anew: %w", err)
		}
		left, err := s.integrity(ctx)
		if err != nil {
			return err
		}
		if len(left) == 0 {
			report.Repaired = append(report.Repaired, "made the indexes anew, because: "+strings.Join(found, "; "))
			return nil
		}
		found = left
	}
	report.Problems = append(report.Problems,
		"the file is damaged; restore it from a backup, or export what can be read and move it away: "+strings.Join(found, "; "))
	return nil
}

// integrity returns what SQLite itself finds wrong, at most 20 things.
func (s *Store) integrity(ctx context.Context) ([]string, error) {
	var found []string
	err := s.read(ctx, func(db query.Database) error {
		return db.Run(ctx, query.Statement{SQL: "PRAGMA integrity_check(20)"}, func(scan query.Scan) error {
			var text string
			if err := scan(&text); err != nil {
				return err
			}
			if text != "ok" {
				found = append(found, text)
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("check the file's integrity: %w", err)
	}
	return found, nil
}

func (s *Store) checkOne(ctx context.Context, c check, repair bool, report *record.Report) error {
	var n int64
	err := s.read(ctx, func(db query.Database) error {
		return db.Run(ctx, query.Statement{SQL: c.count}, func(scan query.Scan) error { return scan(&n) })
	})
	if err != nil || n == 0 {
		return err
	}
	problem := fmt.Sprintf(c.problem, n)
	if !repair {
		report.Problems = append(report.Problems, problem+"; run the check with repair")
		return nil
	}
	err = s.write(ctx, func(ctx context.Context, w *writer) error {
		w.forget()
		for _, sql := range c.repair {
			if _, err := w.exec(ctx, sql); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("repair: %s: %w", problem, err)
	}
	report.Repaired = append(report.Repaired, problem)
	return nil
}

// checkRollups compares the roll-ups of each day with its rows.
func (s *Store) checkRollups(ctx context.Context, repair bool, report *record.Report) error {
	var wrong []int64
	err := s.read(ctx, func(db query.Database) error {
		days, err := rollupDays(ctx, db.Run)
		if err != nil {
			return err
		}
		for _, day := range days {
			same, err := rollupsHold(ctx, db.Run, day)
			if err != nil {
				return err
			}
			if !same {
				wrong = append(wrong, day)
			}
		}
		return nil
	})
	if err != nil || len(wrong) == 0 {
		return err
	}
	if !repair {
		report.Problems = append(report.Problems, fmt.Sprintf("the roll-ups of %d days differ from their records; run the check with repair", len(wrong)))
		return nil
	}
	for _, day := range wrong {
		if err := s.write(ctx, func(ctx context.Context, w *writer) error { return w.rebuild(ctx, day) }); err != nil {
			return fmt.Errorf("make roll-ups anew: %w", err)
		}
	}
	report.Repaired = append(report.Repaired, fmt.Sprintf("made the roll-ups of %d days anew", len(wrong)))
	return nil
}

// rollupDays returns the starts of the days that have rows or roll-ups.
func rollupDays(ctx context.Context, run query.Run) ([]int64, error) {
	day := query.Unit(record.ByDay)
	sql := fmt.Sprintf("SELECT time - (time %% %[1]d + %[1]d) %% %[1]d FROM rows UNION SELECT start - (start %% %[1]d + %[1]d) %% %[1]d FROM rollups", day)
	var days []int64
	err := run(ctx, query.Statement{SQL: sql}, func(scan query.Scan) error {
		var start int64
		err := scan(&start)
		days = append(days, start)
		return err
	})
	return days, err
}

// expected adds up the rows of a day.
func expected(ctx context.Context, run query.Run, day int64) (rollups, error) {
	sums := rollups{}
	err := run(ctx, query.Statement{
		SQL:  "SELECT " + summedColumns + " FROM rows WHERE time >= ? AND time < ?",
		Args: []any{day, day + query.Unit(record.ByDay)},
	}, func(scan query.Scan) error {
		r, err := scanSummed(scan)
		if err == nil {
			sums.Add(&r.Row, r.dims, 1)
		}
		return err
	})
	return sums, err
}

// rollupsHold says whether the roll-ups of a day are those of its rows.
func rollupsHold(ctx context.Context, run query.Run, day int64) (bool, error) {
	sums, err := expected(ctx, run, day)
	if err != nil {
		return false, err
	}
	same, n := true, 0
	err = run(ctx, query.Statement{
		SQL:  selectRollups + " WHERE start >= ? AND start < ?",
		Args: []any{day, day + query.Unit(record.ByDay)},
	}, func(scan query.Scan) error {
		var is query.Sum
		key, err := scanRollup(scan, &is)
		n++
		same = same && err == nil && // a damaged one is made anew, too
			is.Equal(sums[key])
		return nil
	})
	return same && n == len(sums), err
}

// rebuild makes the roll-ups of a day anew.
func (w *writer) rebuild(ctx context.Context, day int64) error {
	w.totals.forget()
	sums, err := expected(ctx, w.query, day)
	if err != nil {
		return err
	}
	if _, err := w.exec(ctx, "DELETE FROM rollups WHERE start >= ? AND start < ?", day, day+query.Unit(record.ByDay)); err != nil {
		return err
	}
	return w.addRollups(ctx, sums)
}

// measure fills in how much the store holds.
func (s *Store) measure(ctx context.Context, report *record.Report) error {
	return s.read(ctx, func(db query.Database) error {
		var oldest, newest int64
		err := db.Run(ctx, query.Statement{SQL: `SELECT (SELECT count(*) FROM rows), (SELECT count(*) FROM feedback WHERE removed = 0),
			(SELECT count(*) FROM feedback WHERE removed = 0 AND row_time IS NULL),
			(SELECT coalesce(min(time), 0) FROM rows), (SELECT coalesce(max(time), 0) FROM rows),
			(SELECT page_count * page_size FROM pragma_page_count, pragma_page_size)`}, func(scan query.Scan) error {
			return scan(&report.Rows, &report.Feedback, &report.Unmatched, &oldest, &newest, &report.Bytes)
		})
		if err == nil && report.Rows > 0 {
			report.Oldest, report.Newest = micro(oldest), micro(newest)
		}
		return err
	})
}
