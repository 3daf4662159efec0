package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/mulligan-gateway/mulligan/record/query"
)

// applicationID marks the file as Mulligan's: "Mull" in ASCII.
const applicationID = 0x4d756c6c

// migrations lead from each version of the schema (PRAGMA user_version) to the next. What has
// been released is never changed, only added to.
var migrations = []string{
	`
CREATE TABLE dims (
	id INTEGER PRIMARY KEY,
	deployment TEXT NOT NULL, domain TEXT NOT NULL, variant TEXT NOT NULL, endpoint TEXT NOT NULL,
	provider TEXT NOT NULL, model TEXT NOT NULL, outcome TEXT NOT NULL,
	UNIQUE (deployment, domain, variant, endpoint, provider, model, outcome)
);
CREATE TABLE rows (
	id INTEGER PRIMARY KEY,
	dims INTEGER NOT NULL,
	time INTEGER NOT NULL, trace_id TEXT NOT NULL,
	deployment TEXT NOT NULL, domain TEXT NOT NULL, variant TEXT NOT NULL,
	config_version TEXT NOT NULL, client_id TEXT NOT NULL,
	endpoint TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
	outcome TEXT NOT NULL, error_code TEXT NOT NULL, fallback INTEGER NOT NULL,
	input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,
	cache_write_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL,
	cost_usd REAL NOT NULL, priced INTEGER NOT NULL,
	ttft_us INTEGER NOT NULL, ttft_bucket INTEGER NOT NULL,
	duration_us INTEGER NOT NULL, duration_bucket INTEGER NOT NULL,
	metadata TEXT NOT NULL, detail TEXT NOT NULL
);
CREATE UNIQUE INDEX rows_trace ON rows (trace_id);
CREATE INDEX rows_time ON rows (time);
CREATE TABLE bodies (
	row_id INTEGER PRIMARY KEY,
	request TEXT NOT NULL, response TEXT NOT NULL, truncated INTEGER NOT NULL, redacted INTEGER NOT NULL
);
-- row_time and dims are those of the feedback's row, NULL while there is none.
CREATE TABLE feedback (
	key TEXT PRIMARY KEY,
	trace_id TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, number REAL,
	comment TEXT NOT NULL, metadata TEXT NOT NULL, time INTEGER NOT NULL, client_id TEXT NOT NULL,
	removed INTEGER NOT NULL,
	labels TEXT NOT NULL, row_time INTEGER, dims INTEGER
) WITHOUT ROWID;
CREATE INDEX feedback_trace ON feedback (trace_id);
CREATE INDEX feedback_name ON feedback (name, number);
CREATE INDEX feedback_row ON feedback (row_time, dims, name, value) WHERE row_time IS NOT NULL AND removed = 0;
CREATE INDEX feedback_unmatched ON feedback (time) WHERE row_time IS NULL;
CREATE TABLE completions (id TEXT PRIMARY KEY, trace_id TEXT NOT NULL, time INTEGER NOT NULL, content TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX completions_trace ON completions (trace_id);
CREATE INDEX completions_time ON completions (time);
-- originals are the rows that have completions, as they were without them.
CREATE TABLE originals (trace_id TEXT PRIMARY KEY, content TEXT NOT NULL) WITHOUT ROWID;
-- unit is how many microseconds long the roll-up is.
CREATE TABLE rollups (
	unit INTEGER NOT NULL, start INTEGER NOT NULL, dims INTEGER NOT NULL,
	requests INTEGER NOT NULL, errors INTEGER NOT NULL, fallbacks INTEGER NOT NULL,
	input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,
	cache_write_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL,
	cost_usd REAL NOT NULL, priced INTEGER NOT NULL,
	durations BLOB NOT NULL, ttfts BLOB NOT NULL,
	PRIMARY KEY (unit, start, dims)
) WITHOUT ROWID;
`,
}

// migrate brings the schema to the newest version, in one transaction. It may run in several
// processes at once.
func migrate(ctx context.Context, conn *sql.Conn) error {
	version, err := schemaVersion(ctx, conn)
	if err != nil || version == len(migrations) {
		return err
	}
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") //nolint:errcheck // fails after COMMIT, which is fine
	if version, err = schemaVersion(ctx, conn); err != nil {       // another process may have been faster
		return err
	}
	for ; version < len(migrations); version++ {
		if _, err := conn.ExecContext(ctx, migrations[version]); err != nil {
			return fmt.Errorf("migrate to schema %d: %w", version+1, err)
		}
	}
	_, err = conn.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", applicationID, version))
	return err
}

// schemaVersion returns the version of the schema, 0 for a new file. A file that is not
// Mulligan's, or of a later version, is an error.
func schemaVersion(ctx context.Context, conn *sql.Conn) (int, error) {
	var version, application, tables int
	row := conn.QueryRowContext(ctx, `SELECT user_version, application_id, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_user_version, pragma_application_id`)
	if err := row.Scan(&version, &application, &tables); err != nil {
		return 0, fmt.Errorf("read schema version: %w", err)
	}
	switch {
	case application != applicationID && tables > 0:
		return 0, errForeign
	case version > len(migrations):
		return 0, fmt.Errorf("%w: it has schema %d, this one knows up to %d", errNewer, version, len(migrations))
	default:
		return version, nil
	}
}

// insertSQL returns an INSERT of n rows of values.
func insertSQL(table string, columns []string, n int) string {
	return intoSQL("INSERT", table, columns, n)
}

// replaceSQL is insertSQL for rows that take the place of those with the same key.
func replaceSQL(table string, columns []string, n int) string {
	return intoSQL("REPLACE", table, columns, n)
}

func intoSQL(verb, table string, columns []string, n int) string {
	row := "(" + strings.TrimSuffix(strings.Repeat("?, ", len(columns)), ", ") + ")"
	return verb + " INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES " +
		strings.TrimSuffix(strings.Repeat(row+", ", n), ", ")
}

// names returns the names of first and then of columns.
func names(columns []query.Column, first ...string) []string {
	for _, c := range columns {
		first = append(first, c.Name)
	}
	return first
}
