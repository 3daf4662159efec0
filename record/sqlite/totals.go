package sqlite

import (
	"context"
	"fmt"

	"github.com/mulligan-gateway/mulligan/record/query"
)

// totals are roll-ups just as the file has them, so that adding to one need not read it and decode
// its sketches. They hold as long as nobody else changes the file.
type totals struct {
	version int64 // of the file, see PRAGMA data_version
	kept    map[query.SumKey[int64]]*query.Sum
}

// maxTotals bounds how many roll-ups are kept. One takes a few kB.
const maxTotals = 1000

func (t *totals) forget() { clear(t.kept) }

// keep keeps a roll-up as it is going to be in the file. When there are too many, all others go:
// those of the minutes before are not added to any more.
func (t *totals) keep(key query.SumKey[int64], total *query.Sum) {
	if len(t.kept) >= maxTotals {
		clear(t.kept)
	}
	t.kept[key] = total
}

// refresh forgets the totals when another connection has changed the file since they were read. It
// is called in a transaction that writes, during which none can
// (source: https://www.sqlite.org/pragma.html#pragma_data_version).
func (w *writer) refresh(ctx context.Context) error {
	var version int64
	err := w.query(ctx, query.Statement{SQL: "PRAGMA data_version"}, func(scan query.Scan) error { return scan(&version) })
	if err != nil {
		return fmt.Errorf("look whether others have written: %w", err)
	}
	if version != w.totals.version {
		w.totals.forget()
		w.totals.version = version
	}
	return nil
}

// total returns the roll-up that the file has, empty when it has none.
func (w *writer) total(ctx context.Context, key query.SumKey[int64]) (*query.Sum, error) {
	if total := w.totals.kept[key]; total != nil {
		return total, nil
	}
	total := &query.Sum{}
	err := w.query(ctx, query.Statement{
		SQL:  selectRollups + " WHERE unit = ? AND start = ? AND dims = ?",
		Args: []any{key.Unit, key.Start, key.Dimensions},
	}, func(scan query.Scan) error {
		_, err := scanRollup(scan, total)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read roll-up: %w", err)
	}
	w.totals.keep(key, total)
	return total, nil
}
