package storetest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/record"
)

// group is what Stats adds up.
type group struct {
	record.Group
	durations, ttfts record.Sketch
	feedback         record.FeedbackTally
}

// Stats implements record.Store.
func (m *Memory) Stats(_ context.Context, q *record.Question) (*record.Answer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	limit, err := q.Groups()
	if err != nil {
		return nil, err
	}
	groups := map[string]*group{}
	for _, r := range m.matching(&q.Filter) {
		said := m.said(r.TraceID)
		for _, key := range keys(q.By, r, said) {
			id := strings.Join(key, "\x00")
			if groups[id] == nil {
				groups[id] = &group{Group: record.Group{Key: key}}
			}
			groups[id].add(r, said)
		}
	}
	answer := &record.Answer{By: q.By, Groups: []record.Group{}, Truncated: len(groups) > limit}
	if answer.By == nil {
		answer.By = []record.Dimension{}
	}
	for _, g := range groups {
		if g.Duration, err = g.durations.Quantiles(); err != nil {
			return nil, err
		}
		if g.FirstToken, err = g.ttfts.Quantiles(); err != nil {
			return nil, err
		}
		g.Feedback = g.feedback.Stats()
		answer.Groups = append(answer.Groups, g.Group)
	}
	slices.SortFunc(answer.Groups, func(a, b record.Group) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), slices.Compare(a.Key, b.Key))
	})
	answer.Groups = answer.Groups[:min(len(answer.Groups), limit)]
	for i, d := range slices.Backward(q.By) { // the first dimension of time sorts last, and so decides
		if d == record.ByMinute || d == record.ByHour || d == record.ByDay {
			slices.SortStableFunc(answer.Groups, func(a, b record.Group) int { return cmp.Compare(a.Key[i], b.Key[i]) })
		}
	}
	answer.Unmatched = m.unmatched(q.Filter.Since, q.Filter.Until)
	return answer, nil
}

func (m *Memory) unmatched(since, until time.Time) int64 {
	var n int64
	for _, f := range m.feedback {
		early := !since.IsZero() && f.Time.Before(since)
		late := !until.IsZero() && !f.Time.Before(until)
		if m.rows[f.TraceID] == nil && !f.Removed && !early && !late {
			n++
		}
	}
	return n
}

// keys returns the keys of the groups that a row is in.
func keys(by []record.Dimension, r *record.Row, said []record.Feedback) [][]string {
	all := [][]string{{}}
	for _, d := range by {
		var longer [][]string
		for _, value := range values(d, r, said) {
			for _, key := range all {
				longer = append(longer, append(slices.Clone(key), value))
			}
		}
		all = longer
	}
	return all
}

// values returns what a row has of a dimension: one text, or several labels.
func values(d record.Dimension, r *record.Row, said []record.Feedback) []string {
	if name, ok := d.MetadataKey(); ok {
		return []string{record.Member(r.Metadata, record.CleanText(name))}
	}
	if name, ok := d.FeedbackName(); ok {
		var labels []string
		for _, f := range said {
			if f.Name == record.CleanName(name) {
				labels = append(labels, f.Value.Labels()...)
			}
		}
		slices.Sort(labels)
		if labels = slices.Compact(labels); len(labels) == 0 {
			return []string{""}
		}
		return labels
	}
	return []string{map[record.Dimension]string{
		record.ByDeployment: r.Deployment, record.ByDomain: r.Domain, record.ByVariant: r.Variant, record.ByModel: r.Target(),
		record.ByProvider: r.Provider, record.ByEndpoint: string(r.Endpoint), record.ByOutcome: string(r.Outcome),
		record.ByErrorCode: r.ErrorCode, record.ByClient: r.ClientID, record.ByConfigVersion: r.ConfigVersion,
		record.ByMinute: r.Time.Truncate(time.Minute).Format(time.RFC3339),
		record.ByHour:   r.Time.Truncate(time.Hour).Format(time.RFC3339),
		record.ByDay:    r.Time.Truncate(24 * time.Hour).Format(time.RFC3339),
	}[d]}
}

func (g *group) add(r *record.Row, said []record.Feedback) {
	g.Requests++
	if r.Failed() {
		g.Errors++
	}
	if r.Fallback {
		g.Fallbacks++
	}
	g.Input += r.Input
	g.Output += r.Output
	g.CachedInput += r.CachedInput
	g.CacheWrite += r.CacheWrite
	g.Reasoning += r.Reasoning
	if r.Priced {
		g.CostUSD += r.CostUSD
		g.Priced++
	}
	if r.Outcome == llm.OutcomeOK && r.Duration > 0 {
		g.durations.Add(record.Bucket(time.Duration(r.Duration)), 1)
	}
	if r.Outcome == llm.OutcomeOK && r.FirstToken > 0 {
		g.ttfts.Add(record.Bucket(time.Duration(r.FirstToken)), 1)
	}
	for _, f := range said {
		g.feedback.Add(f.Name, f.Value, 1)
	}
}
