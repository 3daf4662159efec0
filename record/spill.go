package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Errors of the spill files.
var (
	errLocked    = errors.New("another process uses them")
	errSpillFull = errors.New("they are as large as they may be")
	errSpillOver = errors.New("they are closed")
)

// spill is lines on the disk that wait for the store: numbered segments, of which the last
// one is written and the first one is read, until it is deleted. Nothing that was on the disk
// before is appended to, so that a torn line ends with its segment.
type spill struct {
	path       string
	max        int64 // of all segments, in bytes
	segmentMax int64 // above it a new segment is begun

	mu       sync.Mutex
	lock     *os.File // nil once it is closed
	segments []*segment
	writing  bool  // the last segment may be appended to
	next     int   // the number of the next segment
	size     int64 // of all segments, in bytes
	aside    int64 // size of the file of what is damaged
}

// segment is one of the files.
type segment struct {
	n    int
	path string
	file *os.File
	size int64
	at   int64 // what lies before is stored
}

// position is a place in the spill. Later places are greater.
type position struct {
	segment int
	offset  int64
}

func (p position) before(q position) bool {
	return p.segment < q.segment || p.segment == q.segment && p.offset < q.offset
}

// The first line of a segment says what it is and, in hexadecimal, how far it is stored.
const (
	spillMagic   = "mulligan-spill 1 "
	spillHeader  = spillMagic + "0000000000000000\n"
	headerLength = int64(len(spillHeader))
)

// openSpill takes the files that an earlier process left, and returns what was wrong with
// them in sentences. It returns errLocked while another process has them.
func openSpill(path string, limit int64) (s *spill, notes []string, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, nil, err
	}
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, nil, err
	}
	if err := lockFile(lock); err != nil {
		lock.Close()
		return nil, nil, fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	s = &spill{path: path, max: limit, segmentMax: max(limit/8, 1<<12), lock: lock, next: 1}
	if info, err := os.Stat(path + ".damaged"); err == nil {
		s.aside = info.Size()
	}
	names, err := filepath.Glob(globEscape(path) + ".[0-9]*")
	if err != nil {
		return nil, nil, errors.Join(err, s.close())
	}
	for _, name := range names {
		n, err := strconv.Atoi(strings.TrimPrefix(name, path+"."))
		if err != nil {
			continue
		}
		s.next = max(s.next, n+1)
		if err := s.adopt(n, name); err != nil {
			notes = append(notes, fmt.Sprintf("%s cannot be read (%v) and was moved to %s", name, err, s.exclude(name)))
		}
	}
	slices.SortFunc(s.segments, func(a, b *segment) int { return a.n - b.n })
	s.removeStored()
	return s, notes, nil
}

// globEscape takes their meaning from characters that have one in patterns.
func globEscape(path string) string {
	if filepath.Separator == '\\' {
		return path // there is no way to escape on Windows, where such characters are rare
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// adopt takes a segment of an earlier process.
func (s *spill) adopt(n int, path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	header := make([]byte, headerLength)
	if _, err := f.ReadAt(header, 0); err != nil && !errors.Is(err, io.EOF) {
		f.Close()
		return err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	if !bytes.HasPrefix(header, []byte(spillMagic)) && info.Size() > 0 {
		f.Close()
		return errors.New("it does not begin like a spill file of this version")
	}
	at, err := strconv.ParseInt(string(header[len(spillMagic):headerLength-1]), 16, 64)
	if err != nil || at < headerLength || at > info.Size() {
		at = min(headerLength, info.Size()) // writing what is stored once more does no harm
	}
	s.segments = append(s.segments, &segment{n: n, path: path, file: f, size: info.Size(), at: at})
	s.size += info.Size()
	return nil
}

// exclude renames a segment that cannot be used and returns its new name.
func (s *spill) exclude(path string) string {
	to := path + ".damaged"
	if err := os.Rename(path, to); err != nil {
		return to + " in vain: " + err.Error()
	}
	return to
}

// append adds lines. With durable it returns when they are on the disk. It returns where they
// end; on an error nothing was added, unless the error is a *notDurableError.
func (s *spill) append(lines []byte, durable bool) (position, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lock == nil {
		return position{}, errSpillOver
	}
	if s.size+int64(len(lines))+headerLength > s.max {
		return position{}, errSpillFull
	}
	if err := s.prepare(); err != nil {
		return position{}, err
	}
	seg := s.segments[len(s.segments)-1]
	if _, err := seg.file.WriteAt(lines, seg.size); err != nil {
		if cut := seg.file.Truncate(seg.size); cut != nil {
			s.writing = false // what is left of the lines must not be appended to
			return position{}, errors.Join(err, cut)
		}
		return position{}, err
	}
	seg.size += int64(len(lines))
	s.size += int64(len(lines))
	end := position{seg.n, seg.size}
	if durable {
		if err := seg.file.Sync(); err != nil {
			return end, &notDurableError{err}
		}
	}
	return end, nil
}

// notDurableError says that lines were added, and may be lost if the machine fails now.
type notDurableError struct{ error }

func (e *notDurableError) Unwrap() error { return e.error }

// prepare makes the last segment one that can be appended to.
func (s *spill) prepare() error {
	if s.writing && s.segments[len(s.segments)-1].size < s.segmentMax {
		return nil
	}
	path := fmt.Sprintf("%s.%06d", s.path, s.next)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(spillHeader), 0)
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		f.Close()
		return errors.Join(err, os.Remove(path))
	}
	s.next++
	s.segments = append(s.segments, &segment{n: s.next - 1, path: path, file: f, size: headerLength, at: headerLength})
	s.size += headerLength
	s.writing = true
	return nil
}

// chunk is what was read at once.
type chunk struct {
	text []byte // whole lines; a torn one only at the end of a segment
	end  position
}

// read returns the first lines that are not stored, about limit bytes of them, or nothing
// when there are none.
func (s *spill) read(limit int64) (chunk, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lock == nil {
		return chunk{}, errSpillOver
	}
	s.removeStored()
	if len(s.segments) == 0 {
		return chunk{}, nil
	}
	seg := s.segments[0]
	for n := limit; ; n *= 2 {
		text := make([]byte, min(n, seg.size-seg.at))
		got, err := seg.file.ReadAt(text, seg.at)
		if err != nil && !errors.Is(err, io.EOF) {
			return chunk{}, fmt.Errorf("read %s: %w", seg.path, err)
		}
		whole := bytes.LastIndexByte(text[:got], '\n') + 1
		if all := seg.at+int64(got) >= seg.size || got < len(text); all {
			// It ends here, or somebody made it shorter; a torn line goes with the rest.
			return chunk{text[:got], position{seg.n, seg.size}}, nil
		}
		if whole > 0 {
			return chunk{text[:whole], position{seg.n, seg.at + int64(whole)}}, nil
		}
	}
}

// stored says that what lies before a position is in the store.
func (s *spill) stored(end position) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lock == nil {
		return errSpillOver
	}
	if len(s.segments) == 0 || s.segments[0].n != end.segment {
		return nil
	}
	seg := s.segments[0]
	seg.at = max(seg.at, min(end.offset, seg.size))
	if s.removeStored(); len(s.segments) == 0 || s.segments[0] != seg {
		return nil
	}
	_, err := seg.file.WriteAt(fmt.Appendf(nil, "%016x", seg.at), int64(len(spillMagic)))
	return err
}

// removeStored deletes the segments at the front of which all is stored.
func (s *spill) removeStored() {
	for len(s.segments) > 0 && s.segments[0].at >= s.segments[0].size {
		s.dropFirst()
	}
}

func (s *spill) dropFirst() {
	seg := s.segments[0]
	if len(s.segments) == 1 {
		s.writing = false
	}
	s.segments = s.segments[1:]
	s.size -= seg.size
	seg.file.Close()
	if err := os.Remove(seg.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		// It would be read again after a restart, and written once more, which is harmless.
		_ = os.Truncate(seg.path, 0)
	}
}

// skip gives the first segment up, which cannot be read, and returns what became of it.
func (s *spill) skip() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lock == nil || len(s.segments) == 0 {
		return ""
	}
	seg := s.segments[0]
	to := s.exclude(seg.path)
	s.dropFirst()
	return to
}

// setAside keeps lines that are of no use, as long as there is room for them.
func (s *spill) setAside(lines [][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := append(bytes.Join(lines, []byte{'\n'}), '\n')
	if s.aside+int64(len(text)) > s.max {
		return errSpillFull
	}
	f, err := os.OpenFile(s.path+".damaged", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	n, err := f.Write(text)
	s.aside += int64(n)
	return errors.Join(err, f.Close())
}

// empty says whether all is stored.
func (s *spill) empty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.segments) == 0 || len(s.segments) == 1 && s.segments[0].at >= s.segments[0].size
}

// head returns where the first line that is not stored begins; beyond every line when there
// is none.
func (s *spill) head() position {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, seg := range s.segments {
		if seg.at < seg.size {
			return position{seg.n, seg.at}
		}
	}
	return position{segment: s.next}
}

// tail returns where the last line ends.
func (s *spill) tail() position {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.segments) == 0 {
		return position{}
	}
	seg := s.segments[len(s.segments)-1]
	return position{seg.n, seg.size}
}

// bytes returns how large the files are.
func (s *spill) bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size
}

// close makes what was appended durable and gives the files to the next process.
func (s *spill) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lock == nil {
		return nil
	}
	s.removeStored()
	var wrong []error
	for _, seg := range s.segments {
		if seg.size > seg.at {
			wrong = append(wrong, seg.file.Sync())
		}
		wrong = append(wrong, seg.file.Close())
	}
	wrong = append(wrong, s.lock.Close())
	s.segments, s.lock = nil, nil
	return errors.Join(wrong...)
}
