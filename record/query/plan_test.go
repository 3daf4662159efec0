package query

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	_ "github.com/mulligan-gateway/mulligan/internal/rapidseed" // the same inputs in each run
	"github.com/mulligan-gateway/mulligan/record"
)

func TestAPlanCoversItsTimeOnce(t *testing.T) {
	day := 24 * time.Hour.Microseconds()
	rapid.Check(t, func(t *rapid.T) {
		around := rapid.SampledFrom([]int64{0, -5 * day, 400 * day}).Draw(t, "around")
		a := around + rapid.Int64Range(0, 3*day).Draw(t, "since")
		b := around + rapid.Int64Range(0, 3*day).Draw(t, "until")
		by := rapid.SampledFrom([]record.Dimension{record.ByMinute, record.ByHour, record.ByDay, record.ByVariant}).Draw(t, "by")
		longest := Units[2]
		if unit := Unit(by); unit > 0 {
			longest = unit
		}
		p := PlanFor(&record.Question{Filter: record.Filter{Since: micro(a), Until: micro(b)}, By: []record.Dimension{by}})

		var spans []Span
		for _, part := range p.Parts {
			if part.Unit > longest || part.Since%part.Unit != 0 || part.Until%part.Unit != 0 {
				t.Errorf("a part %+v does not consist of whole units of at most %d", part, longest)
			}
			spans = append(spans, part.Span)
		}
		for _, edge := range p.Edges {
			if edge.Until-edge.Since >= 2*Units[0] {
				t.Errorf("rows are read for %v, where roll-ups fit", time.Duration(edge.Until-edge.Since)*time.Microsecond)
			}
			spans = append(spans, edge)
		}
		slices.SortFunc(spans, func(a, b Span) int { return int(a.Since - b.Since) })
		at := a
		for _, s := range spans {
			if s.Since != at || s.Until <= s.Since {
				t.Fatalf("%+v does not go on at %d", spans, at)
			}
			at = s.Until
		}
		if a < b && at != b {
			t.Errorf("the plan ends at %d, want %d", at, b)
		}
		if a >= b && len(spans) > 0 {
			t.Errorf("no time is covered by %+v", spans)
		}
		if len(p.Parts) > 5 {
			t.Errorf("%d parts: longer ones would do", len(p.Parts))
		}
	})
}

func TestAPlanWithoutBoundsIsOfDays(t *testing.T) {
	p := PlanFor(&record.Question{})
	if len(p.Parts) != 1 || len(p.Edges) != 0 || p.Parts[0].Unit != Units[2] {
		t.Errorf("got %+v", p)
	}
	if first := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro(); p.Parts[0].Since > first {
		t.Error("it begins after the first time that rows can have")
	}
	if last := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).UnixMicro(); p.Parts[0].Until < last {
		t.Error("it ends before the last time that rows can have")
	}
}
