package query

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mulligan-gateway/mulligan/record"
)

// Groups collects the numbers of a question's groups, from rows or from what was added up
// before.
type Groups struct {
	question  *record.Question
	limit     int
	tallies   map[string]*Tally
	unmatched int64
}

// Tally is the numbers of one group while they are collected.
type Tally struct {
	// Sum's quantiles, and feedback, are made of the rest.
	Sum
	Feedback record.FeedbackTally
}

// NewGroups returns the empty groups of a question, or says what is wrong with it.
func NewGroups(q *record.Question) (*Groups, error) {
	limit, err := q.Groups()
	if err != nil {
		return nil, err
	}
	return &Groups{question: q, limit: limit, tallies: map[string]*Tally{}}, nil
}

// Tally returns the group of a key, which holds a text for each dimension.
func (g *Groups) Tally(key []string) *Tally {
	t := g.Known(key)
	if t == nil {
		t = &Tally{}
		t.Key = key
		g.tallies[strings.Join(key, "\x00")] = t
	}
	return t
}

// Known returns the group of a key, or nil when there is none yet.
func (g *Groups) Known(key []string) *Tally { return g.tallies[strings.Join(key, "\x00")] }

func (t *Tally) sketch(name string) *record.Sketch {
	if name == "ttft" {
		return &t.FirstTokens
	}
	return &t.Durations
}

// Answer returns what was collected: the groups with most requests, sorted.
func (g *Groups) Answer() (*record.Answer, error) {
	tallies := make([]*Tally, 0, len(g.tallies))
	for _, t := range g.tallies {
		tallies = append(tallies, t)
	}
	slices.SortFunc(tallies, func(a, b *Tally) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), slices.Compare(a.Key, b.Key))
	})
	by := g.question.By
	if by == nil {
		by = []record.Dimension{}
	}
	answer := &record.Answer{By: by, Groups: []record.Group{}, Truncated: len(tallies) > g.limit, Unmatched: g.unmatched}
	for _, t := range tallies[:min(len(tallies), g.limit)] {
		var err error
		if t.Duration, err = t.Durations.Quantiles(); err != nil {
			return nil, fmt.Errorf("durations of group %q: %w", t.Key, err)
		}
		if t.FirstToken, err = t.FirstTokens.Quantiles(); err != nil {
			return nil, fmt.Errorf("first tokens of group %q: %w", t.Key, err)
		}
		t.Group.Feedback = t.Feedback.Stats()
		answer.Groups = append(answer.Groups, t.Group)
	}
	slices.SortStableFunc(answer.Groups, g.byTime)
	return answer, nil
}

// byTime compares the parts of keys that are times.
func (g *Groups) byTime(a, b record.Group) int {
	for i, d := range g.question.By {
		if Unit(d) > 0 && a.Key[i] != b.Key[i] {
			return cmp.Compare(a.Key[i], b.Key[i])
		}
	}
	return 0
}

// keys returns the names of the columns of the groups' keys.
func (g *Groups) keys() []string {
	names := make([]string, len(g.question.By), len(g.question.By)+2)
	for i := range names {
		names[i] = keyName(i)
	}
	return names
}

// selectKeys lists the columns of the groups' keys and more.
func (g *Groups) selectKeys(db Database, more string) string {
	list := g.keys()
	for i, d := range g.question.By {
		if Unit(d) > 0 {
			list[i] = db.Int(list[i])
		}
	}
	return strings.Join(append(list, more), ", ")
}

// scan reads a row that begins with a group's key.
func (g *Groups) scan(scan Scan, more ...any) ([]string, error) {
	by := g.question.By
	key := make([]string, len(by))
	times := make([]int64, len(by))
	into := make([]any, 0, len(by)+len(more))
	for i, d := range by {
		if Unit(d) > 0 {
			into = append(into, &times[i])
		} else {
			into = append(into, &key[i])
		}
	}
	if err := scan(append(into, more...)...); err != nil {
		return nil, fmt.Errorf("read group: %w", err)
	}
	for i, d := range by {
		if Unit(d) > 0 {
			key[i] = TimeKey(times[i])
		}
	}
	return key, nil
}

// TimeKey returns the key of a dimension of time: RFC 3339 in UTC of microseconds since 1970.
func TimeKey(us int64) string { return time.UnixMicro(us).UTC().Format(time.RFC3339) }
