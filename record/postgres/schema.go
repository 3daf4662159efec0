package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mulligan-gateway/mulligan/record/query"
)

var errNewer = errors.New("the tables were made by a newer Mulligan: run that version, or give the store another schema")

var errNoTables = errors.New("there are no records in this schema yet, or of an older Mulligan: a gateway that starts on it makes the tables")

// Keys of advisory locks, which gateways that share a database hold in turn. The first half
// is "Mull" in ASCII; the locks are of the database, so the schema does not matter.
const (
	lockSchema  = 0x4d756c6c_00000001
	lockRollups = 0x4d756c6c_00000002
)

// factColumns are what feedback knows of its row, "" and NULL while there is none.
var factColumns = query.RollupDimensions

// migrations lead from each version of the schema to the next. What has been released is
// never changed, only added to.
var migrations = []string{`
-- size is about how many bytes the row takes, bodies included.
CREATE TABLE rows (` + query.Definitions(query.Columns, columnType) + `, size bigint NOT NULL, PRIMARY KEY (trace_id, time)) PARTITION BY RANGE (time);
CREATE INDEX rows_time ON rows (time, trace_id);
CREATE TABLE rows_rest PARTITION OF rows DEFAULT;
CREATE TABLE bodies (
	time bigint NOT NULL, trace_id text COLLATE "C" NOT NULL,
	request text NOT NULL, response text NOT NULL, truncated bigint NOT NULL, redacted bigint NOT NULL,
	PRIMARY KEY (trace_id, time)
) PARTITION BY RANGE (time);
CREATE TABLE bodies_rest PARTITION OF bodies DEFAULT;

-- row_time is the time of the feedback's row.
CREATE TABLE feedback (` + query.Definitions(query.FeedbackColumns, columnType) + `, labels text[] COLLATE "C" NOT NULL, row_time bigint,
	` + texts(factColumns) + `, PRIMARY KEY (key));
CREATE INDEX feedback_trace ON feedback (trace_id);
CREATE INDEX feedback_name ON feedback (name, number);
CREATE INDEX feedback_row ON feedback (row_time) WHERE row_time IS NOT NULL;
CREATE INDEX feedback_unmatched ON feedback (trace_id, time) WHERE row_time IS NULL;

CREATE TABLE completions (id text COLLATE "C" PRIMARY KEY, trace_id text COLLATE "C" NOT NULL, time bigint NOT NULL, content text NOT NULL);
CREATE INDEX completions_trace ON completions (trace_id);
-- originals are the rows that have completions, as they were without them.
CREATE TABLE originals (trace_id text COLLATE "C" PRIMARY KEY, content text NOT NULL);

-- unit is how many microseconds long the roll-up is.
CREATE TABLE rollups (
	unit bigint NOT NULL, start bigint NOT NULL, ` + texts(query.RollupDimensions) + `,
	requests bigint NOT NULL, errors bigint NOT NULL, fallbacks bigint NOT NULL,
	input_tokens bigint NOT NULL, output_tokens bigint NOT NULL, cached_tokens bigint NOT NULL,
	cache_write_tokens bigint NOT NULL, reasoning_tokens bigint NOT NULL,
	cost_usd double precision NOT NULL, priced bigint NOT NULL,
	durations bytea NOT NULL, ttfts bytea NOT NULL,
	PRIMARY KEY (unit, start, ` + strings.Join(query.RollupDimensions, ", ") + `)
);
-- days are the sizes of the rows of each day, by its start.
CREATE TABLE days (start bigint PRIMARY KEY, size bigint NOT NULL);
CREATE AGGREGATE merge_sketches (bytea) (SFUNC = byteacat, STYPE = bytea, INITCOND = '');
`}

// migrate brings the schema to the newest version. Gateways that start at once take turns.
func (s *Store) migrate(ctx context.Context) error {
	schema := pgx.Identifier{s.schema}.Sanitize()
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(lockSchema)); err != nil {
			return err
		}
		// A role that may not create schemas can use one that was made for it.
		var there bool
		if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)", s.schema).Scan(&there); err != nil {
			return err
		}
		if !there {
			if _, err := tx.Exec(ctx, "CREATE SCHEMA "+schema); err != nil {
				return err
			}
		}
		var have int
		if _, err := tx.Exec(ctx, "CREATE TABLE IF NOT EXISTS schema_version (version int NOT NULL)"); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, "SELECT coalesce(max(version), 0) FROM schema_version").Scan(&have); err != nil {
			return err
		}
		if have > len(migrations) {
			return errNewer
		}
		for v := have; v < len(migrations); v++ {
			if _, err := tx.Exec(ctx, migrations[v]); err != nil {
				return fmt.Errorf("migrate to schema %d: %w", v+1, err)
			}
			if _, err := tx.Exec(ctx, "INSERT INTO schema_version VALUES ($1)", v+1); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("make the tables in PostgreSQL: %w", err)
	}
	return nil
}

// check says whether the tables are there, and of this version.
func (s *Store) check(ctx context.Context) error {
	var have int
	err := s.pool.QueryRow(ctx, "SELECT coalesce(max(version), 0) FROM schema_version").Scan(&have)
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &refused) && refused.Code == "42P01": // undefined_table
		return errNoTables
	case err != nil:
		return fmt.Errorf("look for the tables in PostgreSQL: %w", err)
	case have > len(migrations):
		return errNewer
	case have < len(migrations):
		return errNoTables
	}
	return nil
}

// columnType returns a column's type. Texts compare by their bytes, whatever the database's
// collation is.
func columnType(c query.Column) string {
	switch {
	case c.Name == "number":
		return "double precision"
	case c.Kind == query.Integer:
		return "bigint NOT NULL"
	case c.Kind == query.Float:
		return "double precision NOT NULL"
	default:
		return `text COLLATE "C" NOT NULL`
	}
}

func texts(columns []string) string {
	return strings.Join(columns, ` text COLLATE "C" NOT NULL DEFAULT '', `) + ` text COLLATE "C" NOT NULL DEFAULT ''`
}

// names returns the names of columns.
func names(columns []query.Column) []string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.Name
	}
	return list
}
