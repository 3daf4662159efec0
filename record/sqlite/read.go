package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/query"
)

// flavour is SQLite's SQL.
var flavour = query.Flavour{
	Rows:        "rows",
	Feedback:    "feedback",
	Placeholder: query.QuestionMark,
	Int:         func(expression string) string { return expression },
	Member:      func(name string) string { return "mulligan_member(metadata, " + name + ")" },
	HasLabel: func(label string) string {
		return "EXISTS (SELECT 1 FROM json_each(labels) AS l WHERE l.value = " + label + ")"
	},
	Labels: func(name string) string {
		return "SELECT DISTINCT trace_id, l.value AS label FROM feedback, json_each(labels) AS l WHERE removed = 0 AND name = " + name
	},
	Unmatched: "row_time IS NULL",
	BodiesOf: func(id string) string {
		return "FROM bodies WHERE row_id = (SELECT id FROM rows WHERE trace_id = " + id + ")"
	},
	InnerJoin: "JOIN",
	LeftJoin:  "LEFT JOIN",
}

// Get implements record.Store.
func (s *Store) Get(ctx context.Context, traceID string) (*record.Entry, error) {
	var entry *record.Entry
	err := s.read(ctx, func(db query.Database) (err error) {
		entry, err = query.Get(ctx, db, traceID)
		return err
	})
	if errors.Is(err, record.ErrNotFound) {
		return nil, err
	}
	return entry, s.explain("read records from", err)
}

// List implements record.Store.
func (s *Store) List(ctx context.Context, f *record.Filter, p record.Page) (*record.Listing, error) {
	var listing *record.Listing
	err := s.read(ctx, func(db query.Database) (err error) {
		listing, err = query.List(ctx, db, f, p)
		return err
	})
	if errors.Is(err, record.ErrBadQuestion) {
		return nil, err
	}
	return listing, s.explain("read records from", err)
}

// Stats implements record.Store.
func (s *Store) Stats(ctx context.Context, q *record.Question) (*record.Answer, error) {
	if _, err := q.Groups(); err != nil {
		return nil, err
	}
	var answer *record.Answer
	err := s.read(ctx, func(db query.Database) (err error) {
		if query.Covered(q) {
			answer, err = query.StatsOfRollups(ctx, db, &kept, q)
			return err
		}
		if db.Flavour, err = flavourFor(ctx, db, &q.Filter); err != nil {
			return err
		}
		answer, err = query.Stats(ctx, db, q)
		return err
	})
	return answer, s.explain("read records from", err)
}

// read lets ask run statements that all see the same state of the file.
func (s *Store) read(ctx context.Context, ask func(db query.Database) error) error {
	select {
	case <-s.closed:
		return errClosed
	default:
	}
	tx, err := s.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	run := func(ctx context.Context, st query.Statement, each func(scan query.Scan) error) error {
		rows, err := tx.QueryContext(ctx, st.SQL, st.Args...)
		if err != nil {
			return err
		}
		return eachRow(rows, each)
	}
	return ask(query.Database{Flavour: &flavour, Run: run})
}

// flavourFor returns the flavour that reads the rows of a filter fastest. To look up each row
// that the index on time names takes several times as long as to walk all rows, which SQLite
// cannot know to be better when nearly all of them are meant.
func flavourFor(ctx context.Context, db query.Database, f *record.Filter) (*query.Flavour, error) {
	if len(f.Feedback) > 0 { // then the index on trace ids finds few rows
		return &flavour, nil
	}
	var first, last int64
	err := db.Run(ctx, query.Statement{SQL: "SELECT (SELECT coalesce(min(time), 0) FROM rows), (SELECT coalesce(max(time), 0) FROM rows)"},
		func(scan query.Scan) error { return scan(&first, &last) })
	if err != nil {
		return nil, fmt.Errorf("look for the first and the last row: %w", err)
	}
	since, until := first, last
	if !f.Since.IsZero() {
		since = max(since, f.Since.UnixMicro())
	}
	if !f.Until.IsZero() {
		until = min(until, f.Until.UnixMicro())
	}
	if until-since < (last-first)/4 {
		return &flavour, nil
	}
	walk := flavour
	walk.Rows = "rows NOT INDEXED"
	return &walk, nil
}

func micro(us int64) time.Time { return time.UnixMicro(us).UTC() }

// facts is feedback with the time and the dimensions of its row.
var facts = "(SELECT f.row_time AS time, f.name, f.value, d." + strings.Join(query.RollupDimensions, ", d.") +
	" FROM feedback f JOIN dims d ON d.id = f.dims WHERE f.row_time IS NOT NULL AND f.removed = 0)"

// kept is where the roll-ups are.
var kept = query.Rollups{Table: rollupTable, Merge: "mulligan_merge", Facts: facts}

func rollupTable(parts []query.Part) string {
	selects := make([]string, len(parts))
	for i, p := range parts {
		selects[i] = fmt.Sprintf("SELECT * FROM rollups WHERE unit = %d AND start >= %d AND start < %d", p.Unit, p.Since, p.Until)
	}
	return "(SELECT u.start AS time, u.*, d." + strings.Join(query.RollupDimensions, ", d.") + " FROM (" +
		strings.Join(selects, " UNION ALL ") + ") u JOIN dims d ON d.id = u.dims)"
}
