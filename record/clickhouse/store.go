package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/query"
)

// Options say where the records are.
type Options struct {
	// URL is "clickhouse://user:password@host:9000/database", with clickhouse-go's parameters
	// (source: https://github.com/ClickHouse/clickhouse-go#dsn). The port is that of the native
	// protocol. The database must exist.
	URL string
	// ReadOnly opens tables that are there and makes none; Write, Prune and repair fail.
	ReadOnly bool
}

// Place says where the records are, without what is secret, and the same for all that lead to
// the same tables.
func (o Options) Place() (string, error) {
	options, err := clickhouse.ParseDSN(o.URL)
	if err != nil {
		return "", errURL
	}
	return strings.Join(options.Addr, ",") + "/" + options.Auth.Database, nil
}

// errURL takes the place of the driver's error, which may quote the URL, and with it the password.
var errURL = errors.New(`read the URL of ClickHouse: it must look like "clickhouse://user:password@host:9000/database"`)

var errReadOnly = errors.New("the records are open for reading only")

// Store keeps records in the tables llm_gateway_rows, _bodies, _feedback and _completions.
type Store struct {
	conn     driver.Conn
	readOnly bool
	version  version
	ttl      time.Duration // the age that the tables have as their TTL
}

// Open connects, and makes the tables that are not there.
func Open(ctx context.Context, o Options) (*Store, error) {
	options, err := clickhouse.ParseDSN(o.URL)
	if err != nil {
		return nil, errURL
	}
	options.ClientInfo.Products = append(options.ClientInfo.Products, struct{ Name, Version string }{"mulligan", ""})
	if options.Settings == nil {
		options.Settings = clickhouse.Settings{}
	}
	if _, ok := options.Settings["max_query_size"]; !ok {
		options.Settings["max_query_size"] = 16 << 20 // filters hold texts that clients have sent
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		return nil, fmt.Errorf("open ClickHouse: %w", err)
	}
	s := &Store{conn: conn, readOnly: o.ReadOnly}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return s, nil
}

func (s *Store) prepare(ctx context.Context) error {
	v, err := s.conn.ServerVersion()
	if err != nil {
		return fmt.Errorf("ask ClickHouse for its version: %w", err)
	}
	s.version = version{int(v.Version.Major), int(v.Version.Minor)}
	return s.migrate(ctx)
}

// Close implements record.Store.
func (s *Store) Close() error { return s.conn.Close() }

// Get implements record.Store.
func (s *Store) Get(ctx context.Context, traceID string) (*record.Entry, error) {
	return query.Get(ctx, s.database(), traceID)
}

// List implements record.Store.
func (s *Store) List(ctx context.Context, f *record.Filter, p record.Page) (*record.Listing, error) {
	return query.List(ctx, s.database(), f, p)
}

// Stats implements record.Store.
func (s *Store) Stats(ctx context.Context, q *record.Question) (*record.Answer, error) {
	return query.Stats(ctx, s.database(), q)
}

func (s *Store) database() query.Database { return query.Database{Flavour: &flavour, Run: s.run} }

// run implements query.Run.
func (s *Store) run(ctx context.Context, st query.Statement, each func(query.Scan) error) (err error) {
	rows, err := s.conn.Query(ctx, st.SQL, st.Args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// number returns the only number of a statement's result.
func (s *Store) number(ctx context.Context, sql string, args ...any) (int64, error) {
	var n int64
	err := s.run(ctx, query.Statement{SQL: sql, Args: args}, func(scan query.Scan) error { return scan(&n) })
	return n, err
}

// version is a server's: year and month since 2018.
type version struct{ major, minor int }

// atLeast says whether the server is of that version or newer.
func (v version) atLeast(major, minor int) bool {
	return v.major > major || v.major == major && v.minor >= minor
}

var _ record.Store = (*Store)(nil)
