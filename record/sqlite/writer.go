package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/mulligan-gateway/mulligan/record/query"
)

// writer is the one connection that writes, with its statements.
type writer struct {
	db         *sql.DB
	conn       *sql.Conn
	statements map[string]*sql.Stmt
	rows       inserter
	bodies     bulk
	rollups    bulk
	totals     totals
	sketches   []byte // encoded, of the last batch
	// dims are the ids of dimensions that were looked up before.
	dims map[query.Dimensions]int64
}

// maxDims bounds how many ids are remembered.
const maxDims = 10_000

func openWriter(ctx context.Context, path string) (*writer, error) {
	// auto_vacuum must come before the first table, and journal_mode makes a file of an empty one. A
	// cache of 4 MiB holds what batches go back to; one of 32 MiB took no less time.
	db, err := sql.Open("sqlite", dsn(path, "rw", "auto_vacuum(2)", "journal_mode(WAL)", "synchronous(NORMAL)",
		"cache_size(-4096)", "journal_size_limit(16777216)", "temp_store(2)"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	w := &writer{db: db, statements: map[string]*sql.Stmt{}, dims: map[query.Dimensions]int64{},
		rows:    inserter{bulk: bulk{sql: insertRowsSQL}, byValue: map[query.Shared]int{}},
		bodies:  bulk{sql: func(rows int) string { return insertSQL("bodies", bodyColumns, rows) }},
		rollups: bulk{sql: func(rows int) string { return replaceSQL("rollups", rollupColumns, rows) }},
		totals:  totals{kept: map[query.SumKey[int64]]*query.Sum{}}, sketches: make([]byte, 0, 4096),
	}
	if w.conn, err = db.Conn(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := w.prepareFile(ctx); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// prepareFile makes sure of the write-ahead log, without which readers would hold up Write,
// and of the schema.
func (w *writer) prepareFile(ctx context.Context) error {
	var mode string
	if err := w.conn.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("no write-ahead log can be kept beside it (the journal mode is %q): use a local file system", mode)
	}
	return migrate(ctx, w.conn)
}

func (w *writer) close() error {
	errs := make([]error, 0, len(w.statements)+3)
	for _, stmt := range w.statements {
		errs = append(errs, stmt.Close())
	}
	bulks := w.conn.Raw(func(any) error { return errors.Join(w.rows.close(), w.bodies.close(), w.rollups.close()) })
	return errors.Join(append(errs, bulks, w.conn.Close(), w.db.Close())...)
}

// forget drops what a transaction that failed may have made up.
func (w *writer) forget() {
	clear(w.dims)
	w.totals.forget()
}

// prepared returns a statement, prepared once.
func (w *writer) prepared(ctx context.Context, sql string) (*sql.Stmt, error) {
	if stmt := w.statements[sql]; stmt != nil {
		return stmt, nil
	}
	stmt, err := w.conn.PrepareContext(ctx, sql)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", sql, err)
	}
	w.statements[sql] = stmt
	return stmt, nil
}

func (w *writer) exec(ctx context.Context, sql string, args ...any) (sql.Result, error) {
	stmt, err := w.prepared(ctx, sql)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(ctx, args...)
}

// query runs a statement and calls each for each row of its result.
func (w *writer) query(ctx context.Context, s query.Statement, each func(scan query.Scan) error) error {
	stmt, err := w.prepared(ctx, s.SQL)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(ctx, s.Args...)
	if err != nil {
		return err
	}
	return eachRow(rows, each)
}

func eachRow(rows *sql.Rows, each func(scan query.Scan) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// among returns which of some texts are in a column, once each.
func (w *writer) among(ctx context.Context, table string, ids []string) (map[string]bool, error) {
	found := map[string]bool{}
	if len(ids) == 0 {
		return found, nil
	}
	err := w.query(ctx, query.Statement{
		SQL:  "SELECT DISTINCT trace_id FROM " + table + " trace_id IN (SELECT value FROM json_each(?))",
		Args: []any{jsonList(ids)},
	}, func(scan query.Scan) error {
		var id string
		err := scan(&id)
		found[id] = true
		return err
	})
	return found, err
}

// jsonList writes texts as a parameter for json_each.
func jsonList[T any](list []T) string {
	text, err := json.Marshal(list)
	if err != nil {
		return "[]" // texts and numbers can be written
	}
	return string(text)
}

// dimsID returns the id of dimensions, which it makes when there is none.
func (w *writer) dimsID(ctx context.Context, d query.Dimensions) (int64, error) {
	if id, ok := w.dims[d]; ok {
		return id, nil
	}
	args := make([]any, len(d))
	for i := range d {
		args[i] = d[i]
	}
	if _, err := w.exec(ctx, insertSQL("dims", query.RollupDimensions, 1)+" ON CONFLICT DO NOTHING", args...); err != nil {
		return 0, fmt.Errorf("insert dimensions: %w", err)
	}
	var id int64
	err := w.query(ctx, query.Statement{
		SQL:  "SELECT id FROM dims WHERE " + strings.Join(query.RollupDimensions, " = ? AND ") + " = ?",
		Args: args,
	}, func(scan query.Scan) error { return scan(&id) })
	if err != nil {
		return 0, fmt.Errorf("look up dimensions: %w", err)
	}
	if len(w.dims) >= maxDims {
		clear(w.dims)
	}
	w.dims[d] = id
	return id, nil
}
