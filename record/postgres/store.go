package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/query"
)

// Options say where the records are.
type Options struct {
	// URL is "postgres://user:password@host:5432/database" or libpq's "host=… dbname=…", with
	// pgx's parameters (source: https://pkg.go.dev/github.com/jackc/pgx/v5/pgxpool#ParseConfig).
	// The database must exist.
	URL string
	// Schema is where the tables are; it is made when it is not there. Default: llm_gateway.
	Schema string
	// ReadOnly opens tables that are there and changes nothing: Write, Prune and repair fail.
	ReadOnly bool
}

// Place says where the records are, without what is secret, and the same for all that lead to
// the same tables.
func (o Options) Place() (string, error) {
	config, err := pgxpool.ParseConfig(o.URL)
	if err != nil {
		return "", errURL
	}
	c := config.ConnConfig
	return fmt.Sprintf("%s:%d/%s %s", c.Host, c.Port, c.Database, o.schema()), nil
}

func (o Options) schema() string {
	if o.Schema == "" {
		return "llm_gateway"
	}
	return o.Schema
}

// errURL takes the place of the driver's error, which quotes the URL, and with it the password.
var errURL = errors.New(`read the URL of PostgreSQL: it must look like "postgres://user:password@host:5432/database"`)

// Store keeps records in a schema of a PostgreSQL database.
type Store struct {
	pool   *pgxpool.Pool
	schema string
	days   days
}

// Open connects, and makes the schema and the tables that are not there.
func Open(ctx context.Context, o Options) (*Store, error) {
	config, err := pgxpool.ParseConfig(o.URL)
	if err != nil {
		return nil, errURL
	}
	s := &Store{schema: o.schema()}
	config.ConnConfig.RuntimeParams["search_path"] = pgx.Identifier{s.schema}.Sanitize()
	config.ConnConfig.RuntimeParams["application_name"] = "mulligan"
	if o.ReadOnly {
		config.ConnConfig.RuntimeParams["default_transaction_read_only"] = "on"
	}
	// A batch is in UTF-8 whatever the client's locale says.
	config.ConnConfig.RuntimeParams["client_encoding"] = "UTF8"
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("open PostgreSQL: %w", err)
	}
	prepare := s.migrate
	if o.ReadOnly {
		prepare = s.check
	}
	if err := prepare(ctx); err != nil {
		s.pool.Close()
		return nil, err
	}
	return s, nil
}

// Close implements record.Store.
func (s *Store) Close() error {
	s.pool.Close()
	return nil
}

// Get implements record.Store.
func (s *Store) Get(ctx context.Context, traceID string) (entry *record.Entry, err error) {
	err = s.read(ctx, func(db query.Database) error {
		entry, err = query.Get(ctx, db, traceID)
		return err
	})
	return entry, err
}

// List implements record.Store.
func (s *Store) List(ctx context.Context, f *record.Filter, p record.Page) (listing *record.Listing, err error) {
	err = s.read(ctx, func(db query.Database) error {
		listing, err = query.List(ctx, db, f, p)
		return err
	})
	return listing, err
}

// Stats implements record.Store.
func (s *Store) Stats(ctx context.Context, q *record.Question) (answer *record.Answer, err error) {
	if _, err := q.Groups(); err != nil {
		return nil, err
	}
	err = s.read(ctx, func(db query.Database) error {
		if query.Covered(q) {
			answer, err = query.StatsOfRollups(ctx, db, &rollups, q)
		} else {
			answer, err = query.Stats(ctx, db, q)
		}
		return err
	})
	return answer, err
}

// read lets ask run statements that all see the same state of the database.
func (s *Store) read(ctx context.Context, ask func(db query.Database) error) error {
	return pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		return ask(in(tx))
	})
}

// in returns the database as a transaction sees it.
func in(tx pgx.Tx) query.Database {
	run := func(ctx context.Context, st query.Statement, each func(query.Scan) error) error {
		rows, err := tx.Query(ctx, st.SQL, st.Args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := each(rows.Scan); err != nil {
				return err
			}
		}
		return rows.Err()
	}
	return query.Database{Flavour: &flavour, Run: run}
}

// flavour is PostgreSQL's SQL.
var flavour = query.Flavour{
	Rows:        "rows",
	Feedback:    "feedback",
	Placeholder: query.Dollar,
	Int:         func(expression string) string { return "(" + expression + ")::bigint" },
	Member: func(name string) string {
		// json, unlike jsonb, keeps numbers as they were written.
		return "coalesce(nullif(metadata, '')::json ->> " + name + "::text, '')"
	},
	HasLabel: func(label string) string { return label + "::text = ANY (labels)" },
	Labels: func(name string) string {
		return "SELECT DISTINCT trace_id, unnest(labels) AS label FROM feedback WHERE removed = 0 AND name = " + name
	},
	Unmatched: "row_time IS NULL",
	BodiesOf: func(traceID string) string {
		return "FROM bodies WHERE trace_id = " + traceID
	},
	InnerJoin: "JOIN", LeftJoin: "LEFT JOIN",
}

// rollups are PostgreSQL's. The encoding of two sketches, one after the other, is that of both
// together, so merging is putting them together.
var rollups = query.Rollups{
	Table: func(parts []query.Part) string {
		ranges := make([]string, len(parts))
		for i, p := range parts {
			ranges[i] = fmt.Sprintf("unit = %d AND start >= %d AND start < %d", p.Unit, p.Since, p.Until)
		}
		return "(SELECT start AS time, rollups.* FROM rollups WHERE " + strings.Join(ranges, " OR ") + ") AS u"
	},
	Merge: "merge_sketches",
	Facts: "(SELECT row_time AS time, name, value, " + strings.Join(factColumns, ", ") + " FROM feedback " +
		"WHERE row_time IS NOT NULL AND removed = 0) AS u",
}

var _ record.Store = (*Store)(nil)
