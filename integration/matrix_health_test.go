package integration

import (
	"sync"
	"testing"
	"time"

	"github.com/tidwall/gjson"

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
	turn := make(chan struct{}, 4)
	for _, c := range cells {
		turn <- struct{}{}
		all.Go(func() {
			defer func() { <-turn }()
			c.checkBlame(t, l)
		})
	}
	all.Wait()
}

// checkBlame asks the target of a cell all times at once, and looks at it as soon as that is over:
// an open breaker lets somebody try the target after a while.
func (c *cell) checkBlame(t *testing.T, l *lab) {
	var all sync.WaitGroup
	for range times {
		all.Go(func() {
			if got := l.ask(t, c); got.failed != nil {
				t.Errorf("%s: no answer: %v", c.name, got.failed)
			}
		})
	}
	all.Wait()
	var got gjson.Result
	for giveUp := time.Now().Add(patience); time.Now().Before(giveUp); {
		if got = l.target(c.target(c.first())); got.Get("in_flight").Int() == 0 {
			break // what a request says of its target is noted before it gives its place back
		}
	}
	breaker, why := "closed", c.row.rests
	if c.row.blamed {
		breaker = "open"
		if why == "" {
			why = upstream.ReasonFailing
		}
	}
	if got.Get("in_flight").Int() != 0 || got.Get("breaker").String() != breaker || got.Get("why").String() != string(why) {
		t.Errorf("%s: got %s, want its breaker %s and that it rests for the reason %q", c.name, got, breaker, why)
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
