package record

import (
	"fmt"
	"time"

	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/DataDog/sketches-go/ddsketch/mapping"
	"github.com/DataDog/sketches-go/ddsketch/store"
)

// accuracy is how far a quantile may be from the exact one, as a share of it.
const accuracy = 0.01

// durations maps microseconds to the buckets of a DDSketch. Every store keeps each row's
// bucket beside its duration, so that a database counts rows per bucket and all stores give
// the same quantiles, from rows and from roll-ups alike
// (source: https://www.vldb.org/pvldb/vol12/p2195-masson.pdf).
var durations = newMapping()

func newMapping() *mapping.LogarithmicMapping {
	m, err := mapping.NewLogarithmicMapping(accuracy)
	if err != nil {
		panic(err) // the accuracy is a constant between 0 and 1
	}
	return m
}

// Bucket returns the bucket of a duration. One below a microsecond counts as one.
func Bucket(d time.Duration) int {
	return durations.Index(float64(max(d.Microseconds(), 1)))
}

// Sketch is a distribution of durations that can be merged with others. The zero value is
// empty. It is not safe for concurrent use.
type Sketch struct{ bins *ddsketch.DDSketch }

// Add counts n durations of a bucket. A negative n takes away what was counted before.
func (s *Sketch) Add(bucket int, n int64) {
	s.init()
	s.bins.GetPositiveValueStore().AddWithCount(bucket, float64(n))
}

// Merge adds another distribution to this one.
func (s *Sketch) Merge(other *Sketch) error {
	if other.bins == nil {
		return nil
	}
	s.init()
	return s.bins.MergeWith(other.bins)
}

// MergeEncoded adds what AppendTo wrote.
func (s *Sketch) MergeEncoded(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	s.init()
	if err := s.bins.DecodeAndMergeWith(text); err != nil {
		return fmt.Errorf("read sketch: %w", err)
	}
	return nil
}

// AppendTo appends the distribution in the DDSketch encoding, without its mapping.
func (s *Sketch) AppendTo(text []byte) []byte {
	if s.bins != nil {
		s.bins.Encode(&text, true)
	}
	return text
}

// Count returns how many durations were counted.
func (s *Sketch) Count() int64 {
	if s.bins == nil {
		return 0
	}
	return int64(s.bins.GetCount())
}

// Equal says whether two distributions count the same in each bucket.
func (s *Sketch) Equal(other *Sketch) bool {
	counts := map[int]float64{}
	s.each(func(bucket int, n float64) { counts[bucket] += n })
	other.each(func(bucket int, n float64) { counts[bucket] -= n })
	for _, n := range counts {
		if n != 0 {
			return false
		}
	}
	return true
}

func (s *Sketch) each(visit func(bucket int, n float64)) {
	if s.bins == nil {
		return
	}
	s.bins.GetPositiveValueStore().ForEach(func(bucket int, n float64) bool {
		visit(bucket, n)
		return false
	})
}

// Quantiles returns the quantiles, or nil when nothing was counted.
func (s *Sketch) Quantiles() (*Quantiles, error) {
	if s.Count() == 0 {
		return nil, nil
	}
	values, err := s.bins.GetValuesAtQuantiles([]float64{0.50, 0.95, 0.99})
	if err != nil {
		return nil, fmt.Errorf("read quantiles: %w", err)
	}
	return &Quantiles{P50: FromMicros(int64(values[0])), P95: FromMicros(int64(values[1])), P99: FromMicros(int64(values[2]))}, nil
}

func (s *Sketch) init() {
	if s.bins == nil {
		s.bins = ddsketch.NewDDSketch(durations, store.NewBufferedPaginatedStore(), store.NewSparseStore())
	}
}
