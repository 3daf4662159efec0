package sqlite

import (
	"context"
	"fmt"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/query"
)

// Write implements record.Store. Rows are nearly always new, so that a batch is written as if they
// were, and once more with a look at what is there when one was not.
func (s *Store) Write(ctx context.Context, b *record.Batch) error {
	b = b.Clean()
	err := s.writeBatch(ctx, b, (*writer).allRows)
	if isDuplicate(err) {
		err = s.writeBatch(ctx, b, (*writer).fresh)
	}
	return s.explain("write records to", err)
}

// writeBatch writes a clean batch, of its rows those that choose returns.
func (s *Store) writeBatch(ctx context.Context, b *record.Batch, choose func(*writer, context.Context, []*record.Row) ([]*record.Row, error)) error {
	return s.write(ctx, func(ctx context.Context, w *writer) error {
		sums := rollups{}
		rows, err := choose(w, ctx, b.Rows)
		if err != nil {
			return err
		}
		if err := w.writeRows(ctx, rows, sums); err != nil {
			return err
		}
		if err := w.writeCompletions(ctx, b.Completions, sums); err != nil {
			return err
		}
		for _, f := range b.Feedback {
			if err := w.writeFeedback(ctx, f); err != nil {
				return fmt.Errorf("insert feedback: %w", err)
			}
		}
		return w.addRollups(ctx, sums)
	})
}

var (
	bodyColumns     = []string{"row_id", "request", "response", "truncated", "redacted"}
	feedbackColumns = names(query.FeedbackColumns, "labels", "row_time", "dims")
)

// writeRows inserts rows that are not there yet, and joins what has waited for them.
func (w *writer) writeRows(ctx context.Context, rows []*record.Row, sums rollups) error {
	if len(rows) == 0 {
		return nil
	}
	var next int64
	var early, completed bool // whether anything at all waits for rows, which is rare
	err := w.query(ctx, query.Statement{SQL: `SELECT (SELECT coalesce(max(id), 0) + 1 FROM rows),
		EXISTS (SELECT 1 FROM feedback WHERE row_time IS NULL), EXISTS (SELECT 1 FROM completions)`},
		func(scan query.Scan) error { return scan(&next, &early, &completed) })
	if err != nil {
		return fmt.Errorf("number rows: %w", err)
	}
	defer w.rows.release()
	groups := w.rows.collect(rows)
	var bodies []any
	for i := range groups {
		g := &groups[i]
		if g.dims, err = w.dimsID(ctx, g.shared.Dimensions()); err != nil {
			return err
		}
		sums.AddAll(g.rows, g.dims)
		for _, r := range g.rows {
			bodies = appendBodies(bodies, next, r.Bodies)
			next++
		}
	}
	if err := w.insertRows(ctx, groups); err != nil {
		return fmt.Errorf("insert rows: %w", err)
	}
	if err := w.insertMany(ctx, &w.bodies, len(bodyColumns), bodies); err != nil {
		return fmt.Errorf("insert bodies: %w", err)
	}
	if early {
		if err := w.matchFeedback(ctx, traceIDs(rows)); err != nil {
			return fmt.Errorf("match feedback: %w", err)
		}
	}
	if !completed {
		return nil
	}
	waiting, err := w.among(ctx, "completions WHERE", traceIDs(rows))
	if err != nil {
		return fmt.Errorf("find completions: %w", err)
	}
	return w.completeAll(ctx, waiting, sums)
}

// allRows returns all rows.
func (w *writer) allRows(_ context.Context, rows []*record.Row) ([]*record.Row, error) {
	return rows, nil
}

// fresh returns the rows that are not there yet, each once.
func (w *writer) fresh(ctx context.Context, rows []*record.Row) ([]*record.Row, error) {
	there, err := w.among(ctx, "rows WHERE", traceIDs(rows))
	if err != nil {
		return nil, fmt.Errorf("look for rows: %w", err)
	}
	fresh := make([]*record.Row, 0, len(rows))
	for _, r := range rows {
		if !there[r.TraceID] {
			there[r.TraceID] = true
			fresh = append(fresh, r)
		}
	}
	return fresh, nil
}

func traceIDs(rows []*record.Row) []string {
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.TraceID
	}
	return ids
}

// appendBodies appends the values of bodies, in the order of bodyColumns, if there are any.
func appendBodies(values []any, rowID int64, b *record.Bodies) []any {
	if b == nil {
		return values
	}
	return append(values, rowID, b.Request, b.Response, b.Truncated, b.Redacted)
}

// matchFeedback joins feedback that came before its row.
func (w *writer) matchFeedback(ctx context.Context, ids []string) error {
	early, err := w.among(ctx, "feedback WHERE row_time IS NULL AND", ids)
	if err != nil {
		return err
	}
	for id := range early {
		_, err := w.exec(ctx, `UPDATE feedback SET (row_time, dims) = (SELECT r.time, r.dims FROM rows r WHERE r.trace_id = feedback.trace_id)
			WHERE trace_id = ?`, id)
		if err != nil {
			return err
		}
	}
	return nil
}

// writeFeedback inserts feedback, or lets it take the place of earlier feedback.
func (w *writer) writeFeedback(ctx context.Context, f *record.Feedback) error {
	labels := f.Value.Labels()
	if labels == nil {
		labels = []string{}
	}
	var rowTime, dims any
	err := w.query(ctx, query.Statement{SQL: "SELECT time, dims FROM rows WHERE trace_id = ?", Args: []any{f.TraceID}},
		func(scan query.Scan) error { return scan(&rowTime, &dims) })
	if err != nil {
		return err
	}
	values, err := query.AppendFeedbackValues([]any{jsonList(labels), rowTime, dims}, f)
	if err != nil {
		return err
	}
	_, err = w.exec(ctx, insertSQL("feedback", feedbackColumns, 1)+` ON CONFLICT (key) DO UPDATE SET
		name = excluded.name, value = excluded.value, number = excluded.number, comment = excluded.comment,
		metadata = excluded.metadata, time = excluded.time, client_id = excluded.client_id, removed = excluded.removed,
		labels = excluded.labels
		WHERE excluded.time > feedback.time`, values...)
	return err
}

// writeCompletions keeps completions that are new, and adds them to the rows that are there.
func (w *writer) writeCompletions(ctx context.Context, completions []*record.Completion, sums rollups) error {
	var ids []string
	for _, c := range completions {
		content, err := query.EncodeJSON(c)
		if err != nil {
			return fmt.Errorf("encode completion %s: %w", c.ID, err)
		}
		result, err := w.exec(ctx, insertSQL("completions", []string{"id", "trace_id", "time", "content"}, 1)+" ON CONFLICT DO NOTHING",
			c.ID, c.TraceID, c.Time.UnixMicro(), content)
		if err != nil {
			return fmt.Errorf("insert completion: %w", err)
		}
		if n, err := result.RowsAffected(); err != nil || n > 0 {
			ids = append(ids, c.TraceID)
		}
	}
	there, err := w.among(ctx, "rows WHERE", ids)
	if err != nil {
		return fmt.Errorf("look for rows: %w", err)
	}
	return w.completeAll(ctx, there, sums)
}
