package record

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// SpillReport is what waits on the disk for the store.
type SpillReport struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	// Rows, Completions and Feedback are how many wait.
	Rows        int64 `json:"rows"`
	Completions int64 `json:"completions"`
	Feedback    int64 `json:"feedback"`
	// InUse says that a process writes to the files now, and will store them itself.
	InUse bool `json:"in_use"`
	// Problems are what is wrong, in sentences that say what to do.
	Problems []string `json:"problems"`
	// Repaired are the problems that are gone. CheckSpill leaves it empty: who repairs fills it.
	Repaired []string `json:"repaired,omitempty"`
}

// Waiting returns how many things wait.
func (r *SpillReport) Waiting() int64 { return r.Rows + r.Completions + r.Feedback }

// CheckSpill reads the spill files whose names begin with path, and changes nothing. A recorder
// that is started with the same SpillPath stores what waits in them.
func CheckSpill(path string) (*SpillReport, error) {
	r := &SpillReport{Problems: []string{}}
	var err error
	if r.InUse, err = spillInUse(path); err != nil {
		return nil, err
	}
	names, err := filepath.Glob(globEscape(path) + ".[0-9]*")
	if err != nil {
		return nil, fmt.Errorf("find the spill files of %s: %w", path, err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".damaged") {
			r.Problems = append(r.Problems, name+" could not be read and was moved aside: keep it or delete it")
			continue
		}
		if err := r.segment(name); err != nil {
			return nil, err
		}
	}
	if info, err := os.Stat(path + ".damaged"); err == nil && info.Size() > 0 {
		r.Problems = append(r.Problems, fmt.Sprintf("%s holds %d bytes of lines that could not be read: keep it or delete it", path+".damaged", info.Size()))
	}
	return r, nil
}

// spillInUse says whether a process has the files.
func spillInUse(path string) (bool, error) {
	lock, err := os.OpenFile(path+".lock", os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at %s.lock: %w", path, err)
	}
	defer lock.Close() // which gives the lock back
	switch err := lockFile(lock); {
	case err == nil:
		return false, nil
	case errors.Is(err, errLocked):
		return true, nil
	default:
		return false, fmt.Errorf("lock %s.lock: %w", path, err)
	}
}

// segment reads one file.
func (r *SpillReport) segment(name string) error {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it was stored meanwhile
	}
	if err != nil {
		return fmt.Errorf("read spill file: %w", err)
	}
	r.Files++
	r.Bytes += int64(len(text))
	if len(text) == 0 {
		return nil
	}
	if len(text) < int(headerLength) || !strings.HasPrefix(string(text), spillMagic) {
		r.Problems = append(r.Problems, name+" does not begin like a spill file of this version: check --repair moves it aside")
		return nil
	}
	at, err := strconv.ParseInt(string(text[len(spillMagic):headerLength-1]), 16, 64)
	if err != nil || at < headerLength || at > int64(len(text)) {
		at = headerLength
	}
	batch, damaged := readLines(text[at:])
	r.Rows += int64(len(batch.Rows))
	r.Completions += int64(len(batch.Completions))
	r.Feedback += int64(len(batch.Feedback))
	if r.InUse && len(damaged) > 0 {
		damaged = damaged[:len(damaged)-1] // it may be the line that is being written
	}
	if len(damaged) > 0 {
		r.Problems = append(r.Problems, fmt.Sprintf("%s has %d damaged lines: check --repair stores the others and sets these aside", name, len(damaged)))
	}
	return nil
}
