package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/query"
)

// day is how many microseconds a partition is long.
var day = query.Unit(record.ByDay)

// days remembers the partitions that are known to be there.
type days struct {
	mu    sync.Mutex
	known map[int64]bool // by the day's start
}

// Rows of other times than these are in the default partition, so that a clock that is wrong
// makes no tables.
const (
	daysBack  = 400
	daysAhead = 2
)

// partitions makes the partitions of the rows' days that are not there.
func (s *Store) partitions(ctx context.Context, rows []*record.Row) error {
	now := query.Floor(time.Now().UnixMicro(), day)
	wanted := map[int64]bool{}
	s.days.mu.Lock()
	for _, r := range rows {
		start := query.Floor(r.Time.UnixMicro(), day)
		if !s.days.known[start] && start >= now-daysBack*day && start <= now+daysAhead*day {
			wanted[start] = true
		}
	}
	s.days.mu.Unlock()
	for _, start := range slices.Sorted(maps.Keys(wanted)) {
		if err := s.partition(ctx, start); err != nil {
			return fmt.Errorf("make the partition of %s: %w", dayName(start), err)
		}
	}
	return nil
}

func (s *Store) partition(ctx context.Context, start int64) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(lockSchema)); err != nil {
			return err
		}
		for _, table := range []string{"rows", "bodies"} {
			_, err := tx.Exec(ctx, fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s_%s PARTITION OF %s FOR VALUES FROM (%d) TO (%d)",
				table, dayName(start), table, start, start+day))
			if err != nil {
				return err
			}
		}
		return nil
	})
	var refused *pgconn.PgError
	// check_violation: the default partition has rows of that day, from a clock that was ahead.
	// They and those to come stay there.
	if errors.As(err, &refused) && refused.Code == "23514" {
		err = nil
	}
	if err == nil {
		s.days.mu.Lock()
		defer s.days.mu.Unlock()
		if s.days.known == nil {
			s.days.known = map[int64]bool{}
		}
		s.days.known[start] = true
	}
	return err
}

// dayName returns the end of the names of a day's partitions: "20261124".
func dayName(start int64) string { return time.UnixMicro(start).UTC().Format("20060102") }
