package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/query"
)

// pruneStep is how many rows a transaction of Prune deletes.
const pruneStep = 500

// Prune implements record.Store. It removes days as a whole where it can, and what is left of
// the day at the edge row by row. The size is that of what is kept, bodies included: the files
// of PostgreSQL are larger by its indexes, and do not shrink at once.
func (s *Store) Prune(ctx context.Context, r record.Retention) (record.Pruned, error) {
	var pruned record.Pruned
	if r.Age > 0 {
		if err := s.pruneBefore(ctx, r.Now.Add(-r.Age).UnixMicro(), &pruned); err != nil {
			return pruned, fmt.Errorf("remove records by age: %w", err)
		}
	}
	if r.Bytes > 0 {
		if err := s.pruneBytes(ctx, r.Bytes, &pruned); err != nil {
			return pruned, fmt.Errorf("remove records by size: %w", err)
		}
	}
	return pruned, nil
}

func (s *Store) pruneBefore(ctx context.Context, us int64, pruned *record.Pruned) error {
	starts, err := s.dayPartitions(ctx)
	if err != nil {
		return err
	}
	for _, start := range starts {
		if start+day > us {
			break
		}
		if _, err := s.dropDay(ctx, start, pruned); err != nil {
			return err
		}
	}
	for n := pruneStep; n == pruneStep; {
		if n, err = s.pruneRows(ctx, us, pruned); err != nil {
			return err
		}
	}
	return s.pruneUnmatched(ctx, us, pruned)
}

// pruneRows removes the oldest rows before a time, a step of them, and returns how many.
func (s *Store) pruneRows(ctx context.Context, us int64, pruned *record.Pruned) (int, error) {
	var step record.Pruned
	n := 0
	err := s.write(ctx, func(w *writer) (err error) {
		step = record.Pruned{}
		n, err = w.pruneRows(ctx, us, &step)
		return err
	})
	if err == nil {
		pruned.Rows += step.Rows
		pruned.Feedback += step.Feedback
	}
	return n, err
}

// dayPartitions returns the starts of the days that have partitions, the oldest first.
func (s *Store) dayPartitions(ctx context.Context) ([]int64, error) {
	rows, err := s.pool.Query(ctx, `SELECT child.relname FROM pg_inherits
		JOIN pg_class child ON child.oid = inhrelid JOIN pg_namespace n ON n.oid = child.relnamespace
		WHERE inhparent = 'rows'::regclass AND n.nspname = $1`, s.schema)
	if err != nil {
		return nil, fmt.Errorf("list the days: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list the days: %w", err)
	}
	var starts []int64
	for _, name := range names {
		if t, err := time.Parse("20060102", strings.TrimPrefix(name, "rows_")); err == nil {
			starts = append(starts, t.UnixMicro())
		}
	}
	slices.Sort(starts)
	return starts, nil
}

// dropDay removes a day with all that belongs to it. Dropping a partition needs its table for
// itself for a moment; when it cannot have it, because of a long question, the day goes the
// next time, and false is returned.
func (s *Store) dropDay(ctx context.Context, start int64, pruned *record.Pruned) (bool, error) {
	var gone record.Pruned
	err := s.write(ctx, func(w *writer) error {
		rows := "rows_" + dayName(start)
		if _, err := w.tx.Exec(ctx, "SET LOCAL lock_timeout = '2s'"); err != nil {
			return err
		}
		if err := w.tx.QueryRow(ctx, "SELECT count(*) FROM "+rows).Scan(&gone.Rows); err != nil {
			return err
		}
		err := w.tx.QueryRow(ctx, `WITH gone AS (DELETE FROM feedback WHERE row_time >= $1 AND row_time < $2 RETURNING removed)
			SELECT count(*) FILTER (WHERE removed = 0) FROM gone`, start, start+day).Scan(&gone.Feedback)
		if err != nil {
			return err
		}
		for _, table := range []string{"completions", "originals"} {
			if _, err := w.tx.Exec(ctx, "DELETE FROM "+table+" USING "+rows+" r WHERE r.trace_id = "+table+".trace_id"); err != nil {
				return err
			}
		}
		if _, err := w.tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(lockRollups)); err != nil {
			return err
		}
		if _, err := w.tx.Exec(ctx, "DELETE FROM rollups WHERE start >= $1 AND start < $2", start, start+day); err != nil {
			return err
		}
		if _, err := w.tx.Exec(ctx, "DELETE FROM days WHERE start = $1", start); err != nil {
			return err
		}
		_, err = w.tx.Exec(ctx, "DROP TABLE "+rows+", bodies_"+dayName(start))
		return err
	})
	var refused *pgconn.PgError
	if errors.As(err, &refused) && (refused.Code == "55P03" || refused.Code == "42P01") { // lock_not_available, or another gateway dropped it
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("drop %s: %w", dayName(start), err)
	}
	s.days.forget(start)
	pruned.Rows += gone.Rows
	pruned.Feedback += gone.Feedback
	return true, nil
}

func (d *days) forget(start int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.known, start)
}

func (w *writer) pruneRows(ctx context.Context, us int64, pruned *record.Pruned) (int, error) {
	rows, err := w.tx.Query(ctx, fmt.Sprintf(`DELETE FROM rows WHERE (trace_id, time) IN
			(SELECT trace_id, time FROM rows WHERE time < $1 ORDER BY time, trace_id LIMIT %d FOR UPDATE)
		RETURNING %s`, pruneStep, summedColumns), us)
	if err != nil {
		return 0, fmt.Errorf("delete rows: %w", err)
	}
	gone, err := pgx.CollectRows(rows, scanCollected)
	if err != nil || len(gone) == 0 {
		return 0, err
	}
	ids := make([]string, len(gone))
	for i, r := range gone {
		ids[i] = r.TraceID
		w.remove(&r.Row, r.size)
	}
	var feedback int64
	err = w.tx.QueryRow(ctx, `WITH gone AS (DELETE FROM feedback WHERE trace_id = ANY ($1) RETURNING removed)
		SELECT count(*) FILTER (WHERE removed = 0) FROM gone`, ids).Scan(&feedback)
	if err != nil {
		return 0, fmt.Errorf("delete feedback: %w", err)
	}
	for _, table := range []string{"bodies", "completions", "originals"} {
		if _, err := w.tx.Exec(ctx, "DELETE FROM "+table+" WHERE trace_id = ANY ($1)", ids); err != nil {
			return 0, fmt.Errorf("delete from %s: %w", table, err)
		}
	}
	pruned.Rows += int64(len(gone))
	pruned.Feedback += feedback
	return len(gone), nil
}

// summedColumns are what roll-ups and the sizes of days are made of.
const summedColumns = "trace_id, time, deployment, domain, variant, endpoint, provider, model, outcome, fallback <> 0, " +
	"input_tokens, output_tokens, cached_tokens, cache_write_tokens, reasoning_tokens, cost_usd, priced <> 0, ttft_us, duration_us, size"

// summed is a row with nothing but them.
type summed struct {
	record.Row
	size int64
}

// scanCollected is scanSummed for pgx.CollectRows.
func scanCollected(row pgx.CollectableRow) (*summed, error) { return scanSummed(row.Scan) }

func scanSummed(scan query.Scan) (*summed, error) {
	var r summed
	var us, ttft, duration int64
	var endpoint, outcome string
	err := scan(&r.TraceID, &us, &r.Deployment, &r.Domain, &r.Variant, &endpoint, &r.Provider, &r.Model, &outcome, &r.Fallback,
		&r.Input, &r.Output, &r.CachedInput, &r.CacheWrite, &r.Reasoning, &r.CostUSD, &r.Priced, &ttft, &duration, &r.size)
	r.Time, r.FirstToken, r.Duration = time.UnixMicro(us).UTC(), record.FromMicros(ttft), record.FromMicros(duration)
	r.Endpoint, r.Outcome = llm.Endpoint(endpoint), llm.Outcome(outcome)
	return &r, err
}

// pruneUnmatched removes feedback and completions that are older and have no row.
func (s *Store) pruneUnmatched(ctx context.Context, us int64, pruned *record.Pruned) error {
	var feedback int64
	err := s.pool.QueryRow(ctx, `WITH gone AS (DELETE FROM feedback WHERE row_time IS NULL AND time < $1 RETURNING removed)
		SELECT count(*) FILTER (WHERE removed = 0) FROM gone`, us).Scan(&feedback)
	if err != nil {
		return fmt.Errorf("delete unmatched feedback: %w", err)
	}
	pruned.Feedback += feedback
	_, err = s.pool.Exec(ctx, "DELETE FROM completions c WHERE time < $1 AND NOT EXISTS (SELECT 1 FROM rows r WHERE r.trace_id = c.trace_id)", us)
	if err != nil {
		return fmt.Errorf("delete unmatched completions: %w", err)
	}
	return nil
}

// pruneBytes removes the oldest rows until what is kept is small enough.
func (s *Store) pruneBytes(ctx context.Context, most int64, pruned *record.Pruned) error {
	starts, err := s.dayPartitions(ctx)
	if err != nil {
		return err
	}
	for {
		var total, start, size int64
		err := s.pool.QueryRow(ctx, `SELECT (SELECT sum(size) FROM days)::bigint, start, size FROM days WHERE size > 0 ORDER BY start LIMIT 1`).
			Scan(&total, &start, &size)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil || total <= most {
			return err
		}
		if total-size >= most && slices.Contains(starts, start) {
			if done, err := s.dropDay(ctx, start, pruned); err != nil || !done {
				return err
			}
			continue
		}
		if n, err := s.pruneRows(ctx, start+day, pruned); err != nil || n == 0 {
			return err
		}
	}
}

// bytes returns the size of what is kept.
func (s *Store) bytes(ctx context.Context) (int64, error) {
	var size int64
	if err := s.pool.QueryRow(ctx, "SELECT coalesce(sum(size), 0)::bigint FROM days").Scan(&size); err != nil {
		return 0, fmt.Errorf("measure the records: %w", err)
	}
	return size, nil
}
