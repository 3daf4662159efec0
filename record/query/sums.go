package query

import (
	"math"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/record"
)

// Dimensions are what roll-ups are kept by, in the order of RollupDimensions.
type Dimensions [7]string

// DimensionsOf returns a row's.
func DimensionsOf(r *record.Row) Dimensions {
	return Dimensions{r.Deployment, r.Domain, r.Variant, string(r.Endpoint), r.Provider, r.Model, string(r.Outcome)}
}

// SumKey says which roll-up is meant: of one of the Units, from a start in microseconds since
// 1970, of dimensions as the store keeps them: Dimensions, or a number for them.
type SumKey[D comparable] struct {
	Unit, Start int64
	Dimensions  D
}

// Sum is what is added to a roll-up; what is taken away is negative.
type Sum struct {
	record.Group
	Durations, FirstTokens record.Sketch
}

// Sums are what a transaction changes of the roll-ups.
type Sums[D comparable] map[SumKey[D]]*Sum

// Add adds n times a row: 1, or −1 to take it away.
func (s Sums[D]) Add(r *record.Row, dimensions D, n int64) {
	a := adder[D]{sums: s, dimensions: dimensions}
	a.add(r, n)
}

// AddAll adds rows that have the same dimensions. It takes less time than Add for rows whose times
// are near each other.
func (s Sums[D]) AddAll(rows []*record.Row, dimensions D) {
	a := adder[D]{sums: s, dimensions: dimensions}
	for _, r := range rows {
		a.add(r, 1)
	}
}

// adder adds rows of the same dimensions. It remembers the sums that it has added to last.
type adder[D comparable] struct {
	sums       Sums[D]
	dimensions D
	last       [len(Units)]struct {
		start int64
		sum   *Sum
	}
}

func (a *adder[D]) add(r *record.Row, n int64) {
	us := r.Time.UnixMicro()
	duration, firstToken := record.Bucket(time.Duration(r.Duration)), record.Bucket(time.Duration(r.FirstToken))
	for i, unit := range Units {
		last := &a.last[i]
		if last.sum == nil || us < last.start || us >= last.start+unit {
			key := SumKey[D]{unit, Floor(us, unit), a.dimensions}
			if a.sums[key] == nil {
				a.sums[key] = &Sum{}
			}
			last.start, last.sum = key.Start, a.sums[key]
		}
		last.sum.add(r, n, duration, firstToken)
	}
}

// add adds n times a row, whose duration and first token are in these buckets.
func (t *Sum) add(r *record.Row, n int64, duration, firstToken int) {
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
		t.Durations.Add(duration, n)
	}
	if r.FirstToken > 0 {
		t.FirstTokens.Add(firstToken, n)
	}
}

// Add adds counts, but no distributions.
func (t *Sum) Add(sum *record.Group) {
	t.Requests += sum.Requests
	t.Errors += sum.Errors
	t.Fallbacks += sum.Fallbacks
	t.Input += sum.Input
	t.Output += sum.Output
	t.CachedInput += sum.CachedInput
	t.CacheWrite += sum.CacheWrite
	t.Reasoning += sum.Reasoning
	t.CostUSD += sum.CostUSD
	t.Priced += sum.Priced
}

// Merge adds another sum, which is left as it is.
func (t *Sum) Merge(other *Sum) error {
	t.Add(&other.Group)
	if err := t.Durations.Merge(&other.Durations); err != nil {
		return err
	}
	return t.FirstTokens.Merge(&other.FirstTokens)
}

// Equal says whether two sums are the same, but for what adding in another order does to costs.
func (t *Sum) Equal(other *Sum) bool {
	if other == nil || math.Abs(t.CostUSD-other.CostUSD) > 1e-6*math.Max(1, math.Abs(other.CostUSD)) {
		return false
	}
	return t.Requests == other.Requests && t.Errors == other.Errors && t.Fallbacks == other.Fallbacks &&
		t.Input == other.Input && t.Output == other.Output && t.CachedInput == other.CachedInput &&
		t.CacheWrite == other.CacheWrite && t.Reasoning == other.Reasoning && t.Priced == other.Priced &&
		t.Durations.Equal(&other.Durations) && t.FirstTokens.Equal(&other.FirstTokens)
}
