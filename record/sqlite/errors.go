package sqlite

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

var (
	errForeign = errors.New("it is a database of another program")
	errNewer   = errors.New("it was written by a newer Mulligan")

	// ErrDamaged says that the file is no SQLite database, or a damaged one.
	ErrDamaged = errors.New("the file is damaged")
	// ErrFull says that the disk is full, or a quota reached.
	ErrFull = errors.New("the disk is full")
)

// isBusy says whether an error is that another process holds a lock.
func isBusy(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_BUSY
}

// isDuplicate says whether an error is that a row is there already, or twice in its batch.
func isDuplicate(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE
}

// explain adds to an error of the file what to do about it.
func (s *Store) explain(doing string, err error) error { return explain(s.path, doing, err) }

func explain(path, doing string, err error) error {
	var e *sqlite.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errForeign):
		return fmt.Errorf("%s %s: %w; give the store another path", doing, path, err)
	case errors.Is(err, errNewer):
		return fmt.Errorf("%s %s: %w; run that version, or give the store another path", doing, path, err)
	case !errors.As(err, &e):
		return fmt.Errorf("%s %s: %w", doing, path, err)
	}
	switch e.Code() & 0xff { // the primary result code (source: https://www.sqlite.org/rescode.html)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%s %s: %w (%w); stop the gateway, restore the file from a backup, or move it and its -wal and -shm "+
			"files away and a new one is made", doing, path, ErrDamaged, err)
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%s %s: %w (%w); make room, or keep records for a shorter time", doing, path, ErrFull, err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return fmt.Errorf("%s %s: %w; the process must be able to write the file and its directory", doing, path, err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("%s %s: %w; another process holds the file locked", doing, path, err)
	default:
		return fmt.Errorf("%s %s: %w", doing, path, err)
	}
}
