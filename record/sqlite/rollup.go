package sqlite

import (
	"context"
	"fmt"
	"strings"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/query"
)

// rollups are what a transaction changes, by the ids of dimensions.
type rollups = query.Sums[int64]

var rollupColumns = []string{
	"unit", "start", "dims", "requests", "errors", "fallbacks", "input_tokens", "output_tokens", "cached_tokens",
	"cache_write_tokens", "reasoning_tokens", "cost_usd", "priced", "durations", "ttfts",
}

// rollupUpsert adds the sums to a roll-up that is there; the sketches are merged already.
var rollupUpsert = func() string {
	var sets []string
	for _, name := range rollupColumns[3:13] {
		sets = append(sets, name+" = "+name+" + excluded."+name)
	}
	return insertSQL("rollups", rollupColumns, 1) + " ON CONFLICT DO UPDATE SET " + strings.Join(sets, ", ") +
		", durations = excluded.durations, ttfts = excluded.ttfts"
}()

// addRollups adds sums to the roll-ups. One of no requests is removed.
func (w *writer) addRollups(ctx context.Context, sums rollups) error {
	for key, t := range sums {
		if err := w.addRollup(ctx, key, t); err != nil {
			return fmt.Errorf("add to roll-up: %w", err)
		}
	}
	return nil
}

func (w *writer) addRollup(ctx context.Context, key query.SumKey[int64], t *query.Sum) error {
	const where = " FROM rollups WHERE unit = ? AND start = ? AND dims = ?"
	id := []any{key.Unit, key.Start, key.Dimensions}
	requests := t.Requests
	err := w.query(ctx, query.Statement{SQL: "SELECT requests, durations, ttfts" + where, Args: id}, func(scan query.Scan) error {
		var before int64
		var durations, ttfts []byte
		if err := scan(&before, &durations, &ttfts); err != nil {
			return err
		}
		requests += before
		if err := t.Durations.MergeEncoded(durations); err != nil {
			return err
		}
		return t.FirstTokens.MergeEncoded(ttfts)
	})
	if err != nil {
		return err
	}
	if requests <= 0 {
		_, err := w.exec(ctx, "DELETE"+where, id...)
		return err
	}
	_, err = w.exec(ctx, rollupUpsert, append(id, t.Requests, t.Errors, t.Fallbacks, t.Input, t.Output, t.CachedInput, t.CacheWrite,
		t.Reasoning, t.CostUSD, t.Priced, t.Durations.AppendTo([]byte{}), t.FirstTokens.AppendTo([]byte{}))...)
	return err
}

// summedColumns are the columns of rows that roll-ups are made of.
const summedColumns = "id, dims, trace_id, time, outcome, fallback, input_tokens, output_tokens, cached_tokens, " +
	"cache_write_tokens, reasoning_tokens, cost_usd, priced, ttft_us, duration_us"

// summed is a row with nothing but what roll-ups are made of.
type summed struct {
	record.Row
	id, dims int64
}

func scanSummed(scan query.Scan) (*summed, error) {
	var s summed
	var us, ttft, duration int64
	err := scan(&s.id, &s.dims, &s.TraceID, &us, (*string)(&s.Outcome), &s.Fallback, &s.Input, &s.Output, &s.CachedInput,
		&s.CacheWrite, &s.Reasoning, &s.CostUSD, &s.Priced, &ttft, &duration)
	if err != nil {
		return nil, fmt.Errorf("read row: %w", err)
	}
	s.Time, s.FirstToken, s.Duration = micro(us), record.FromMicros(ttft), record.FromMicros(duration)
	return &s, nil
}
