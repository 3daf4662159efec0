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

var selectRollups = "SELECT " + strings.Join(rollupColumns, ", ") + " FROM rollups"

// scanRollup adds a roll-up, whose columns are rollupColumns, to a sum. A damaged one is an error.
func scanRollup(scan query.Scan, to *query.Sum) (query.SumKey[int64], error) {
	var key query.SumKey[int64]
	var is record.Group
	var durations, ttfts []byte
	err := scan(&key.Unit, &key.Start, &key.Dimensions, &is.Requests, &is.Errors, &is.Fallbacks, &is.Input, &is.Output, &is.CachedInput,
		&is.CacheWrite, &is.Reasoning, &is.CostUSD, &is.Priced, &durations, &ttfts)
	if err != nil {
		return key, err
	}
	to.Add(&is)
	if err := to.Durations.MergeEncoded(durations); err != nil {
		return key, err
	}
	return key, to.FirstTokens.MergeEncoded(ttfts)
}

// addRollups adds sums to the roll-ups. One of no requests is removed.
func (w *writer) addRollups(ctx context.Context, sums rollups) error {
	if len(sums) == 0 {
		return nil
	}
	if err := w.refresh(ctx); err != nil {
		return err
	}
	values := make([]any, 0, len(sums)*len(rollupColumns))
	w.sketches = w.sketches[:0]
	for key, sum := range sums {
		total, err := w.total(ctx, key)
		if err != nil {
			return err
		}
		if err := total.Merge(sum); err != nil {
			return fmt.Errorf("add to roll-up: %w", err)
		}
		if total.Requests > 0 {
			values = w.appendRollup(values, key, total)
			continue
		}
		delete(w.totals.kept, key)
		if _, err := w.exec(ctx, "DELETE FROM rollups WHERE unit = ? AND start = ? AND dims = ?", key.Unit, key.Start, key.Dimensions); err != nil {
			return fmt.Errorf("remove roll-up: %w", err)
		}
	}
	if err := w.insertMany(ctx, &w.rollups, len(rollupColumns), values); err != nil {
		return fmt.Errorf("write roll-ups: %w", err)
	}
	return nil
}

// appendRollup appends the values of rollupColumns. The sketches among them are valid until the
// next addRollups.
func (w *writer) appendRollup(values []any, key query.SumKey[int64], t *query.Sum) []any {
	return append(values, key.Unit, key.Start, key.Dimensions, t.Requests, t.Errors, t.Fallbacks, t.Input, t.Output, t.CachedInput,
		t.CacheWrite, t.Reasoning, t.CostUSD, t.Priced, w.encode(&t.Durations), w.encode(&t.FirstTokens))
}

// encode returns a sketch as the file has it. One piece of memory is used for all of a batch.
func (w *writer) encode(sketch *record.Sketch) []byte {
	begin := len(w.sketches)
	w.sketches = sketch.AppendTo(w.sketches)
	return w.sketches[begin:len(w.sketches):len(w.sketches)]
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
