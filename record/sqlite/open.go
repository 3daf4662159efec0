package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/mulligan-gateway/mulligan/record"
)

// Options say which file is opened, and how.
type Options struct {
	// Path is the file. It is made when it is not there, readable by its owner only, as is its
	// directory.
	Path string
	// ReadOnly opens a file that is there and changes nothing; Write, Prune and repair fail.
	ReadOnly bool
}

// busyTimeout is how long a statement waits for another process that writes.
const busyTimeout = 10 * time.Second

// Store is a record.Store in one SQLite file.
type Store struct {
	path    string
	readers *sql.DB
	// writer is nil when the store is read only. Who holds the turn may use it.
	writer *writer
	turn   chan struct{}
	closed chan struct{}
}

var _ record.Store = (*Store)(nil)

// errReadOnly is the error of what would change a store that is read only.
var errReadOnly = errors.New("the records are open for reading only")

// errClosed is the error of what is asked of a store that is closed.
var errClosed = errors.New("the records are closed")

// Open opens or makes a file of records. While another process makes it, it waits.
func Open(ctx context.Context, o Options) (*Store, error) {
	// SQLite itself does not wait for a process that turns the write-ahead log on.
	for deadline := time.Now().Add(busyTimeout); ; {
		s, err := open(ctx, o)
		if !isBusy(err) || time.Now().After(deadline) {
			return s, explain(o.Path, "open the records", err)
		}
		select {
		case <-ctx.Done():
			return nil, explain(o.Path, "open the records", errors.Join(ctx.Err(), err))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func open(ctx context.Context, o Options) (*Store, error) {
	if o.Path == "" {
		return nil, errors.New("give the store a path")
	}
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, fmt.Errorf("resolve path: %w", err)
	}
	s := &Store{path: path, turn: make(chan struct{}, 1), closed: make(chan struct{})}
	if !o.ReadOnly {
		if err := makeFile(path); err != nil {
			return nil, err
		}
		if s.writer, err = openWriter(ctx, path); err != nil {
			return nil, err
		}
	} else if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	if err := s.openReaders(ctx); err != nil {
		if s.writer != nil {
			s.writer.close()
		}
		return nil, err
	}
	return s, nil
}

// makeFile makes the file and its directory when they are not there. SQLite gives its other
// files the permissions of this one.
func makeFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}

// dsn names the file to the driver, with pragmas that each of its connections runs.
func dsn(path, mode string, pragmas ...string) string {
	query := url.Values{"mode": {mode}, "_pragma": append([]string{
		fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()),
	}, pragmas...)}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: query.Encode()}).String()
}

func (s *Store) openReaders(ctx context.Context) error {
	mode := "rw" // a reader that may write can also mend what a crash has left of the write-ahead log
	if s.writer == nil {
		mode = "ro"
	}
	db, err := sql.Open("sqlite", dsn(s.path, mode, "query_only(1)", "cache_size(-16384)", "temp_store(2)"))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(max(4, runtime.GOMAXPROCS(0)))
	db.SetConnMaxIdleTime(time.Minute)
	s.readers = db
	if s.writer == nil {
		err = s.checkVersion(ctx)
	} else {
		err = db.PingContext(ctx)
	}
	if err != nil {
		return errors.Join(err, db.Close())
	}
	return nil
}

// checkVersion says whether a file that is only read has the schema that is expected.
func (s *Store) checkVersion(ctx context.Context) error {
	conn, err := s.readers.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	version, err := schemaVersion(ctx, conn)
	if err == nil && version < len(migrations) {
		return fmt.Errorf("it has schema %d, this Mulligan reads %d; start the gateway on it once", version, len(migrations))
	}
	return err
}

// Close implements record.Store. It waits for a Write that is under way.
func (s *Store) Close() error {
	select {
	case <-s.closed:
		return nil
	case s.turn <- struct{}{}:
	}
	defer func() { <-s.turn }()
	select {
	case <-s.closed: // by another Close meanwhile
		return nil
	default:
		close(s.closed)
	}
	err := s.readers.Close()
	if s.writer != nil {
		err = errors.Join(err, s.writer.close()) // last, so that it tidies the write-ahead log away
	}
	return s.explain("close the records", err)
}

// write runs change in a transaction of its own when it is its turn: first come, first served.
// A change that has begun is not interrupted when ctx ends.
func (s *Store) write(ctx context.Context, change func(ctx context.Context, w *writer) error) error {
	if s.writer == nil {
		return errReadOnly
	}
	select {
	case <-s.closed:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	case s.turn <- struct{}{}:
	}
	defer func() { <-s.turn }()
	select {
	case <-s.closed:
		return errClosed
	default:
	}
	if _, err := s.writer.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	committed := false
	defer func() { // after a panic, too
		if !committed {
			s.writer.forget()
			// SQLite itself rolls back for some errors, after which there is nothing left to do.
			s.writer.conn.ExecContext(ctx, "ROLLBACK") //nolint:errcheck // the first error is the one that says what happened
		}
	}()
	if err := change(ctx, s.writer); err != nil {
		return err
	}
	if _, err := s.writer.conn.ExecContext(ctx, "COMMIT"); err != nil {
		return err
	}
	committed = true
	return nil
}
