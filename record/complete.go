package record

import (
	"cmp"
	"slices"
)

// Complete returns the row with its completions added, whatever their order: they count by
// time, then by id. The row is left as it is.
func (r *Row) Complete(completions []Completion) *Row {
	ordered := slices.Clone(completions)
	slices.SortFunc(ordered, func(a, b Completion) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID))
	})
	whole := *r
	for i := range ordered {
		whole.add(&ordered[i])
	}
	whole.Usage.clean()
	whole.CostUSD, whole.Priced = cleanCost(whole.CostUSD, whole.Priced)
	return &whole
}

// add sums what can be summed, and takes the rest where the row does not know it.
func (r *Row) add(c *Completion) {
	u := &r.Usage
	u.Input += c.Input
	u.Output += c.Output
	u.CachedInput += c.CachedInput
	u.CacheWrite += c.CacheWrite
	u.Reasoning += c.Reasoning
	u.InputAudio += c.InputAudio
	u.OutputAudio += c.OutputAudio
	u.Known = u.Known || c.Known
	u.Estimated = u.Estimated || c.Estimated
	r.CostUSD += c.CostUSD
	r.Priced = r.Priced || c.Priced
	if r.FirstToken == 0 {
		r.FirstToken = c.FirstToken
	}
	if r.Duration == 0 {
		r.Duration = c.Duration
	}
	if r.Bodies == nil {
		r.Bodies = c.Bodies
	}
	r.Metadata = mergeObjects(r.Metadata, c.Metadata)
}
