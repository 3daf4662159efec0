package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/query"
)

// writer writes one batch in a transaction.
type writer struct {
	tx pgx.Tx
	// sums and sizes are what the transaction adds to the roll-ups and to the sizes of days.
	sums  query.Sums[query.Dimensions]
	sizes map[int64]int64
}

// add and remove note that a row of a size is there, or there no more.
func (w *writer) add(r *record.Row, size int64) { w.count(r, size, 1) }

func (w *writer) remove(r *record.Row, size int64) { w.count(r, size, -1) }

func (w *writer) count(r *record.Row, size, n int64) {
	w.sums.Add(r, query.DimensionsOf(r), n)
	w.sizes[query.Floor(r.Time.UnixMicro(), day)] += n * size
}

// rowColumns are those of a row, in the order of rowValues.
var rowColumns = append(names(query.Columns), "size")

// rowOverhead is about what a row's columns of fixed length and its index entries take.
const rowOverhead = 400

// rowValues appends a row's values and returns its size: the bytes of what is kept of it.
func rowValues(values []any, r *record.Row) ([]any, int64) {
	values = query.AppendValues(values, r)
	size := int64(rowOverhead)
	for _, v := range values {
		if text, ok := v.(string); ok {
			size += int64(len(text))
		}
	}
	if r.Bodies != nil {
		size += int64(len(r.Bodies.Request) + len(r.Bodies.Response))
	}
	return append(values, size), size
}

// Write implements record.Store.
func (s *Store) Write(ctx context.Context, b *record.Batch) error {
	b = b.Clean()
	if err := s.partitions(ctx, b.Rows); err != nil {
		return err
	}
	err := s.write(ctx, func(w *writer) error {
		if err := w.writeRows(ctx, b.Rows); err != nil {
			return err
		}
		if err := w.writeCompletions(ctx, b.Completions); err != nil {
			return err
		}
		return w.writeFeedback(ctx, b.Feedback)
	})
	if err != nil {
		return fmt.Errorf("write records to PostgreSQL: %w", err)
	}
	return nil
}

// write runs a transaction and adds what it has summed up to the roll-ups, which is last, since
// gateways wait for each other there.
func (s *Store) write(ctx context.Context, do func(w *writer) error) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		w := newWriter(tx)
		if err := do(w); err != nil {
			return err
		}
		return w.addRollups(ctx)
	})
}

func newWriter(tx pgx.Tx) *writer {
	return &writer{tx: tx, sums: query.Sums[query.Dimensions]{}, sizes: map[int64]int64{}}
}

// writeRows inserts the rows that are not there yet, and joins what has waited for them.
func (w *writer) writeRows(ctx context.Context, rows []*record.Row) error {
	rows = unique(rows, func(r *record.Row) string { return r.TraceID })
	if len(rows) == 0 {
		return nil
	}
	fresh, err := w.copyRows(ctx, rows)
	if err != nil || len(fresh) == 0 {
		return err
	}
	ids := make([]string, len(fresh))
	for i, r := range fresh {
		ids[i] = r.TraceID
	}
	if err := w.copyBodies(ctx, fresh); err != nil {
		return err
	}
	if err := w.match(ctx, "feedback.trace_id = ANY ($1)", ids); err != nil {
		return err
	}
	waiting, err := w.texts(ctx, "SELECT DISTINCT trace_id FROM completions WHERE trace_id = ANY ($1)", ids)
	if err != nil {
		return fmt.Errorf("look for completions: %w", err)
	}
	return w.complete(ctx, waiting)
}

// copyRows inserts rows, counts those that were not there, and returns them.
func (w *writer) copyRows(ctx context.Context, rows []*record.Row) ([]*record.Row, error) {
	// COPY knows no conflicts, so rows come into a table of this connection first.
	_, err := w.tx.Exec(ctx, "CREATE TEMP TABLE IF NOT EXISTS incoming ("+query.Definitions(query.Columns, columnType)+", size bigint NOT NULL) ON COMMIT DELETE ROWS")
	if err != nil {
		return nil, fmt.Errorf("make a table for the batch: %w", err)
	}
	sizes := make(map[string]int64, len(rows))
	values := make([]any, 0, len(rowColumns))
	_, err = w.tx.CopyFrom(ctx, pgx.Identifier{"pg_temp", "incoming"}, rowColumns, pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
		values, sizes[rows[i].TraceID] = rowValues(values[:0], rows[i])
		return values, nil
	}))
	if err != nil {
		return nil, fmt.Errorf("copy rows: %w", err)
	}
	columns := strings.Join(rowColumns, ", ")
	inserted, err := w.texts(ctx, "INSERT INTO rows ("+columns+") SELECT "+columns+" FROM pg_temp.incoming ON CONFLICT DO NOTHING RETURNING trace_id")
	if err != nil {
		return nil, fmt.Errorf("insert rows: %w", err)
	}
	there := make(map[string]bool, len(inserted))
	for _, id := range inserted {
		there[id] = true
	}
	fresh := make([]*record.Row, 0, len(inserted))
	for _, r := range rows {
		if there[r.TraceID] {
			fresh = append(fresh, r)
			w.add(r, sizes[r.TraceID])
		}
	}
	return fresh, nil
}

var bodyColumns = []string{"time", "trace_id", "request", "response", "truncated", "redacted"}

func (w *writer) copyBodies(ctx context.Context, rows []*record.Row) error {
	var values [][]any
	for _, r := range rows {
		if b := r.Bodies; b != nil {
			values = append(values, []any{r.Time.UnixMicro(), r.TraceID, b.Request, b.Response, query.Truth(b.Truncated), query.Truth(b.Redacted)})
		}
	}
	if len(values) == 0 {
		return nil
	}
	if _, err := w.tx.CopyFrom(ctx, pgx.Identifier{"bodies"}, bodyColumns, pgx.CopyFromRows(values)); err != nil {
		return fmt.Errorf("copy bodies: %w", err)
	}
	return nil
}

// match joins feedback with the rows that it is about.
func (w *writer) match(ctx context.Context, condition string, argument any) error {
	sets := []string{"row_time = r.time"}
	for _, name := range factColumns {
		sets = append(sets, name+" = r."+name)
	}
	_, err := w.tx.Exec(ctx, "UPDATE feedback SET "+strings.Join(sets, ", ")+
		" FROM rows r WHERE r.trace_id = feedback.trace_id AND feedback.row_time IS NULL AND "+condition, argument)
	if err != nil {
		return fmt.Errorf("match feedback: %w", err)
	}
	return nil
}

// feedbackUpsert inserts feedback, or lets it take the place of earlier feedback.
var feedbackUpsert = func() string {
	columns := append(names(query.FeedbackColumns), "labels")
	sets := make([]string, 0, len(columns))
	values := make([]string, len(columns))
	for i, name := range columns {
		values[i] = query.Dollar(i + 1)
		if name != "key" && name != "trace_id" && name != "id" {
			sets = append(sets, name+" = excluded."+name)
		}
	}
	return "INSERT INTO feedback (" + strings.Join(columns, ", ") + ") VALUES (" + strings.Join(values, ", ") +
		") ON CONFLICT (key) DO UPDATE SET " + strings.Join(sets, ", ") + " WHERE excluded.time > feedback.time"
}()

func (w *writer) writeFeedback(ctx context.Context, feedback []*record.Feedback) error {
	if len(feedback) == 0 {
		return nil
	}
	var batch pgx.Batch
	ids := make([]string, len(feedback))
	for i, f := range feedback {
		values, err := query.AppendFeedbackValues(nil, f)
		if err != nil {
			return err
		}
		labels := f.Value.Labels()
		if labels == nil {
			labels = []string{}
		}
		batch.Queue(feedbackUpsert, append(values, labels)...)
		ids[i] = f.TraceID
	}
	if err := w.tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("insert feedback: %w", err)
	}
	return w.match(ctx, "feedback.trace_id = ANY ($1)", ids)
}

// writeCompletions keeps completions that are new, and adds them to the rows that are there.
func (w *writer) writeCompletions(ctx context.Context, completions []*record.Completion) error {
	var added []string
	for _, c := range completions {
		content, err := query.EncodeJSON(c)
		if err != nil {
			return fmt.Errorf("encode completion %s: %w", c.ID, err)
		}
		result, err := w.tx.Exec(ctx, "INSERT INTO completions (id, trace_id, time, content) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
			c.ID, c.TraceID, c.Time.UnixMicro(), content)
		if err != nil {
			return fmt.Errorf("insert completion: %w", err)
		}
		if result.RowsAffected() > 0 {
			added = append(added, c.TraceID)
		}
	}
	if len(added) == 0 {
		return nil
	}
	there, err := w.texts(ctx, "SELECT DISTINCT trace_id FROM rows WHERE trace_id = ANY ($1)", added)
	if err != nil {
		return fmt.Errorf("look for rows: %w", err)
	}
	return w.complete(ctx, there)
}

// texts returns the texts that a statement answers.
func (w *writer) texts(ctx context.Context, sql string, args ...any) ([]string, error) {
	rows, err := w.tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// unique returns the first of each that have the same key.
func unique[T any](list []T, key func(T) string) []T {
	seen := make(map[string]bool, len(list))
	first := make([]T, 0, len(list))
	for _, x := range list {
		if k := key(x); !seen[k] {
			seen[k] = true
			first = append(first, x)
		}
	}
	return first
}
