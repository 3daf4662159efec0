package upstream

import (
	"sync"
	"time"
)

// budget bounds the extra attempts at a provider to a share of the requests to it, so that
// retries do not add to the load of a provider that is failing under it. It counts over the
// last ten seconds, in slices of one.
type budget struct {
	mu     sync.Mutex
	slices [budgetSlices]budgetSlice
}

type budgetSlice struct {
	second          int64 // of the clock that the slice counts
	requests, extra int
}

const (
	budgetSlices = 10
	// budgetFloor is how many extra attempts a second are allowed however few requests there
	// are: a gateway with little traffic must be able to retry at all.
	budgetFloor = 3
)

// request counts an exchange's first attempt at the provider.
func (b *budget) request(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.slice(now).requests++
}

// take counts an extra attempt if the budget allows it, and says whether it does.
func (b *budget) take(now time.Time, share float64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	current := b.slice(now)
	requests, extra := 0, 0
	for i := range b.slices {
		if s := &b.slices[i]; current.second-s.second < budgetSlices {
			requests += s.requests
			extra += s.extra
		}
	}
	allowed := max(share*float64(requests), budgetFloor*budgetSlices)
	if share <= 0 {
		allowed = 0 // retry_budget 0% means none
	}
	if float64(extra+1) > allowed {
		return false
	}
	current.extra++
	return true
}

// giveBack returns what was taken at that time for an attempt that is not made after all.
func (b *budget) giveBack(taken time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	second := taken.Unix()
	if s := &b.slices[second%budgetSlices]; s.second == second { // else it is forgotten already
		s.extra--
	}
}

func (b *budget) slice(now time.Time) *budgetSlice {
	second := now.Unix()
	s := &b.slices[second%budgetSlices]
	if s.second != second {
		*s = budgetSlice{second: second}
	}
	return s
}
