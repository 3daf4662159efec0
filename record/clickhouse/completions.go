package clickhouse

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/query"
)

// listName is the name under which a list of texts is sent with a query, so that a long one is
// no long query. Its column is id.
const listName = "llm_gateway_list"

// withList returns a context whose query has a list of texts beside it.
func withList(ctx context.Context, texts []string) (context.Context, error) {
	table, err := ext.NewTable(listName, ext.Column("id", "String"))
	if err != nil {
		return nil, err
	}
	for _, text := range texts {
		if err := table.Append(text); err != nil {
			return nil, err
		}
	}
	return clickhouse.Context(ctx, clickhouse.WithExternalTable(table)), nil
}

// strings returns the texts that a query with a list answers, as a set.
func (s *Store) strings(ctx context.Context, list []string, sql string) (map[string]bool, error) {
	found := map[string]bool{}
	ctx, err := withList(ctx, list)
	if err != nil {
		return nil, err
	}
	err = s.run(ctx, query.Statement{SQL: sql}, func(scan query.Scan) error {
		var text string
		if err := scan(&text); err != nil {
			return err
		}
		found[text] = true
		return nil
	})
	return found, err
}

// newCompletions returns the completions that the store does not have, once each.
func (s *Store) newCompletions(ctx context.Context, completions []*record.Completion) ([]*record.Completion, error) {
	if len(completions) == 0 {
		return nil, nil
	}
	ids := make([]string, len(completions))
	for i, c := range completions {
		ids[i] = c.ID
	}
	known, err := s.strings(ctx, ids, "SELECT id FROM "+completionsTable+" WHERE id IN (SELECT id FROM "+listName+")")
	if err != nil {
		return nil, fmt.Errorf("look for the completions of the batch: %w", err)
	}
	var fresh []*record.Completion
	for _, c := range completions {
		if !known[c.ID] {
			known[c.ID] = true
			fresh = append(fresh, c)
		}
	}
	return fresh, nil
}

func (s *Store) insertCompletions(ctx context.Context, completions []*record.Completion) error {
	if len(completions) == 0 {
		return nil
	}
	batch, err := s.conn.PrepareBatch(ctx, "INSERT INTO "+completionsTable+" (id, trace_id, time, content)")
	if err != nil {
		return fmt.Errorf("insert completions: %w", err)
	}
	defer batch.Close()
	for _, c := range completions {
		text, err := query.EncodeJSON(c)
		if err != nil {
			return fmt.Errorf("encode completion %s: %w", c.ID, err)
		}
		if err := batch.Append(c.ID, c.TraceID, c.Time.UnixMicro(), text); err != nil {
			return fmt.Errorf("insert completions: %w", err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("insert completions: %w", err)
	}
	return nil
}

// completionsOf returns the completions of traces.
func (s *Store) completionsOf(ctx context.Context, traceIDs []string) (map[string][]record.Completion, error) {
	found := map[string][]record.Completion{}
	if len(traceIDs) == 0 {
		return found, nil
	}
	ctx, err := withList(ctx, traceIDs)
	if err != nil {
		return nil, err
	}
	sql := "SELECT content FROM " + completionsTable + " FINAL WHERE trace_id IN (SELECT id FROM " + listName + ")"
	err = s.run(ctx, query.Statement{SQL: sql}, func(scan query.Scan) error {
		var text string
		var c record.Completion
		if err := scan(&text); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			return err
		}
		found[c.TraceID] = append(found[c.TraceID], c)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for completions: %w", err)
	}
	return found, nil
}
