package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/mulligan-gateway/mulligan/record/query"
)

var sumColumns = []string{
	"requests", "errors", "fallbacks", "input_tokens", "output_tokens", "cached_tokens",
	"cache_write_tokens", "reasoning_tokens", "cost_usd", "priced",
}

var (
	rollupKey    = append([]string{"unit", "start"}, query.RollupDimensions...)
	rollupSelect = "SELECT requests, durations, ttfts FROM rollups WHERE " + equals(rollupKey)
	rollupDelete = "DELETE FROM rollups WHERE " + equals(rollupKey)
	rollupUpsert = func() string {
		columns := append(append(append([]string{}, rollupKey...), sumColumns...), "durations", "ttfts")
		values := make([]string, len(columns))
		for i := range columns {
			values[i] = query.Dollar(i + 1)
		}
		var sets []string
		for _, name := range sumColumns {
			sets = append(sets, name+" = rollups."+name+" + excluded."+name)
		}
		return "INSERT INTO rollups (" + strings.Join(columns, ", ") + ") VALUES (" + strings.Join(values, ", ") + ") ON CONFLICT (" +
			strings.Join(rollupKey, ", ") + ") DO UPDATE SET " + strings.Join(sets, ", ") + ", durations = excluded.durations, ttfts = excluded.ttfts"
	}()
)

func equals(columns []string) string {
	list := make([]string, len(columns))
	for i, name := range columns {
		list[i] = name + " = " + query.Dollar(i+1)
	}
	return strings.Join(list, " AND ")
}

// addRollups adds the sums to the roll-ups that are there, in two round trips. One of no
// requests is removed. Sketches are merged here, so one gateway at a time may do it.
func (w *writer) addRollups(ctx context.Context) error {
	if len(w.sums) == 0 {
		return nil
	}
	if _, err := w.tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(lockRollups)); err != nil {
		return fmt.Errorf("wait for the roll-ups: %w", err)
	}
	var reads, writes pgx.Batch
	for key, sum := range w.sums {
		reads.Queue(rollupSelect, keyArgs(key)...).Query(func(rows pgx.Rows) error {
			return queueRollup(&writes, key, sum, rows)
		})
	}
	for start, size := range w.sizes {
		writes.Queue("INSERT INTO days (start, size) VALUES ($1, $2) ON CONFLICT (start) DO UPDATE SET size = days.size + excluded.size", start, size)
	}
	if err := w.tx.SendBatch(ctx, &reads).Close(); err != nil {
		return fmt.Errorf("read roll-ups: %w", err)
	}
	if err := w.tx.SendBatch(ctx, &writes).Close(); err != nil {
		return fmt.Errorf("write roll-ups: %w", err)
	}
	return nil
}

// queueRollup queues what becomes of a roll-up, whose row as it is now is in rows, if any.
func queueRollup(writes *pgx.Batch, key query.SumKey[query.Dimensions], sum *query.Sum, rows pgx.Rows) error {
	requests := sum.Requests
	for rows.Next() {
		var before int64
		var durations, ttfts []byte
		if err := rows.Scan(&before, &durations, &ttfts); err != nil {
			return err
		}
		requests += before
		if err := sum.Durations.MergeEncoded(durations); err != nil {
			return err
		}
		if err := sum.FirstTokens.MergeEncoded(ttfts); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if requests <= 0 {
		writes.Queue(rollupDelete, keyArgs(key)...)
		return nil
	}
	writes.Queue(rollupUpsert, append(keyArgs(key), sum.Requests, sum.Errors, sum.Fallbacks, sum.Input, sum.Output, sum.CachedInput,
		sum.CacheWrite, sum.Reasoning, sum.CostUSD, sum.Priced, sum.Durations.AppendTo([]byte{}), sum.FirstTokens.AppendTo([]byte{}))...)
	return nil
}

func keyArgs(k query.SumKey[query.Dimensions]) []any {
	args := []any{k.Unit, k.Start}
	for _, d := range k.Dimensions {
		args = append(args, d)
	}
	return args
}
