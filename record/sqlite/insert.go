package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/query"
)

// mostRows is how many rows a statement inserts at most: far below SQLite's limit of 32766
// parameters (source: https://www.sqlite.org/limits.html).
const mostRows = 64

// group is rows that share values.
type group struct {
	shared query.Shared
	dims   int64
	rows   []*record.Row
}

// inserter inserts rows, with statements of the driver: there are thousands of values in a batch,
// and database/sql would look at each and copy it. What rows share a statement gets once. Its
// memory is used again for the next batch.
type inserter struct {
	statements [mostRows + 1]driver.StmtExecContext // by how many rows they insert

	groups  []group
	byValue map[query.Shared]int // where in groups
	text    []byte
	ends    []int // of metadata and detail in text, in turns
	values  []any
	named   []driver.NamedValue
}

// collect makes groups of rows, in the order in which they first come. They are valid until release.
func (n *inserter) collect(rows []*record.Row) []group {
	last := -1
	for _, r := range rows {
		shared := query.SharedOf(r)
		if last < 0 || n.groups[last].shared != shared {
			last = n.groupOf(&shared)
		}
		n.groups[last].rows = append(n.groups[last].rows, r)
	}
	return n.groups
}

func (n *inserter) groupOf(shared *query.Shared) int {
	if at, ok := n.byValue[*shared]; ok {
		return at
	}
	at := len(n.groups)
	if at < cap(n.groups) {
		n.groups = n.groups[:at+1] // with the room for rows that an earlier batch has left
	} else {
		n.groups = append(n.groups, group{})
	}
	n.groups[at].shared = *shared
	n.byValue[*shared] = at
	return at
}

// release lets go of the rows, and of all memory that an unusually large batch has taken.
func (n *inserter) release() {
	const most = 1 << 20
	if cap(n.text) > most || cap(n.groups) > mostGroups {
		*n = inserter{statements: n.statements, byValue: map[query.Shared]int{}}
		return
	}
	for i := range n.groups {
		g := &n.groups[i]
		clear(g.rows)
		*g = group{rows: g.rows[:0]}
	}
	n.groups = n.groups[:0]
	clear(n.byValue)
	clear(n.values)
	clear(n.named[:cap(n.named)])
}

// mostGroups is how many groups are kept for later batches.
const mostGroups = 512

// insertRows inserts groups of rows that are not there yet. Rows get the next numbers, in the order
// of the groups. One that is there ends the transaction, with an error of which isDuplicate is true.
func (w *writer) insertRows(ctx context.Context, groups []group) error {
	return w.conn.Raw(func(driverConn any) error {
		conn, ok := driverConn.(driver.ConnPrepareContext)
		if !ok {
			return fmt.Errorf("a connection is %T, which does not prepare statements", driverConn)
		}
		for i := range groups {
			for g, at := &groups[i], 0; at < len(g.rows); {
				most := min(len(g.rows)-at, mostRows)
				count := 1 << (bits.Len(uint(most)) - 1) // a power of two, so that there are few statements
				if err := w.rows.insert(ctx, conn, g, g.rows[at:at+count]); err != nil {
					return err
				}
				at += count
			}
		}
		return nil
	})
}

// insert inserts some rows of a group.
func (n *inserter) insert(ctx context.Context, conn driver.ConnPrepareContext, g *group, rows []*record.Row) error {
	stmt, err := n.prepared(ctx, conn, len(rows))
	if err != nil {
		return err
	}
	n.text, n.ends = n.text[:0], n.ends[:0]
	for _, r := range rows {
		n.text = append(n.text, r.Metadata...)
		n.ends = append(n.ends, len(n.text))
		n.text = query.AppendDetail(n.text, r)
		n.ends = append(n.ends, len(n.text))
	}
	text := string(n.text)
	n.values = append(n.values[:0], g.dims)
	for _, value := range g.shared {
		n.values = append(n.values, value)
	}
	begin := 0
	for i, r := range rows {
		middle, end := n.ends[2*i], n.ends[2*i+1]
		n.values = query.AppendOwnValues(n.values, r, text[begin:middle], text[middle:end])
		begin = end
	}
	n.named = n.named[:0]
	for i, value := range n.values {
		n.named = append(n.named, driver.NamedValue{Ordinal: i + 1, Value: value})
	}
	_, err = stmt.ExecContext(ctx, n.named)
	return err
}

// prepared returns the statement that inserts so many rows.
func (n *inserter) prepared(ctx context.Context, conn driver.ConnPrepareContext, rows int) (driver.StmtExecContext, error) {
	if stmt := n.statements[rows]; stmt != nil {
		return stmt, nil
	}
	prepared, err := conn.PrepareContext(ctx, insertRowsSQL(rows))
	if err != nil {
		return nil, fmt.Errorf("prepare to insert %d rows: %w", rows, err)
	}
	stmt, ok := prepared.(driver.StmtExecContext)
	if !ok {
		return nil, errors.Join(fmt.Errorf("a statement is %T, which takes no context", prepared), prepared.Close())
	}
	n.statements[rows] = stmt
	return stmt, nil
}

// insertRowsSQL inserts rows of which the first parameters are shared. OR ROLLBACK spares SQLite
// from keeping what would undo the statement alone (source: https://www.sqlite.org/lang_conflict.html).
func insertRowsSQL(rows int) string {
	columns := append(names(query.SharedColumns, "dims"), names(query.OwnColumns)...)
	one := "("
	for i := range 1 + len(query.SharedColumns) {
		one += "?" + strconv.Itoa(i+1) + ", "
	}
	one += strings.TrimSuffix(strings.Repeat("?, ", len(query.OwnColumns)), ", ") + "), "
	return "INSERT OR ROLLBACK INTO rows (" + strings.Join(columns, ", ") + ") VALUES " +
		strings.TrimSuffix(strings.Repeat(one, rows), ", ")
}

// close closes the statements.
func (n *inserter) close() error {
	var errs []error
	for _, stmt := range n.statements {
		if s, ok := stmt.(driver.Stmt); ok {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(errs...)
}
