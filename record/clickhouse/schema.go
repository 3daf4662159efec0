package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mulligan-gateway/mulligan/record/query"
)

var errNewer = errors.New("the tables were made by a newer Mulligan: run that version, or give the store another database")

var errNoTables = errors.New("there are no records in this database yet, or of an older Mulligan: a gateway that starts on it makes the tables")

// day is how many microseconds a partition is long.
const day = 86_400_000_000

// Columns that rows and feedback have beside those of package query. The original is a row's
// JSON without its completions, "" while it has none. Of two rows of one trace the one with
// the higher revision holds.
const (
	moreOfRows     = "member_names Array(String), member_texts Array(String), original String, revision UInt64"
	moreOfFeedback = "labels Array(String), revision UInt64"
)

// migrations lead from each version of the schema to the next. What has been released is
// never changed, only added to.
var migrations = [][]string{
	{
		"CREATE TABLE IF NOT EXISTS " + rowsTable + " (" + query.Definitions(query.Columns, columnType) + ", " + moreOfRows + ") " +
			"ENGINE = ReplacingMergeTree(revision) PARTITION BY intDiv(time, 86400000000) ORDER BY (time, trace_id)",
		"CREATE TABLE IF NOT EXISTS " + bodiesTable + " (time Int64, trace_id String, request String, response String, " +
			"truncated Int64, redacted Int64, revision UInt64) " +
			"ENGINE = ReplacingMergeTree(revision) PARTITION BY intDiv(time, 86400000000) ORDER BY trace_id",
		// Replacing works within partitions, and feedback may be given again on another day.
		"CREATE TABLE IF NOT EXISTS " + feedbackTable + " (" + query.Definitions(query.FeedbackColumns, columnType) + ", " + moreOfFeedback + ") " +
			"ENGINE = ReplacingMergeTree(revision) ORDER BY key",
		"CREATE TABLE IF NOT EXISTS " + completionsTable + " (id String, trace_id String, time Int64, content String) " +
			"ENGINE = ReplacingMergeTree ORDER BY (trace_id, id)",
	},
}

// migrate brings the schema to the newest version. Several gateways may do so at once: every
// statement leaves alone what is there.
func (s *Store) migrate(ctx context.Context) error {
	if err := s.noteVersions(ctx); err != nil {
		return err
	}
	have, err := s.number(ctx, "SELECT toInt64(coalesce(max(version), 0)) FROM "+schemaTable)
	if err != nil {
		return fmt.Errorf("read the version of the tables: %w", err)
	}
	if have > int64(len(migrations)) {
		return errNewer
	}
	if s.readOnly && have < int64(len(migrations)) {
		return errNoTables
	}
	for v := have; v < int64(len(migrations)); v++ {
		for _, sql := range migrations[v] {
			if err := s.conn.Exec(ctx, sql); err != nil {
				return fmt.Errorf("make the tables of schema %d: %w", v+1, err)
			}
		}
		if err := s.conn.Exec(ctx, fmt.Sprintf("INSERT INTO %s (version) SELECT %d", schemaTable, v+1)); err != nil {
			return fmt.Errorf("note schema %d: %w", v+1, err)
		}
	}
	return nil
}

// noteVersions makes the table of versions, or says that a store to read is not there.
func (s *Store) noteVersions(ctx context.Context) error {
	if !s.readOnly {
		err := s.conn.Exec(ctx, "CREATE TABLE IF NOT EXISTS "+schemaTable+" (version Int64) ENGINE = MergeTree ORDER BY version")
		if err != nil {
			return fmt.Errorf("make the tables: %w", err)
		}
		return nil
	}
	there, err := s.number(ctx, "SELECT toInt64(count()) FROM system.tables WHERE database = currentDatabase() AND name = ?", schemaTable)
	if err != nil {
		return fmt.Errorf("look for the tables: %w", err)
	}
	if there == 0 {
		return errNoTables
	}
	return nil
}

func columnType(c query.Column) string {
	switch {
	case c.Name == "number":
		return "Nullable(Float64)"
	case c.Kind == query.Integer:
		return "Int64"
	case c.Kind == query.Float:
		return "Float64"
	default:
		return "String"
	}
}

// names lists columns for an INSERT.
func names(columns []query.Column, more ...string) string {
	var list []string
	for _, c := range columns {
		list = append(list, c.Name)
	}
	return strings.Join(append(list, more...), ", ")
}
