package record

import (
	"cmp"
	"math"
	"slices"
)

// topLabels is how many labels of a name are reported.
const topLabels = 20

// FeedbackTally counts feedback by name. A database counts equal values, and the tally turns
// the counts into numbers, so all stores give the same. The zero value is empty.
type FeedbackTally struct{ names map[string]*valueTally }

type valueTally struct {
	count   int64
	numbers map[float64]int64
	labels  map[string]int64
	// numeric and booleans are how many values have a number, and are true or false.
	numeric, booleans int64
}

// Add counts a value that was given n times under a name.
func (t *FeedbackTally) Add(name string, v Value, n int64) {
	if t.names == nil {
		t.names = map[string]*valueTally{}
	}
	values := t.names[name]
	if values == nil {
		values = &valueTally{numbers: map[float64]int64{}, labels: map[string]int64{}}
		t.names[name] = values
	}
	values.count += n
	if v.Numeric() {
		values.numbers[v.Number] += n
		values.numeric += n
	}
	if v.Kind == ValueBool {
		values.booleans += n
	}
	for _, label := range v.Labels() {
		values.labels[label] += n
	}
}

// Stats returns the numbers, sorted by name; nil when nothing was counted.
//
// The confidence interval is Wilson's where all numeric values are booleans, and Student's
// otherwise; there is none where the numbers are too large to square.
func (t *FeedbackTally) Stats() []FeedbackStats {
	var stats []FeedbackStats
	for name, values := range t.names {
		s := FeedbackStats{Name: name, Count: values.count, Labels: values.top()}
		if values.numeric > 0 {
			i := values.interval()
			s.Mean = &i.mean
			if values.numeric > 1 && !math.IsInf(i.high-i.low, 0) && !math.IsNaN(i.high-i.low) {
				s.Low, s.High = &i.low, &i.high
			}
		}
		stats = append(stats, s)
	}
	slices.SortFunc(stats, func(a, b FeedbackStats) int { return cmp.Compare(a.Name, b.Name) })
	return stats
}

func (v *valueTally) interval() interval {
	n := float64(v.numeric)
	numbers := make([]float64, 0, len(v.numbers))
	for x := range v.numbers {
		numbers = append(numbers, x)
	}
	slices.Sort(numbers) // so that the same values always have the same mean
	var mean, squares float64
	for _, x := range numbers {
		mean += x / n * float64(v.numbers[x])
	}
	for _, x := range numbers {
		squares += (x - mean) * (x - mean) * float64(v.numbers[x])
	}
	switch {
	case v.booleans == v.numeric:
		return shareInterval(mean*n, n)
	case v.numeric == 1:
		return interval{mean: mean}
	default:
		return meanInterval(n, mean, squares)
	}
}

// top returns the most frequent labels; of equally frequent ones the first by name.
func (v *valueTally) top() []LabelCount {
	var top []LabelCount
	for label, n := range v.labels {
		top = append(top, LabelCount{Label: label, Count: n})
	}
	slices.SortFunc(top, func(a, b LabelCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Label, b.Label))
	})
	return top[:min(len(top), topLabels)]
}
