package integration

import (
	"sync"
	"testing"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/upstream"
)

// times is how many failures it takes until a target is left alone.
const times = 10

// TestWhatCountsAgainstATarget asks a target that always fails in one way as often as it takes
// until it is left alone, if that way of failing counts at all.
func TestWhatCountsAgainstATarget(t *testing.T) {
	var cells []*cell
	for i := range table {
		r := &table[i]
		s := spokenFor(r)
		mode := plainAnswer
		if !s.has(r, mode) {
			mode = streamAnswer
		}
		c := newCell(cell{row: r, spoken: s, mode: mode, cure: alone, wire: http1})
		if r.phase == midStream {
			c.gate.Open()
		}
		cells = append(cells, c)
	}
	l := startLab(t, cells, "100ms")
	var all sync.WaitGroup
	turn := make(chan struct{}, 8)
	for _, c := range cells {
		for range times {
			all.Go(func() {
				if !c.atOnce() {
					turn <- struct{}{}
					defer func() { <-turn }()
				}
				if got := l.ask(t, c); got.failed != nil {
					t.Errorf("%s: no answer: %v", c.name, got.failed)
				}
			})
		}
	}
	all.Wait()
	story := l.story(t, times*len(cells), nil)
	for _, c := range cells {
		breaker, why := "closed", c.row.rests
		if c.row.blamed {
			breaker = "open"
			if why == "" {
				why = upstream.ReasonFailing
			}
		}
		if got := story.targets[c.first()+"/m"]; got.Breaker != breaker || got.Why != why {
			t.Errorf("%s: got %+v, want its breaker %s and that it rests for the reason %q", c.name, got, breaker, why)
		}
	}
}

// atOnce says whether a target must be asked all times before it fails the first: it rests
// from then on, whatever else comes.
func (c *cell) atOnce() bool { return c.cure == alone && c.row.rests == upstream.ReasonTold }

// stepAtOnce fails the nth request when the last has come.
func (c *cell) stepAtOnce(n int) fakellm.Step {
	if n == times {
		c.gate.Open()
	}
	return fakellm.Steps(fakellm.Wait(c.gate), c.row.step(c.mode))
}
