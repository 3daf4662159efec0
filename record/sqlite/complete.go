package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/query"
)

// completeAll adds to rows all completions that there are for them.
func (w *writer) completeAll(ctx context.Context, ids map[string]bool, sums rollups) error {
	for id := range ids {
		if err := w.complete(ctx, id, sums); err != nil {
			return fmt.Errorf("complete row %s: %w", id, err)
		}
	}
	return nil
}

// complete makes a row anew of its original and its completions. The original is kept, because
// a completion may arrive after one that is later.
func (w *writer) complete(ctx context.Context, id string, sums rollups) error {
	var rowID, dims int64
	err := w.query(ctx, query.Statement{SQL: "SELECT id, dims FROM rows WHERE trace_id = ?", Args: []any{id}},
		func(scan query.Scan) error { return scan(&rowID, &dims) })
	if err != nil {
		return err
	}
	entry, err := query.Get(ctx, query.Database{Flavour: &flavour, Run: w.query}, id)
	if err != nil {
		return err
	}
	now := &entry.Row
	original, err := w.original(ctx, now)
	if err != nil {
		return err
	}
	var completions []record.Completion
	err = w.query(ctx, query.Statement{SQL: "SELECT content FROM completions WHERE trace_id = ?", Args: []any{id}}, func(scan query.Scan) error {
		var c record.Completion
		if err := scanJSON(scan, &c); err != nil {
			return err
		}
		completions = append(completions, c)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read completions: %w", err)
	}
	whole := original.Complete(completions)
	sums.Add(now, dims, -1)
	sums.Add(whole, dims, 1)
	values := query.AppendValues(nil, whole)
	_, err = w.exec(ctx, "UPDATE rows SET "+strings.Join(names(query.Columns), " = ?, ")+" = ? WHERE id = ?", append(values, rowID)...)
	if err != nil {
		return fmt.Errorf("update row: %w", err)
	}
	if _, err := w.exec(ctx, "DELETE FROM bodies WHERE row_id = ?", rowID); err != nil {
		return fmt.Errorf("replace bodies: %w", err)
	}
	return w.insertMany(ctx, &w.bodies, len(bodyColumns), appendBodies(nil, rowID, whole.Bodies))
}

// original returns the row without completions: what was kept, or now when there were none yet.
func (w *writer) original(ctx context.Context, now *record.Row) (*record.Row, error) {
	var original *record.Row
	err := w.query(ctx, query.Statement{SQL: "SELECT content FROM originals WHERE trace_id = ?", Args: []any{now.TraceID}},
		func(scan query.Scan) error {
			original = &record.Row{}
			return scanJSON(scan, original)
		})
	if err != nil || original != nil {
		return original, err
	}
	content, err := query.EncodeJSON(now)
	if err != nil {
		return nil, fmt.Errorf("encode row: %w", err)
	}
	if _, err := w.exec(ctx, insertSQL("originals", []string{"trace_id", "content"}, 1), now.TraceID, content); err != nil {
		return nil, fmt.Errorf("keep the original: %w", err)
	}
	return now, nil
}

func scanJSON(scan query.Scan, into any) error {
	var text []byte
	if err := scan(&text); err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
