package clickhouse

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/query"
)

// Prune implements record.Store. Whole days go as partitions, which costs next to nothing; of
// the day at the edge ClickHouse writes what stays anew, beside whatever else it does.
func (s *Store) Prune(ctx context.Context, r record.Retention) (record.Pruned, error) {
	var pruned record.Pruned
	if s.readOnly {
		return pruned, errReadOnly
	}
	if err := s.setTTL(ctx, r.Age); err != nil {
		return pruned, err
	}
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

// pruneBefore removes the rows of exchanges that began before a time, with all that belongs to
// them, and what belongs to no row and is older.
func (s *Store) pruneBefore(ctx context.Context, us int64, pruned *record.Pruned) error {
	old := fmt.Sprintf("(SELECT trace_id FROM %s WHERE time < %d)", rowsTable, us)
	orphan := fmt.Sprintf("time < %d AND trace_id NOT IN (SELECT trace_id FROM %s)", us, rowsTable)
	gone := "trace_id IN " + old + " OR (" + orphan + ")"

	rows, err := s.number(ctx, fmt.Sprintf("SELECT toInt64(count()) FROM %s FINAL WHERE time < %d", rowsTable, us))
	if err != nil {
		return err
	}
	feedback, err := s.number(ctx, "SELECT toInt64(count()) FROM "+feedbackTable+" FINAL WHERE removed = 0 AND ("+gone+")")
	if err != nil {
		return err
	}
	for _, table := range []string{feedbackTable, completionsTable} {
		if err := s.remove(ctx, table, gone); err != nil {
			return err
		}
	}
	for _, table := range []string{bodiesTable, rowsTable} {
		if err := s.dropDays(ctx, table, us); err != nil {
			return err
		}
		if err := s.remove(ctx, table, fmt.Sprintf("time < %d", us)); err != nil {
			return err
		}
	}
	pruned.Rows += rows
	pruned.Feedback += feedback
	return nil
}

// pruneBytes removes the oldest rows until the tables are small enough.
func (s *Store) pruneBytes(ctx context.Context, most int64, pruned *record.Pruned) error {
	for {
		size, err := s.bytes(ctx)
		if err != nil || size <= most {
			return err
		}
		rows, err := s.number(ctx, "SELECT toInt64(count()) FROM "+rowsTable+" FINAL")
		if err != nil || rows == 0 {
			return err
		}
		// As many rows as there are bytes too many, and one in twenty more so that this comes to
		// an end, but at most what is between two dates of the first and the last row.
		share := float64(size-most)/float64(size) + 0.05
		skip := min(int64(share*float64(rows))+1, rows)
		edge, err := s.number(ctx, "SELECT time FROM "+rowsTable+" FINAL ORDER BY time, trace_id LIMIT ?, 1", skip-1)
		if err != nil {
			return err
		}
		if err := s.pruneBefore(ctx, edge+1, pruned); err != nil {
			return err
		}
	}
}

// remove deletes what a condition is true for, if there is any, and returns when it is gone.
func (s *Store) remove(ctx context.Context, table, condition string) error {
	n, err := s.number(ctx, "SELECT toInt64(count()) FROM "+table+" WHERE "+condition)
	if err != nil || n == 0 {
		return err
	}
	if err := s.conn.Exec(ctx, "ALTER TABLE "+table+" DELETE WHERE "+condition); err != nil {
		return err
	}
	// The statement returns before it has been carried out.
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		left, err := s.number(ctx, "SELECT toInt64(count()) FROM system.mutations WHERE database = currentDatabase() AND table = ? AND is_done = 0", table)
		if err != nil || left == 0 {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// dropDays drops the partitions that end before a time. The partition 0 is two days, the ones
// before and after the beginning of 1970, and is left.
func (s *Store) dropDays(ctx context.Context, table string, us int64) error {
	var days []int64
	st := query.Statement{
		SQL:  "SELECT DISTINCT partition FROM system.parts WHERE database = currentDatabase() AND table = ? AND active",
		Args: []any{table},
	}
	err := s.run(ctx, st, func(scan query.Scan) error {
		var text string
		if err := scan(&text); err != nil {
			return err
		}
		d, err := strconv.ParseInt(text, 10, 64)
		if err == nil && (d > 0 && (d+1)*day <= us || d < 0 && d*day < us) {
			days = append(days, d)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("list the days of %s: %w", table, err)
	}
	for _, d := range days {
		if err := s.conn.Exec(ctx, fmt.Sprintf("ALTER TABLE %s DROP PARTITION %d", table, d)); err != nil {
			return fmt.Errorf("drop a day of %s: %w", table, err)
		}
	}
	return nil
}

// setTTL lets a server that can remove old rows itself, so that they go also while no gateway
// runs (source: https://clickhouse.com/docs/engines/table-engines/mergetree-family/mergetree#table_engine-mergetree-ttl).
// It is a day longer than the retention: what Prune removes it counts.
func (s *Store) setTTL(ctx context.Context, age time.Duration) error {
	if !s.version.atLeast(19, 6) || age == s.ttl {
		return nil
	}
	for _, table := range []string{rowsTable, bodiesTable} {
		sql := "ALTER TABLE " + table + " REMOVE TTL"
		if age > 0 {
			sql = fmt.Sprintf("ALTER TABLE %s MODIFY TTL toDateTime(intDiv(time, 1000000)) + INTERVAL %d SECOND",
				table, int64((age+24*time.Hour)/time.Second))
		}
		if err := s.conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("set the TTL of %s: %w", table, err)
		}
	}
	s.ttl = age
	return nil
}

// bytes returns how large the tables are on disk, compressed.
func (s *Store) bytes(ctx context.Context) (int64, error) {
	return s.number(ctx, "SELECT toInt64(coalesce(sum(bytes_on_disk), 0)) FROM system.parts WHERE database = currentDatabase() AND active AND table IN (?, ?, ?, ?)",
		rowsTable, bodiesTable, feedbackTable, completionsTable)
}
