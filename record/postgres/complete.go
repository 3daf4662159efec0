package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/query"
)

// complete adds to rows all completions that there are for them.
func (w *writer) complete(ctx context.Context, traceIDs []string) error {
	for _, id := range traceIDs {
		if err := w.completeOne(ctx, id); err != nil {
			return fmt.Errorf("complete row %s: %w", id, err)
		}
	}
	return nil
}

// completeOne makes a row anew of its original and its completions. The original is kept,
// because a completion may arrive after one that is later.
func (w *writer) completeOne(ctx context.Context, id string) error {
	// Two gateways may complete one row: the second waits here, and then sees what the first did.
	if _, err := w.tx.Exec(ctx, "SELECT 1 FROM rows WHERE trace_id = $1 FOR UPDATE", id); err != nil {
		return err
	}
	entry, err := query.Get(ctx, in(w.tx), id)
	if err != nil {
		return err
	}
	now := &entry.Row
	original, err := w.original(ctx, now)
	if err != nil {
		return err
	}
	contents, err := w.texts(ctx, "SELECT content FROM completions WHERE trace_id = $1", id)
	if err != nil {
		return fmt.Errorf("read completions: %w", err)
	}
	completions := make([]record.Completion, len(contents))
	for i, text := range contents {
		if err := json.Unmarshal([]byte(text), &completions[i]); err != nil {
			return fmt.Errorf("read completion: %w", err)
		}
	}
	whole := original.Complete(completions)
	_, size := rowValues(nil, now)
	w.remove(now, size)
	return w.update(ctx, whole)
}

func (w *writer) update(ctx context.Context, r *record.Row) error {
	values, size := rowValues(nil, r)
	w.add(r, size)
	sets := make([]string, len(rowColumns))
	for i, name := range rowColumns {
		sets[i] = name + " = " + query.Dollar(i+1)
	}
	n := len(values)
	_, err := w.tx.Exec(ctx, "UPDATE rows SET "+strings.Join(sets, ", ")+" WHERE time = "+query.Dollar(n+1)+" AND trace_id = "+query.Dollar(n+2),
		append(values, r.Time.UnixMicro(), r.TraceID)...)
	if err != nil {
		return fmt.Errorf("update row: %w", err)
	}
	if r.Bodies == nil {
		return nil
	}
	_, err = w.tx.Exec(ctx, `INSERT INTO bodies (time, trace_id, request, response, truncated, redacted) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (trace_id, time) DO UPDATE SET request = excluded.request, response = excluded.response,
		truncated = excluded.truncated, redacted = excluded.redacted`,
		r.Time.UnixMicro(), r.TraceID, r.Bodies.Request, r.Bodies.Response, query.Truth(r.Bodies.Truncated), query.Truth(r.Bodies.Redacted))
	if err != nil {
		return fmt.Errorf("update bodies: %w", err)
	}
	return nil
}

// original returns the row without completions: what was kept, or now when there were none yet.
func (w *writer) original(ctx context.Context, now *record.Row) (*record.Row, error) {
	var text string
	err := w.tx.QueryRow(ctx, "SELECT content FROM originals WHERE trace_id = $1", now.TraceID).Scan(&text)
	if err == nil {
		var r record.Row
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			return nil, fmt.Errorf("read the original: %w", err)
		}
		return &r, nil
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("read the original: %w", err)
	}
	content, err := query.EncodeJSON(now)
	if err != nil {
		return nil, fmt.Errorf("encode row: %w", err)
	}
	if _, err := w.tx.Exec(ctx, "INSERT INTO originals (trace_id, content) VALUES ($1, $2)", now.TraceID, content); err != nil {
		return nil, fmt.Errorf("keep the original: %w", err)
	}
	return now, nil
}
