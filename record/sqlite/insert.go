package sqlite

import (
	"context"
	"database/sql/driver"
	"strconv"
	"strings"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/query"
)

// group is rows that share values.
type group struct {
	shared query.Shared
	dims   int64
	rows   []*record.Row
}

// inserter inserts rows. What rows share, a statement gets once. Its memory is used again for the
// next batch.
type inserter struct {
	bulk
	groups  []group
	byValue map[query.Shared]int // where in groups
	text    []byte
	ends    []int // of metadata and detail in text, in turns
	values  []any
}

// What inserter keeps for later batches.
const (
	keptGroups = 512
	keptText   = 1 << 20 // bytes
)

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

// groupOf returns where the group of values is, which it begins when there is none.
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

// release lets go of the rows, and of what an unusually large batch has taken.
func (n *inserter) release() {
	n.bulk.release()
	if len(n.groups) > keptGroups {
		n.groups, n.byValue = nil, map[query.Shared]int{}
	}
	if cap(n.text) > keptText {
		n.text = nil
	}
	for i := range n.groups {
		clear(n.groups[i].rows)
		n.groups[i] = group{rows: n.groups[i].rows[:0]}
	}
	n.groups = n.groups[:0]
	clear(n.byValue)
	clear(n.values[:cap(n.values)])
}

// insertRows inserts groups of rows that are not there yet. Rows get the next numbers, in the order
// of the groups. One that is there ends the transaction, with an error of which isDuplicate is true.
func (w *writer) insertRows(ctx context.Context, groups []group) error {
	return w.raw(func(conn driver.ConnPrepareContext) error {
		for i := range groups {
			for rows := groups[i].rows; len(rows) > 0; {
				count := step(len(rows))
				if err := w.rows.exec(ctx, conn, count, w.rows.valuesOf(&groups[i], rows[:count])); err != nil {
					return err
				}
				rows = rows[count:]
			}
		}
		return nil
	})
}

// valuesOf returns the parameters of some rows of a group. They are valid until it is called again.
func (n *inserter) valuesOf(g *group, rows []*record.Row) []any {
	n.text, n.ends = n.text[:0], n.ends[:0]
	for _, r := range rows {
		n.text = append(n.text, r.Metadata...)
		n.ends = append(n.ends, len(n.text))
		n.text = query.AppendDetail(n.text, r)
		n.ends = append(n.ends, len(n.text))
	}
	text := string(n.text) // one piece of memory for all
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
	return n.values
}
