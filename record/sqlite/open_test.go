package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/storetest"
)

func TestTheFileIsItsOwnersAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such permissions")
	}
	s := newStore(t)
	if err := s.Write(context.Background(), numbered(1)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{s.path: 0o600, s.path + "-wal": 0o600, filepath.Dir(s.path): 0o700} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has the permissions %o, want %o", filepath.Base(path), got, want)
		}
	}
}

func TestAFileOfAnotherKindIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ sql, want string }{
		"a newer schema":  {"PRAGMA user_version = 99", "newer Mulligan: it has schema 99"},
		"another program": {"PRAGMA application_id = 7", "another program"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			path := filepath.Join(t.TempDir(), "records.db")
			s, err := Open(ctx, Options{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.writer.conn.ExecContext(ctx, c.sql); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			for _, readOnly := range []bool{false, true} {
				if _, err := Open(ctx, Options{Path: path, ReadOnly: readOnly}); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}

func TestADatabaseOfAnotherProgramIsLeftAlone(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "theirs.db")
	db, err := sql.Open("sqlite", dsn(path, "rwc"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, "CREATE TABLE theirs (x)"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, Options{Path: path}); !errors.Is(err, errForeign) {
		t.Errorf("got %v", err)
	}
	var tables int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil || tables != 1 {
		t.Errorf("it has %d tables now (%v)", tables, err)
	}
}

func TestAStoreThatIsReadChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.db")
	storetest.RunReadOnly(t, func(readOnly bool) (record.Store, error) {
		return Open(context.Background(), Options{Path: path, ReadOnly: readOnly})
	}, os.ErrNotExist)
}

func TestReadingMakesNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.db")
	if _, err := Open(context.Background(), Options{Path: path, ReadOnly: true}); err == nil {
		t.Error("a file that is not there opens")
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("reading makes a file")
	}
}

func TestAStoreThatIsReadSaysWhyItRefuses(t *testing.T) {
	ctx := context.Background()
	reader, err := Open(ctx, Options{Path: newStore(t).path, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := reader.Write(ctx, numbered(2)); !errors.Is(err, errReadOnly) {
		t.Errorf("write: %v", err)
	}
	if _, err := reader.Prune(ctx, record.Retention{Age: 1}); !errors.Is(err, errReadOnly) {
		t.Errorf("prune: %v", err)
	}
	if _, err := reader.Check(ctx, true); !errors.Is(err, errReadOnly) {
		t.Errorf("repair: %v", err)
	}
}

func TestAClosedStoreSaysSo(t *testing.T) {
	ctx := context.Background()
	s := newStore(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(ctx, numbered(0)); !errors.Is(err, errClosed) {
		t.Errorf("write: %v", err)
	}
	if _, err := s.Get(ctx, "one"); !errors.Is(err, errClosed) {
		t.Errorf("get: %v", err)
	}
	if _, err := s.Stats(ctx, &record.Question{}); !errors.Is(err, errClosed) {
		t.Errorf("stats: %v", err)
	}
}

func TestOpeningWaitsForALockAndNoLongerThanItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.db")
	db, err := sql.Open("sqlite", dsn(path, "rwc"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	other, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.ExecContext(context.Background(), "BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, Options{Path: path}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a file that is locked is %v", err)
	}
	opened := make(chan error)
	go func() {
		s, err := Open(context.Background(), Options{Path: path})
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}()
	if _, err := other.ExecContext(context.Background(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Errorf("a file that was locked is %v", err)
	}
}
