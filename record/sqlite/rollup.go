package sqlite

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/query"
)

// units are how long roll-ups are, in microseconds, the shortest first. Each is a multiple of
// the one before.
var units = []int64{query.Unit(record.ByMinute), query.Unit(record.ByHour), query.Unit(record.ByDay)}

// rollupKey says which roll-up is meant.
type rollupKey struct{ unit, start, dims int64 }

// sum is what is added to a roll-up; what is taken away is negative.
type sum struct {
	record.Group
	durations, ttfts record.Sketch
}

// rollups are what a transaction changes.
type rollups map[rollupKey]*sum

// add adds n times a row: 1, or −1 to take it away.
func (s rollups) add(r *record.Row, dims, n int64) {
	for _, unit := range units {
		key := rollupKey{unit, floor(r.Time.UnixMicro(), unit), dims}
		to := s[key]
		if to == nil {
			to = &sum{}
			s[key] = to
		}
		to.add(r, n)
	}
}

func (t *sum) add(r *record.Row, n int64) {
	t.Requests += n
	if r.Failed() {
		t.Errors += n
	}
	if r.Fallback {
		t.Fallbacks += n
	}
	t.Input += n * r.Input
	t.Output += n * r.Output
	t.CachedInput += n * r.CachedInput
	t.CacheWrite += n * r.CacheWrite
	t.Reasoning += n * r.Reasoning
	t.CostUSD += float64(n) * r.CostUSD
	if r.Priced {
		t.Priced += n
	}
	if r.Outcome != llm.OutcomeOK {
		return
	}
	if r.Duration > 0 {
		t.durations.Add(record.Bucket(time.Duration(r.Duration)), n)
	}
	if r.FirstToken > 0 {
		t.ttfts.Add(record.Bucket(time.Duration(r.FirstToken)), n)
	}
}

// floor rounds microseconds down to a multiple of a unit, also before 1970.
func floor(us, unit int64) int64 { return us - (us%unit+unit)%unit }

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

func (w *writer) addRollup(ctx context.Context, key rollupKey, t *sum) error {
	const where = " FROM rollups WHERE unit = ? AND start = ? AND dims = ?"
	id := []any{key.unit, key.start, key.dims}
	requests := t.Requests
	err := w.query(ctx, query.Statement{SQL: "SELECT requests, durations, ttfts" + where, Args: id}, func(scan query.Scan) error {
		var before int64
		var durations, ttfts []byte
		if err := scan(&before, &durations, &ttfts); err != nil {
			return err
		}
		requests += before
		if err := t.durations.MergeEncoded(durations); err != nil {
			return err
		}
		return t.ttfts.MergeEncoded(ttfts)
	})
	if err != nil {
		return err
	}
	if requests <= 0 {
		_, err := w.exec(ctx, "DELETE"+where, id...)
		return err
	}
	_, err = w.exec(ctx, rollupUpsert, append(id, t.Requests, t.Errors, t.Fallbacks, t.Input, t.Output, t.CachedInput, t.CacheWrite,
		t.Reasoning, t.CostUSD, t.Priced, t.durations.AppendTo([]byte{}), t.ttfts.AppendTo([]byte{}))...)
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
