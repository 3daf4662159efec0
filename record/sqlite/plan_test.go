package sqlite

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestAPlanCoversItsTimeOnce(t *testing.T) {
	day := 24 * time.Hour.Microseconds()
	rapid.Check(t, func(t *rapid.T) {
		around := rapid.SampledFrom([]int64{0, -5 * day, 400 * day}).Draw(t, "around")
		a := around + rapid.Int64Range(0, 3*day).Draw(t, "since")
		b := around + rapid.Int64Range(0, 3*day).Draw(t, "until")
		longest := rapid.SampledFrom(units).Draw(t, "longest")
		p := planTime(micro(a), micro(b), longest)

		var spans []span
		for _, part := range p.parts {
			if part.unit > longest || part.since%part.unit != 0 || part.until%part.unit != 0 {
				t.Errorf("a part %+v does not consist of whole units of at most %d", part, longest)
			}
			spans = append(spans, part.span)
		}
		for _, edge := range p.edges {
			if edge.until-edge.since >= 2*units[0] {
				t.Errorf("rows are read for %v, where roll-ups fit", time.Duration(edge.until-edge.since)*time.Microsecond)
			}
			spans = append(spans, edge)
		}
		slices.SortFunc(spans, func(a, b span) int { return int(a.since - b.since) })
		at := a
		for _, s := range spans {
			if s.since != at || s.until <= s.since {
				t.Fatalf("%+v does not go on at %d", spans, at)
			}
			at = s.until
		}
		if a < b && at != b {
			t.Errorf("the plan ends at %d, want %d", at, b)
		}
		if a >= b && len(spans) > 0 {
			t.Errorf("no time is covered by %+v", spans)
		}
		if len(p.parts) > 5 {
			t.Errorf("%d parts: longer ones would do", len(p.parts))
		}
	})
}

func TestAPlanWithoutBoundsIsOfDays(t *testing.T) {
	p := planTime(time.Time{}, time.Time{}, units[2])
	if len(p.parts) != 1 || len(p.edges) != 0 || p.parts[0].unit != units[2] {
		t.Errorf("got %+v", p)
	}
	if first := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro(); p.parts[0].since > first {
		t.Error("it begins after the first time that rows can have")
	}
	if last := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).UnixMicro(); p.parts[0].until < last {
		t.Error("it ends before the last time that rows can have")
	}
}
