package sqlite

import (
	"context"
	"fmt"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/query"
)

const (
	// pruneStep is how many rows a transaction of Prune removes. Write waits for one of them at
	// most.
	pruneStep = 500
	// vacuumStep is how many free pages, of 4 KiB, a transaction of Prune gives back.
	vacuumStep = 500
)

// Prune implements record.Store. It gives the room of what it removes back to the file system.
func (s *Store) Prune(ctx context.Context, r record.Retention) (record.Pruned, error) {
	var pruned record.Pruned
	err := s.prune(ctx, r, &pruned)
	return pruned, s.explain("prune records in", err)
}

func (s *Store) prune(ctx context.Context, r record.Retention, pruned *record.Pruned) error {
	if r.Age > 0 {
		cutoff := r.Now.Add(-r.Age).UnixMicro()
		if err := s.pruneRows(ctx, pruned, "WHERE time < ?", func() (any, error) { return cutoff, nil }); err != nil {
			return err
		}
		if err := s.pruneUnmatched(ctx, cutoff, pruned); err != nil {
			return err
		}
	}
	if r.Bytes > 0 {
		err := s.pruneRows(ctx, pruned, "WHERE ?", func() (any, error) {
			used, err := s.used(ctx)
			return used > r.Bytes, err
		})
		if err != nil {
			return err
		}
	}
	if pruned.Rows+pruned.Feedback == 0 {
		return nil
	}
	return s.vacuum(ctx)
}

// pruneRows removes the oldest rows for which a condition holds, in steps, until there is none.
// The condition has one parameter, which is asked for before each step.
func (s *Store) pruneRows(ctx context.Context, pruned *record.Pruned, condition string, parameter func() (any, error)) error {
	for {
		value, err := parameter()
		if err != nil {
			return err
		}
		n := 0
		err = s.write(ctx, func(ctx context.Context, w *writer) error {
			var step record.Pruned
			var err error
			if n, err = w.pruneStep(ctx, condition, value, &step); err != nil {
				return err
			}
			pruned.Rows += step.Rows
			pruned.Feedback += step.Feedback
			return nil
		})
		if err != nil || n == 0 {
			return err
		}
	}
}

func (w *writer) pruneStep(ctx context.Context, condition string, value any, step *record.Pruned) (int, error) {
	var ids []int64
	var traces []string
	sums := rollups{}
	sql := fmt.Sprintf("SELECT %s FROM rows %s ORDER BY time LIMIT %d", summedColumns, condition, pruneStep)
	err := w.query(ctx, query.Statement{SQL: sql, Args: []any{value}}, func(scan query.Scan) error {
		r, err := scanSummed(scan)
		if err != nil {
			return err
		}
		ids, traces = append(ids, r.id), append(traces, r.TraceID)
		sums.Add(&r.Row, r.dims, -1)
		return nil
	})
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	traceList := jsonList(traces)
	err = w.query(ctx, query.Statement{
		SQL:  "SELECT count(*) FROM feedback WHERE removed = 0 AND trace_id IN (SELECT value FROM json_each(?))",
		Args: []any{traceList},
	}, func(scan query.Scan) error { return scan(&step.Feedback) })
	if err != nil {
		return 0, fmt.Errorf("count feedback: %w", err)
	}
	for _, table := range []string{"feedback", "completions", "originals"} {
		if _, err := w.exec(ctx, "DELETE FROM "+table+" WHERE trace_id IN (SELECT value FROM json_each(?))", traceList); err != nil {
			return 0, fmt.Errorf("delete from %s: %w", table, err)
		}
	}
	idList := jsonList(ids)
	for _, where := range []string{"bodies WHERE row_id", "rows WHERE id"} {
		if _, err := w.exec(ctx, "DELETE FROM "+where+" IN (SELECT value FROM json_each(?))", idList); err != nil {
			return 0, fmt.Errorf("delete rows: %w", err)
		}
	}
	step.Rows = int64(len(ids))
	return len(ids), w.addRollups(ctx, sums)
}

// pruneUnmatched removes feedback and completions that are older and have no row.
func (s *Store) pruneUnmatched(ctx context.Context, cutoff int64, pruned *record.Pruned) error {
	feedback := fmt.Sprintf(`DELETE FROM feedback WHERE key IN (
		SELECT key FROM feedback WHERE row_time IS NULL AND time < ? LIMIT %d) RETURNING removed`, pruneStep)
	completions := fmt.Sprintf(`DELETE FROM completions WHERE id IN (
		SELECT id FROM completions c WHERE time < ? AND NOT EXISTS (SELECT 1 FROM rows r WHERE r.trace_id = c.trace_id) LIMIT %d)
		RETURNING 1`, pruneStep)
	for _, sql := range []string{feedback, completions} {
		for n := 1; n > 0; {
			var shown int64
			n = 0
			err := s.write(ctx, func(ctx context.Context, w *writer) error {
				return w.query(ctx, query.Statement{SQL: sql, Args: []any{cutoff}}, func(scan query.Scan) error {
					var removed int64
					n++
					err := scan(&removed)
					shown += 1 - removed
					return err
				})
			})
			if err != nil {
				return fmt.Errorf("delete what is unmatched: %w", err)
			}
			pruned.Feedback += shown
		}
	}
	return nil
}

// used returns how many bytes of the file are used.
func (s *Store) used(ctx context.Context) (int64, error) {
	var used int64
	err := s.read(ctx, func(db query.Database) error {
		return db.Run(ctx, query.Statement{
			SQL: "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
		}, func(scan query.Scan) error { return scan(&used) })
	})
	return used, err
}

// vacuum gives free pages back to the file system, in steps.
func (s *Store) vacuum(ctx context.Context) error {
	for before := int64(-1); ; {
		var free int64
		err := s.write(ctx, func(ctx context.Context, w *writer) error {
			vacuum := query.Statement{SQL: fmt.Sprintf("PRAGMA incremental_vacuum(%d)", vacuumStep)}
			if err := w.query(ctx, vacuum, func(query.Scan) error { return nil }); err != nil {
				return err
			}
			return w.query(ctx, query.Statement{SQL: "PRAGMA freelist_count"}, func(scan query.Scan) error { return scan(&free) })
		})
		if err != nil {
			return fmt.Errorf("give pages back: %w", err)
		}
		if free == 0 || free == before {
			return nil
		}
		before = free
	}
}
