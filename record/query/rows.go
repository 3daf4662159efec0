package query

import (
	"context"
	"fmt"
	"time"

	"github.com/mulligan-gateway/mulligan/record"
)

// end is later than any row.
var end = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)

// List answers Store.List.
func List(ctx context.Context, db Database, f *record.Filter, p record.Page) (*record.Listing, error) {
	size, err := p.Size()
	if err != nil {
		return nil, err
	}
	s := statement{flavour: db.Flavour}
	bounded := *f
	if bounded.Until.IsZero() { // a bound lets SQLite walk its index on time instead of sorting everything
		bounded.Until = end
	}
	where := s.where(&bounded)
	if p.After != "" {
		after, err := record.ParseCursor(p.After)
		if err != nil {
			return nil, err
		}
		where += " AND (time, trace_id) < (" + s.bind(after.Time.UnixMicro()) + ", " + s.bind(after.TraceID) + ")"
	}
	sql := fmt.Sprintf("SELECT %s FROM %s WHERE %s ORDER BY time DESC, trace_id DESC LIMIT %d",
		db.selection(Columns), db.Rows, where, size+1)

	listing := &record.Listing{Rows: []record.Row{}}
	err = db.Run(ctx, Statement{sql, s.args}, func(scan Scan) error {
		r, err := scanRow(scan)
		if err == nil {
			listing.Rows = append(listing.Rows, *r)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list records: %w", err)
	}
	if len(listing.Rows) > size {
		listing.Rows = listing.Rows[:size]
		last := &listing.Rows[size-1]
		listing.Next = record.Cursor{Time: last.Time, TraceID: last.TraceID}.String()
	}
	return listing, nil
}

// Get answers Store.Get.
func Get(ctx context.Context, db Database, traceID string) (*record.Entry, error) {
	traceID = record.CleanName(traceID)
	entry := &record.Entry{Feedback: []record.Feedback{}}
	found := false
	sql := "SELECT " + db.selection(Columns) + " FROM " + db.Rows + " WHERE trace_id = " + db.Placeholder(1)
	err := db.Run(ctx, Statement{sql, []any{traceID}}, func(scan Scan) error {
		r, err := scanRow(scan)
		if err == nil {
			entry.Row, found = *r, true
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("get record: %w", err)
	}
	if !found {
		return nil, record.ErrNotFound
	}
	if entry.Bodies, err = bodies(ctx, db, traceID); err != nil {
		return nil, err
	}
	sql = "SELECT trace_id, id, name, value, comment, metadata, " + db.Int("time") + ", client_id FROM " + db.Feedback +
		" WHERE trace_id = " + db.Placeholder(1) + " AND removed = 0 ORDER BY time, key"
	err = db.Run(ctx, Statement{sql, []any{traceID}}, func(scan Scan) error {
		f, err := scanFeedback(scan)
		if err == nil {
			entry.Feedback = append(entry.Feedback, *f)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("get feedback: %w", err)
	}
	return entry, nil
}

func bodies(ctx context.Context, db Database, traceID string) (*record.Bodies, error) {
	var found *record.Bodies
	sql := "SELECT request, response, " + db.Int("truncated") + ", " + db.Int("redacted") + " " + db.BodiesOf(db.Placeholder(1))
	err := db.Run(ctx, Statement{sql, []any{traceID}}, func(scan Scan) error {
		var b record.Bodies
		var truncated, redacted int64
		if err := scan(&b.Request, &b.Response, &truncated, &redacted); err != nil {
			return fmt.Errorf("read bodies: %w", err)
		}
		b.Truncated, b.Redacted = truncated != 0, redacted != 0
		found = &b
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("get bodies: %w", err)
	}
	return found, nil
}
