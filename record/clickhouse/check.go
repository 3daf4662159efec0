package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/query"
)

// Check implements record.Store. ClickHouse checks its own files when it reads them; what is
// looked for here is what an interrupted Write or Prune can leave behind.
func (s *Store) Check(ctx context.Context, repair bool) (*record.Report, error) {
	if repair && s.readOnly {
		return nil, errReadOnly
	}
	report := &record.Report{Problems: []string{}, Repaired: []string{}}
	for _, count := range []struct {
		into *int64
		sql  string
	}{
		{&report.Rows, "SELECT toInt64(count()) FROM " + rowsTable + " FINAL"},
		{&report.Feedback, "SELECT toInt64(count()) FROM " + feedbackTable + " FINAL WHERE removed = 0"},
		{&report.Unmatched, "SELECT toInt64(count()) FROM " + feedbackTable + " FINAL WHERE removed = 0 AND " + flavour.Unmatched},
	} {
		n, err := s.number(ctx, count.sql)
		if err != nil {
			return nil, fmt.Errorf("count records: %w", err)
		}
		*count.into = n
	}
	var err error
	if report.Bytes, err = s.bytes(ctx); err != nil {
		return nil, fmt.Errorf("measure the tables: %w", err)
	}
	if report.Rows > 0 {
		st := query.Statement{SQL: "SELECT min(time), max(time) FROM " + rowsTable}
		err := s.run(ctx, st, func(scan query.Scan) error {
			var oldest, newest int64
			err := scan(&oldest, &newest)
			report.Oldest, report.Newest = time.UnixMicro(oldest).UTC(), time.UnixMicro(newest).UTC()
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("look for the oldest record: %w", err)
		}
	}
	return report, s.checkBodies(ctx, repair, report)
}

// checkBodies finds bodies whose row is not there.
func (s *Store) checkBodies(ctx context.Context, repair bool, report *record.Report) error {
	const lost = "trace_id NOT IN (SELECT trace_id FROM " + rowsTable + ")"
	n, err := s.number(ctx, "SELECT toInt64(count()) FROM "+bodiesTable+" FINAL WHERE "+lost)
	if err != nil || n == 0 {
		return err
	}
	problem := fmt.Sprintf("%d bodies belong to no row: a batch was interrupted. Write it again, or repair, which removes them.", n)
	if !repair {
		report.Problems = append(report.Problems, problem)
		return nil
	}
	if err := s.remove(ctx, bodiesTable, lost); err != nil {
		return fmt.Errorf("remove bodies: %w", err)
	}
	report.Repaired = append(report.Repaired, problem)
	return nil
}
