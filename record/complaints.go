package record

import (
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"
)

// complainEvery is how often one kind of complaint may be in the log.
const complainEvery = 10 * time.Second

// complaints writes what goes wrong again and again to the log, once in a while for each
// kind, with how often it was. It belongs to one goroutine.
type complaints struct {
	log *zap.Logger
	all map[string]*complaint
}

type complaint struct {
	text  string
	err   error
	n     uint64    // since it was in the log last
	quiet time.Time // until then it is not
}

// add notes that something of a kind went wrong.
func (c *complaints) add(kind, text string, err error) { c.addMany(kind, text, err, 1) }

func (c *complaints) addMany(kind, text string, err error, n uint64) {
	if c.all == nil {
		c.all = make(map[string]*complaint)
	}
	one := c.all[kind]
	if one == nil {
		one = new(complaint)
		c.all[kind] = one
	}
	one.text, one.err = text, err
	one.n += n
}

// flush writes what may be written now, and returns when there will be more to write, or zero.
// Dropped is how many rows were dropped since it was called last.
func (c *complaints) flush(now time.Time, dropped uint64) time.Time {
	if dropped > 0 {
		c.addMany("dropped", "records were dropped: the store is slow or away, and neither the spill file nor the queue in memory has room", nil, dropped)
	}
	var next wakeup
	for _, kind := range slices.Sorted(maps.Keys(c.all)) {
		one := c.all[kind]
		switch {
		case one.n == 0 && now.After(one.quiet):
			delete(c.all, kind)
		case one.n == 0:
		case now.Before(one.quiet):
			next.at(one.quiet)
		default:
			c.log.Error(one.text, zap.Uint64("times", one.n), zap.Error(one.err))
			one.n, one.quiet = 0, now.Add(complainEvery)
		}
	}
	return time.Time(next)
}
