package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/bits"
)

// mostRows is how many rows a statement inserts at most: far below SQLite's limit of 32766
// parameters (source: https://www.sqlite.org/limits.html).
const mostRows = 64

// bulk inserts many rows of a table, with statements of the driver: there are thousands of values
// in a batch, and database/sql would look at each and copy it.
type bulk struct {
	// sql returns the statement that inserts so many rows. The first parameters may be the same
	// for all of them.
	sql        func(rows int) string
	statements [mostRows + 1]driver.StmtExecContext // by how many rows they insert
	named      []driver.NamedValue                  // used again
}

// step returns how many of some rows the next statement inserts: a power of two, so that there are
// few statements to prepare.
func step(rows int) int { return 1 << (bits.Len(uint(min(rows, mostRows))) - 1) }

// raw calls do with the driver's connection, which it must not keep.
func (w *writer) raw(do func(conn driver.ConnPrepareContext) error) error {
	return w.conn.Raw(func(driverConn any) error {
		conn, ok := driverConn.(driver.ConnPrepareContext)
		if !ok {
			return fmt.Errorf("a connection is %T, which does not prepare statements", driverConn)
		}
		return do(conn)
	})
}

// insertMany inserts rows of so many values each.
func (w *writer) insertMany(ctx context.Context, b *bulk, columns int, values []any) error {
	if len(values) == 0 {
		return nil
	}
	return w.raw(func(conn driver.ConnPrepareContext) error {
		defer b.release()
		for len(values) > 0 {
			rows := step(len(values) / columns)
			if err := b.exec(ctx, conn, rows, values[:rows*columns]); err != nil {
				return err
			}
			values = values[rows*columns:]
		}
		return nil
	})
}

// exec inserts rows with these parameters.
func (b *bulk) exec(ctx context.Context, conn driver.ConnPrepareContext, rows int, values []any) error {
	stmt := b.statements[rows]
	if stmt == nil {
		prepared, err := conn.PrepareContext(ctx, b.sql(rows))
		if err != nil {
			return fmt.Errorf("prepare to insert %d rows: %w", rows, err)
		}
		var ok bool
		if stmt, ok = prepared.(driver.StmtExecContext); !ok {
			return errors.Join(fmt.Errorf("a statement is %T, which takes no context", prepared), prepared.Close())
		}
		b.statements[rows] = stmt
	}
	b.named = b.named[:0]
	for i, value := range values {
		b.named = append(b.named, driver.NamedValue{Ordinal: i + 1, Value: value})
	}
	_, err := stmt.ExecContext(ctx, b.named)
	return err
}

// release lets go of the last values.
func (b *bulk) release() { clear(b.named[:cap(b.named)]) }

// close closes the statements.
func (b *bulk) close() error {
	var errs []error
	for _, stmt := range b.statements {
		if s, ok := stmt.(driver.Stmt); ok {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(errs...)
}
