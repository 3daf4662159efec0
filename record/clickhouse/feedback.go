package clickhouse

import (
	"context"
	"fmt"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/query"
)

// writeFeedback inserts what is later than what is there under the same key.
func (s *Store) writeFeedback(ctx context.Context, feedback []*record.Feedback) error {
	latest, err := s.latest(ctx, feedback)
	if err != nil || len(latest) == 0 {
		return err
	}
	batch, err := s.conn.PrepareBatch(ctx, "INSERT INTO "+feedbackTable+" ("+names(query.FeedbackColumns, "labels", "revision")+")")
	if err != nil {
		return fmt.Errorf("insert feedback: %w", err)
	}
	defer batch.Close()
	var values []any
	for _, f := range latest {
		if values, err = query.AppendFeedbackValues(values[:0], f); err != nil {
			return err
		}
		values = append(values, array(f.Value.Labels()), revisionOf(f))
		if err := batch.Append(values...); err != nil {
			return fmt.Errorf("insert feedback: %w", err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("insert feedback: %w", err)
	}
	return nil
}

// latest returns the feedback that holds over what the store has, the latest of each key.
func (s *Store) latest(ctx context.Context, feedback []*record.Feedback) (map[string]*record.Feedback, error) {
	if len(feedback) == 0 {
		return nil, nil
	}
	latest := map[string]*record.Feedback{}
	var keys []string
	for _, f := range feedback {
		key := query.CleanKey(f)
		before, ok := latest[key]
		if !ok {
			keys = append(keys, key)
		}
		if !ok || f.Time.After(before.Time) {
			latest[key] = f
		}
	}
	ctx, err := withList(ctx, keys)
	if err != nil {
		return nil, err
	}
	sql := "SELECT key, toInt64(time) FROM " + feedbackTable + " FINAL WHERE key IN (SELECT id FROM " + listName + ")"
	err = s.run(ctx, query.Statement{SQL: sql}, func(scan query.Scan) error {
		var key string
		var us int64
		if err := scan(&key, &us); err != nil {
			return err
		}
		if f := latest[key]; f != nil && f.Time.UnixMicro() <= us {
			delete(latest, key)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for the feedback of the batch: %w", err)
	}
	return latest, nil
}

// revisionOf returns a number that grows with the feedback's time, also before 1970.
func revisionOf(f *record.Feedback) uint64 { return uint64(f.Time.UnixMicro()) + 1<<63 }
