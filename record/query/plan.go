package query

import (
	"context"
	"math"
	"time"

	"github.com/mulligan-gateway/mulligan/record"
)

// Units are how long roll-ups are, in microseconds, the shortest first. Each is a multiple of
// the one before.
var Units = [...]int64{Unit(record.ByMinute), Unit(record.ByHour), Unit(record.ByDay)}

// Span is a half-open range of microseconds since 1970.
type Span struct{ Since, Until int64 }

// Part is a span that roll-ups of one unit cover.
type Part struct {
	Unit int64
	Span
}

// Plan covers a range of time: with the longest roll-ups that fit, and with rows at its edges.
type Plan struct {
	Parts []Part
	Edges []Span
}

// Rollups is where a store keeps what it has added up.
type Rollups struct {
	// Table returns SQL for the roll-ups of some parts, as Groups.AddRollups needs it, and
	// Merge is the aggregate function for its sketches.
	Table func(parts []Part) string
	Merge string
	// Facts is the table that Groups.AddFacts needs.
	Facts string
}

// StatsOfRollups answers a question that is Covered: from roll-ups where they cover its time,
// and from rows for what is left of the minutes at its ends.
func StatsOfRollups(ctx context.Context, db Database, from *Rollups, q *record.Question) (*record.Answer, error) {
	groups, err := NewGroups(q)
	if err != nil {
		return nil, err
	}
	p := PlanFor(q)
	if len(p.Parts) > 0 {
		if err := groups.AddRollups(ctx, db, from.Table(p.Parts), from.Merge); err != nil {
			return nil, err
		}
	}
	for _, edge := range p.Edges {
		if err := groups.AddRows(ctx, db, micro(edge.Since), micro(edge.Until)); err != nil {
			return nil, err
		}
	}
	if err := groups.AddFacts(ctx, db, from.Facts); err != nil {
		return nil, err
	}
	return groups.Answer()
}

// PlanFor plans the time of a question, with roll-ups that are no longer than its groups.
func PlanFor(q *record.Question) Plan {
	longest := Units[len(Units)-1]
	// Whole days lie in the bounds, and all times that rows can have.
	whole := Span{Floor(math.MinInt64/2, longest), Floor(math.MaxInt64/2, longest)}
	if !q.Filter.Since.IsZero() {
		whole.Since = ceilMicro(q.Filter.Since)
	}
	if !q.Filter.Until.IsZero() {
		whole.Until = ceilMicro(q.Filter.Until)
	}
	for _, d := range q.By {
		if unit := Unit(d); unit > 0 {
			longest = min(longest, unit)
		}
	}
	var p Plan
	p.cover(whole, longest)
	return p
}

// cover covers a span with roll-ups of at most a unit, and what is left with shorter ones.
func (p *Plan) cover(s Span, unit int64) {
	if s.Since >= s.Until {
		return
	}
	if unit == 0 {
		p.Edges = append(p.Edges, s)
		return
	}
	inner := Span{Floor(s.Since+unit-1, unit), Floor(s.Until, unit)}
	shorter := shorterThan(unit)
	if inner.Since >= inner.Until { // none fits
		p.cover(s, shorter)
		return
	}
	p.cover(Span{s.Since, inner.Since}, shorter)
	p.Parts = append(p.Parts, Part{unit, inner})
	p.cover(Span{inner.Until, s.Until}, shorter)
}

// shorterThan returns the unit below a unit, 0 below the shortest.
func shorterThan(unit int64) int64 {
	var shorter int64
	for _, u := range Units {
		if u < unit {
			shorter = u
		}
	}
	return shorter
}

// Floor rounds microseconds down to a multiple of a unit, also before 1970.
func Floor(us, unit int64) int64 { return us - (us%unit+unit)%unit }

func micro(us int64) time.Time { return time.UnixMicro(us).UTC() }
