package sqlite

import (
	"math"
	"time"
)

// span is a half-open range of microseconds since 1970.
type span struct{ since, until int64 }

// part is a span that roll-ups of one unit cover.
type part struct {
	unit int64
	span
}

// plan covers a range of time: with the longest roll-ups that fit, and with rows at its edges.
type plan struct {
	parts []part
	edges []span
}

// planTime plans since ≤ time < until, where zero times are no bounds, with roll-ups that are
// at most longest long.
func planTime(since, until time.Time, longest int64) plan {
	// Whole days lie in the bounds, and all times that rows can have.
	whole := span{floor(math.MinInt64/2, units[len(units)-1]), floor(math.MaxInt64/2, units[len(units)-1])}
	if !since.IsZero() {
		whole.since = ceilMicro(since)
	}
	if !until.IsZero() {
		whole.until = ceilMicro(until)
	}
	var p plan
	p.cover(whole, longest)
	return p
}

// cover covers a span with roll-ups of at most a unit, and what is left with shorter ones.
func (p *plan) cover(s span, unit int64) {
	if s.since >= s.until {
		return
	}
	inner := span{floor(s.since+unit-1, unit), floor(s.until, unit)}
	shorter := shorterThan(unit)
	if inner.since >= inner.until { // none fits
		p.coverShorter(s, shorter)
		return
	}
	p.coverShorter(span{s.since, inner.since}, shorter)
	p.parts = append(p.parts, part{unit, inner})
	p.coverShorter(span{inner.until, s.until}, shorter)
}

func (p *plan) coverShorter(s span, unit int64) {
	switch {
	case s.since >= s.until:
	case unit == 0:
		p.edges = append(p.edges, s)
	default:
		p.cover(s, unit)
	}
}

// shorterThan returns the unit below a unit, 0 below the shortest.
func shorterThan(unit int64) int64 {
	var shorter int64
	for _, u := range units {
		if u < unit {
			shorter = u
		}
	}
	return shorter
}

// ceilMicro returns the first microsecond that is not before t.
func ceilMicro(t time.Time) int64 {
	us := t.UnixMicro()
	if time.UnixMicro(us).Before(t) {
		us++
	}
	return us
}
