package storetest

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/mulligan-gateway/mulligan/record"
)

// Memory is a record.Store of maps that are walked for every question.
type Memory struct {
	mu          sync.Mutex
	rows        map[string]*record.Row
	completions map[string]record.Completion
	feedback    map[string]*record.Feedback
}

var _ record.Store = (*Memory)(nil)

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{
		rows:        map[string]*record.Row{},
		completions: map[string]record.Completion{},
		feedback:    map[string]*record.Feedback{},
	}
}

// Write implements record.Store.
func (m *Memory) Write(_ context.Context, b *record.Batch) error {
	b = b.Clean()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range b.Rows {
		if m.rows[r.TraceID] == nil {
			kept := *r // the caller may have this row too
			m.rows[r.TraceID] = &kept
		}
	}
	for _, c := range b.Completions {
		if _, ok := m.completions[c.ID]; !ok {
			m.completions[c.ID] = *c
		}
	}
	for _, f := range b.Feedback {
		if before := m.feedback[f.Key()]; before == nil || f.Time.After(before.Time) {
			m.feedback[f.Key()] = f
		}
	}
	return nil
}

// row returns the row of a trace id with its completions, or nil.
func (m *Memory) row(traceID string) *record.Row {
	r := m.rows[traceID]
	if r == nil {
		return nil
	}
	var completions []record.Completion
	for _, c := range m.completions {
		if c.TraceID == traceID {
			completions = append(completions, c)
		}
	}
	return r.Complete(completions)
}

// said returns the feedback of a trace id by time, without what was taken back.
func (m *Memory) said(traceID string) []record.Feedback {
	said := []record.Feedback{}
	for _, f := range m.feedback {
		if f.TraceID == traceID && !f.Removed {
			said = append(said, *f)
		}
	}
	slices.SortFunc(said, func(a, b record.Feedback) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Key(), b.Key()))
	})
	return said
}

// Get implements record.Store.
func (m *Memory) Get(_ context.Context, traceID string) (*record.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	traceID = record.CleanName(traceID)
	r := m.row(traceID)
	if r == nil {
		return nil, record.ErrNotFound
	}
	return &record.Entry{Row: *r, Feedback: m.said(traceID)}, nil
}

// matching returns the rows that a filter lets through, newest first.
func (m *Memory) matching(f *record.Filter) []*record.Row {
	var rows []*record.Row
	for id := range m.rows {
		if r := m.row(id); matches(f, r, m.said(id)) {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b *record.Row) int {
		return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(b.TraceID, a.TraceID))
	})
	return rows
}

// List implements record.Store.
func (m *Memory) List(_ context.Context, f *record.Filter, p record.Page) (*record.Listing, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	size, err := p.Size()
	if err != nil {
		return nil, err
	}
	var after *record.Cursor
	if p.After != "" {
		cursor, err := record.ParseCursor(p.After)
		if err != nil {
			return nil, err
		}
		after = &cursor
	}
	listing := &record.Listing{Rows: []record.Row{}}
	for _, r := range m.matching(f) {
		if after != nil && cmp.Or(r.Time.Compare(after.Time), cmp.Compare(r.TraceID, after.TraceID)) >= 0 {
			continue
		}
		if len(listing.Rows) == size {
			last := listing.Rows[size-1]
			listing.Next = record.Cursor{Time: last.Time, TraceID: last.TraceID}.String()
			break
		}
		r.Bodies = nil
		listing.Rows = append(listing.Rows, *r)
	}
	return listing, nil
}

// Prune implements record.Store, for ages only: a map has no size.
func (m *Memory) Prune(_ context.Context, r record.Retention) (record.Pruned, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var pruned record.Pruned
	if r.Age <= 0 {
		return pruned, nil
	}
	cutoff := r.Now.Add(-r.Age).Truncate(time.Microsecond)
	gone := map[string]bool{}
	for id, row := range m.rows {
		if row.Time.Before(cutoff) {
			gone[id] = true
			pruned.Rows++
		}
	}
	for key, f := range m.feedback {
		if gone[f.TraceID] || m.rows[f.TraceID] == nil && f.Time.Before(cutoff) {
			delete(m.feedback, key)
			if !f.Removed {
				pruned.Feedback++
			}
		}
	}
	for id, c := range m.completions {
		if gone[c.TraceID] || m.rows[c.TraceID] == nil && c.Time.Before(cutoff) {
			delete(m.completions, id)
		}
	}
	for id := range gone {
		delete(m.rows, id)
	}
	return pruned, nil
}

// Check implements record.Store.
func (m *Memory) Check(context.Context, bool) (*record.Report, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	report := &record.Report{Rows: int64(len(m.rows)), Problems: []string{}, Repaired: []string{}}
	for _, f := range m.feedback {
		if f.Removed {
			continue
		}
		report.Feedback++
		if m.rows[f.TraceID] == nil {
			report.Unmatched++
		}
	}
	for _, r := range m.matching(&record.Filter{}) {
		report.Oldest = r.Time
		if report.Newest.IsZero() {
			report.Newest = r.Time
		}
	}
	return report, nil
}

// Close implements record.Store.
func (m *Memory) Close() error { return nil }
