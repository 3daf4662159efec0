package upstream

import (
	"testing"
	"time"
)

// noon is when budgets begin.
var noon = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// spend takes extra attempts until the budget says no, and returns how many it gave.
func spend(b *budget, at time.Time, share float64) (n int) {
	for b.take(at, share) {
		n++
	}
	return n
}

const floor = budgetFloor * budgetSlices

func TestABudgetIsAShareOfTheRequestsWithAFloor(t *testing.T) {
	for _, c := range []struct {
		requests int
		share    float64
		want     int
	}{
		{0, 0.2, floor}, // a gateway without traffic may retry
		{10, 0.2, floor},
		{5 * floor, 0.2, floor},
		{1000, 0.2, 200},
		{1000, 1, 1000},
		{1000, 0.001, floor},
		{0, 0, 0}, // none means none, floor or not
		{1000, 0, 0},
		{1000, -1, 0},
	} {
		var b budget
		for range c.requests {
			b.request(noon)
		}
		if got := spend(&b, noon, c.share); got != c.want {
			t.Errorf("%d requests and a share of %v allow %d, want %d", c.requests, c.share, got, c.want)
		}
	}
}

func TestABudgetForgetsWhatIsTenSecondsAgo(t *testing.T) {
	var b budget
	for range 1000 {
		b.request(noon)
	}
	if got := spend(&b, noon, 0.2); got != 200 {
		t.Fatalf("%d at once", got)
	}
	for _, later := range []time.Duration{time.Second, 5 * time.Second, 9*time.Second + 999*time.Millisecond} {
		if b.take(noon.Add(later), 0.2) {
			t.Errorf("more after %s", later)
		}
	}
	// Neither the requests nor the extra attempts count any more.
	if got := spend(&b, noon.Add(10*time.Second), 0.2); got != floor {
		t.Errorf("%d after ten seconds, want %d", got, floor)
	}
}

func TestABudgetSlidesSecondBySecond(t *testing.T) {
	var b budget
	for second := range 10 {
		for range 100 {
			b.request(noon.Add(time.Duration(second) * time.Second))
		}
	}
	now := noon.Add(9 * time.Second)
	if got := spend(&b, now, 0.2); got != 200 {
		t.Fatalf("%d for ten seconds of 100 requests", got)
	}
	// A second on, 100 requests have left and 100 come; the 200 attempts have not left.
	now = now.Add(time.Second)
	for range 100 {
		b.request(now)
	}
	if b.take(now, 0.2) {
		t.Error("attempts of the second before are forgotten")
	}
	for range 500 {
		b.request(now)
	}
	if got := spend(&b, now, 0.2); got != 100 {
		t.Errorf("%d more for 500 requests more, want 100", got)
	}
}

func TestABudgetAfterALongPauseIsAsNew(t *testing.T) {
	var b budget
	spend(&b, noon, 0.2)
	// The same slice of the ring, an hour on.
	if got := spend(&b, noon.Add(time.Hour), 0.2); got != floor {
		t.Errorf("%d after an hour, want %d", got, floor)
	}
}

func TestABudgetThatWasRefusedIsNotSpent(t *testing.T) {
	var b budget
	for range 100 {
		b.take(noon, 0)
	}
	if got := spend(&b, noon, 0.2); got != floor {
		t.Errorf("%d after refusals, want %d", got, floor)
	}
}

func TestWhatIsGivenBackToABudgetIsThereForOthers(t *testing.T) {
	var b budget
	spend(&b, noon, 0.2)
	b.giveBack(noon)
	if got := spend(&b, noon.Add(time.Second), 0.2); got != 1 {
		t.Errorf("%d after one was given back", got)
	}
	// What is forgotten cannot be given back: it would be there twice.
	later := noon.Add(10 * time.Second)
	b.request(later)
	b.giveBack(noon)
	if got := spend(&b, later, 0.2); got != floor-1 {
		t.Errorf("%d ten seconds later, want %d", got, floor-1)
	}
}
