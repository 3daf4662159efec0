package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/query"
)

// Check implements record.Store. PostgreSQL sees to its files and transactions; what is
// looked for here is whether the tables agree with each other.
func (s *Store) Check(ctx context.Context, repair bool) (*record.Report, error) {
	report := &record.Report{Problems: []string{}, Repaired: []string{}}
	var oldest, newest *int64
	err := s.pool.QueryRow(ctx, `SELECT (SELECT count(*) FROM rows), (SELECT min(time) FROM rows), (SELECT max(time) FROM rows),
		count(*) FILTER (WHERE removed = 0), count(*) FILTER (WHERE removed = 0 AND row_time IS NULL) FROM feedback`).
		Scan(&report.Rows, &oldest, &newest, &report.Feedback, &report.Unmatched)
	if err != nil {
		return nil, fmt.Errorf("count records: %w", err)
	}
	if oldest != nil && newest != nil {
		report.Oldest, report.Newest = time.UnixMicro(*oldest).UTC(), time.UnixMicro(*newest).UTC()
	}
	if report.Bytes, err = s.bytes(ctx); err != nil {
		return nil, err
	}
	if err := s.checkRollups(ctx, repair, report); err != nil {
		return nil, err
	}
	return report, s.checkMatches(ctx, repair, report)
}

// checkRollups compares the roll-ups with what their rows add up to.
func (s *Store) checkRollups(ctx context.Context, repair bool, report *record.Report) error {
	wrong := false
	err := s.read(ctx, func(db query.Database) error {
		w := newWriter(nil)
		if err := w.sumUp(ctx, db.Run); err != nil {
			return err
		}
		n := 0
		sql := "SELECT " + strings.Join(append(append(append([]string{}, rollupKey...), sumColumns...), "durations", "ttfts"), ", ") + " FROM rollups"
		err := db.Run(ctx, query.Statement{SQL: sql}, func(scan query.Scan) error {
			key, sum, err := scanRollup(scan)
			n++
			wrong = wrong || err == nil && !sum.Equal(w.sums[key])
			return err
		})
		wrong = wrong || n != len(w.sums)
		return err
	})
	if err != nil {
		return fmt.Errorf("compare roll-ups: %w", err)
	}
	if !wrong {
		return nil
	}
	const problem = "The roll-ups do not agree with their rows. Repair makes all of them anew."
	if !repair {
		report.Problems = append(report.Problems, problem)
		return nil
	}
	if err := s.rebuild(ctx); err != nil {
		return fmt.Errorf("make roll-ups anew: %w", err)
	}
	report.Repaired = append(report.Repaired, problem)
	return nil
}

// sumUp adds up all rows.
func (w *writer) sumUp(ctx context.Context, run query.Run) error {
	return run(ctx, query.Statement{SQL: "SELECT " + summedColumns + " FROM rows"}, func(scan query.Scan) error {
		r, err := scanSummed(scan)
		if err == nil {
			w.add(&r.Row, r.size)
		}
		return err
	})
}

func scanRollup(scan query.Scan) (query.SumKey[query.Dimensions], *query.Sum, error) {
	var key query.SumKey[query.Dimensions]
	var sum query.Sum
	var durations, ttfts []byte
	into := []any{&key.Unit, &key.Start}
	for i := range key.Dimensions {
		into = append(into, &key.Dimensions[i])
	}
	err := scan(append(into, &sum.Requests, &sum.Errors, &sum.Fallbacks, &sum.Input, &sum.Output, &sum.CachedInput, &sum.CacheWrite,
		&sum.Reasoning, &sum.CostUSD, &sum.Priced, &durations, &ttfts)...)
	if err != nil {
		return key, nil, fmt.Errorf("read roll-up: %w", err)
	}
	return key, &sum, errors.Join(sum.Durations.MergeEncoded(durations), sum.FirstTokens.MergeEncoded(ttfts))
}

// rebuild makes the roll-ups and the sizes of days anew, in one transaction that other writers
// wait for. They may have inserted rows before they wait, which they count themselves then.
func (s *Store) rebuild(ctx context.Context) error {
	return s.write(ctx, func(w *writer) error {
		if _, err := w.tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(lockRollups)); err != nil {
			return err
		}
		for _, table := range []string{"rollups", "days"} {
			if _, err := w.tx.Exec(ctx, "DELETE FROM "+table); err != nil {
				return err
			}
		}
		return w.sumUp(ctx, in(w.tx).Run)
	})
}

// checkMatches finds feedback that does not know that its row is there.
func (s *Store) checkMatches(ctx context.Context, repair bool, report *record.Report) error {
	var lost int64
	err := s.pool.QueryRow(ctx, `SELECT count(*) FROM feedback f WHERE row_time IS NULL AND EXISTS (SELECT 1 FROM rows r WHERE r.trace_id = f.trace_id)`).Scan(&lost)
	if err != nil || lost == 0 {
		return err
	}
	problem := fmt.Sprintf("%d pieces of feedback do not know their row. Repair joins them.", lost)
	if !repair {
		report.Problems = append(report.Problems, problem)
		return nil
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		w := newWriter(tx)
		return w.match(ctx, "$1", true)
	})
	if err != nil {
		return err
	}
	report.Repaired = append(report.Repaired, problem)
	return nil
}
