package clickhouse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/query"
)

// revised is a row as it is written.
type revised struct {
	*record.Row
	original string // the JSON of the row without its completions, "" when it has none
	revision uint64 // how many completions it has
}

// Write implements record.Store. What it inserts is independent of what may have arrived of
// the batch before, so that an interrupted Write is made whole by another one.
func (s *Store) Write(ctx context.Context, b *record.Batch) error {
	if s.readOnly {
		return errReadOnly
	}
	b = b.Clean()
	added, err := s.newCompletions(ctx, b.Completions)
	if err != nil {
		return err
	}
	rows, err := s.newRows(ctx, b.Rows)
	if err != nil {
		return err
	}
	// Completions are inserted before the rows that they change are read: of two gateways that
	// complete one row at a time, the one that reads last sees both completions, and its
	// revision is the higher one.
	if err := s.insertCompletions(ctx, added); err != nil {
		return err
	}
	whole, err := s.complete(ctx, rows, added)
	if err != nil {
		return err
	}
	if err := s.insertBodies(ctx, whole); err != nil {
		return err
	}
	if err := s.insertRows(ctx, whole); err != nil {
		return err
	}
	return s.writeFeedback(ctx, b.Feedback)
}

// newRows returns the rows whose trace ids the store does not have, once each.
func (s *Store) newRows(ctx context.Context, rows []*record.Row) ([]*record.Row, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	ids := make([]string, len(rows))
	since, until := rows[0].Time, rows[0].Time
	for i, r := range rows {
		ids[i] = r.TraceID
		if r.Time.Before(since) {
			since = r.Time
		}
		if r.Time.After(until) {
			until = r.Time
		}
	}
	// The primary key begins with time, and a trace id has one: this reads a few blocks.
	known, err := s.strings(ctx, ids, fmt.Sprintf("SELECT trace_id FROM %s WHERE time BETWEEN %d AND %d AND trace_id IN (SELECT id FROM %s)",
		rowsTable, since.UnixMicro(), until.UnixMicro(), listName))
	if err != nil {
		return nil, fmt.Errorf("look for the rows of the batch: %w", err)
	}
	var fresh []*record.Row
	for _, r := range rows {
		if !known[r.TraceID] {
			known[r.TraceID] = true
			fresh = append(fresh, r)
		}
	}
	return fresh, nil
}

func (s *Store) insertRows(ctx context.Context, rows []revised) error {
	if len(rows) == 0 {
		return nil
	}
	batch, err := s.conn.PrepareBatch(ctx, "INSERT INTO "+rowsTable+" ("+names(query.Columns, "member_names", "member_texts", "original", "revision")+")")
	if err != nil {
		return fmt.Errorf("insert rows: %w", err)
	}
	defer batch.Close()
	values := make([]any, 0, len(query.Columns)+4)
	for _, r := range rows {
		values = query.AppendValues(values[:0], r.Row)
		memberNames, memberTexts := record.Members(r.Metadata)
		values = append(values, array(memberNames), array(memberTexts), r.original, r.revision)
		if err := batch.Append(values...); err != nil {
			return fmt.Errorf("insert rows: %w", err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("insert rows: %w", err)
	}
	return nil
}

func (s *Store) insertBodies(ctx context.Context, rows []revised) error {
	var kept []revised
	for _, r := range rows {
		if r.Bodies != nil {
			kept = append(kept, r)
		}
	}
	if len(kept) == 0 {
		return nil
	}
	batch, err := s.conn.PrepareBatch(ctx, "INSERT INTO "+bodiesTable+" (time, trace_id, request, response, truncated, redacted, revision)")
	if err != nil {
		return fmt.Errorf("insert bodies: %w", err)
	}
	defer batch.Close()
	for _, r := range kept {
		err := batch.Append(r.Time.UnixMicro(), r.TraceID, r.Bodies.Request, r.Bodies.Response,
			query.Truth(r.Bodies.Truncated), query.Truth(r.Bodies.Redacted), r.revision)
		if err != nil {
			return fmt.Errorf("insert bodies: %w", err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("insert bodies: %w", err)
	}
	return nil
}

// complete returns the rows to insert: those that are new, with the completions that were
// waiting for them, and those that are there already and have got completions.
func (s *Store) complete(ctx context.Context, fresh []*record.Row, added []*record.Completion) ([]revised, error) {
	rows := make(map[string]revised, len(fresh))
	order := make([]string, 0, len(fresh))
	for _, r := range fresh {
		rows[r.TraceID] = revised{Row: r}
		order = append(order, r.TraceID)
	}
	for _, c := range added {
		if _, ok := rows[c.TraceID]; ok {
			continue
		}
		r, err := s.original(ctx, c.TraceID)
		if err != nil {
			return nil, err
		}
		if r != nil {
			rows[c.TraceID] = revised{Row: r}
			order = append(order, c.TraceID)
		}
	}
	waiting, err := s.completionsOf(ctx, order)
	if err != nil {
		return nil, err
	}
	whole := make([]revised, len(order))
	for i, id := range order {
		r := rows[id]
		if completions := waiting[id]; len(completions) > 0 {
			text, err := query.EncodeJSON(r.Row)
			if err != nil {
				return nil, fmt.Errorf("encode row %s: %w", id, err)
			}
			r = revised{Row: r.Complete(completions), original: text, revision: uint64(len(completions))}
		}
		whole[i] = r
	}
	return whole, nil
}

// original returns a row of the store as it was without completions, nil when there is none.
func (s *Store) original(ctx context.Context, traceID string) (*record.Row, error) {
	entry, err := s.Get(ctx, traceID)
	if errors.Is(err, record.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var text string
	st := query.Statement{SQL: "SELECT original FROM " + rowsTable + " FINAL WHERE time = ? AND trace_id = ?", Args: []any{entry.Time.UnixMicro(), traceID}}
	if err := s.run(ctx, st, func(scan query.Scan) error { return scan(&text) }); err != nil {
		return nil, fmt.Errorf("get row %s as it was: %w", traceID, err)
	}
	if text == "" {
		return &entry.Row, nil
	}
	var r record.Row
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return nil, fmt.Errorf("read row %s as it was: %w", traceID, err)
	}
	return &r, nil
}

// array returns a list that the driver takes for an array also when it is empty.
func array(texts []string) []string {
	if texts == nil {
		return []string{}
	}
	return texts
}
