package record

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// spilled returns the path of a spill that holds rows, and their trace ids. The process that
// wrote it is gone.
func spilled(t *testing.T, rows int) (path string, traces []string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "spill")
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, &fakeStore{down: errors.New("no route")}, func(o *Options) { o.SpillPath = path })
		b.Start()
		traces = b.add(0, rows)
		time.Sleep(time.Second)
		b.mustClose()
	})
	return path, traces
}

// drained returns what a process stores that finds a spill.
func drained(t *testing.T, path string) (traces []string, damaged int, aside string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, new(fakeStore), func(o *Options) { o.SpillPath = path })
		b.Start()
		b.flush()
		traces, damaged = b.store.stored(), b.count(ResultDamaged)
		if damaged > 0 && b.logs.FilterMessageSnippet("damaged").Len() == 0 {
			t.Error("the log says nothing")
		}
		if files := b.files(); len(files) > 0 {
			t.Errorf("there is still %v", files)
		}
		b.mustClose()
	})
	text, err := os.ReadFile(path + ".damaged")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return traces, damaged, string(text)
}

func edit(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestATornTailIsSetAsideAndTheRestIsStored(t *testing.T) {
	path, want := spilled(t, 50)
	edit(t, path+".000001", func(text []byte) []byte { return text[:len(text)-40] })
	got, damaged, aside := drained(t, path)
	same(t, got, want[:49])
	if damaged != 1 || !strings.Contains(aside, "trace-00049") {
		t.Errorf("%d damaged lines, set aside: %s", damaged, aside)
	}
}

func TestFlippedBitsCostTheirOwnLineAlone(t *testing.T) {
	path, want := spilled(t, 50)
	for name, flip := range map[string]func(text []byte){
		"in a row":       func(text []byte) { text[bytes.Index(text, []byte("trace-00020"))] ^= 1 },
		"in a checksum":  func(text []byte) { text[bytes.Index(text, []byte(`{"trace_id":"trace-00020`))-11] ^= 0x40 },
		"to a line feed": func(text []byte) { text[bytes.Index(text, []byte("trace-00020"))] = '\n' },
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			text, err := os.ReadFile(path + ".000001")
			if err != nil {
				t.Fatal(err)
			}
			flip(text)
			if err := os.WriteFile(filepath.Join(folder, "spill.000001"), text, 0o600); err != nil {
				t.Fatal(err)
			}
			got, damaged, _ := drained(t, filepath.Join(folder, "spill"))
			same(t, got, append(append([]string(nil), want[:20]...), want[21:]...))
			if damaged == 0 {
				t.Error("no line counts as damaged")
			}
		})
	}
}

func TestAFlippedLineFeedCostsNoRow(t *testing.T) {
	path, want := spilled(t, 50)
	edit(t, path+".000001", func(text []byte) []byte {
		at := bytes.Index(text, []byte("trace-00020"))
		text[at+bytes.IndexByte(text[at:], '\n')] = 'x'
		return text
	})
	got, damaged, _ := drained(t, path)
	same(t, got, want)
	if damaged != 0 {
		t.Errorf("%d damaged lines", damaged)
	}
}

func TestAFileThatIsNoSpillIsMovedAside(t *testing.T) {
	path, want := spilled(t, 10)
	if err := os.WriteFile(path+".000000", []byte("mulligan-spill 9 of another version\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, _, _ := drained(t, path)
	same(t, got, want)
	if text, err := os.ReadFile(path + ".000000.damaged"); err != nil || !strings.Contains(string(text), "another version") {
		t.Errorf("it is %q (%v)", text, err)
	}
}

func TestAnEmptySpillFileIsNoFault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spill")
	if err := os.WriteFile(path+".000001", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, damaged, _ := drained(t, path); len(got) != 0 || damaged != 0 {
		t.Errorf("%d rows, %d damaged", len(got), damaged)
	}
}

func TestProgressOutlivesTheProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spill")
	first, _, err := openSpill(path, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	end, err := first.append([]byte("one\n"), false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.append([]byte("two\n"), true); err != nil {
		t.Fatal(err)
	}
	if err := first.stored(end); err != nil {
		t.Fatal(err)
	}
	if err := first.close(); err != nil {
		t.Fatal(err)
	}
	second, notes, err := openSpill(path, 1<<20)
	if err != nil || len(notes) > 0 {
		t.Fatal(notes, err)
	}
	if _, err := second.append([]byte("three\n"), false); err != nil {
		t.Fatal(err)
	}
	var all string
	for {
		c, err := second.read(3) // less than a line
		if err != nil {
			t.Fatal(err)
		}
		if len(c.text) == 0 {
			break
		}
		all += string(c.text)
		if err := second.stored(c.end); err != nil {
			t.Fatal(err)
		}
	}
	if all != "two\nthree\n" {
		t.Errorf("read %q", all)
	}
	if err := second.close(); err != nil {
		t.Fatal(err)
	}
}

func TestOneProcessHasTheSpillAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a [b] *c", "spill")
	s, _, err := openSpill(path, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := openSpill(path, 1<<20); !errors.Is(err, errLocked) {
		t.Errorf("a second one: %v", err)
	}
	if _, err := s.append([]byte("line\n"), true); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path + ".000001"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its file: %v (%v)", info, err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	s, _, err = openSpill(path, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if s.empty() {
		t.Error("its file was not found again")
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
}

func TestADiskThatIsFullIsCountedAndRecoveredFrom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &fakeStore{down: errors.New("no route")}
		// A folder that does not exist and cannot be made stands for a disk that takes nothing.
		blocked := filepath.Join(t.TempDir(), "blocked")
		if err := os.WriteFile(blocked, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		b := newBed(t, store, func(o *Options) { o.SpillPath, o.QueueRows = filepath.Join(blocked, "spill"), 100 })
		b.Start()
		b.add(0, 150)
		time.Sleep(time.Second)
		synctest.Wait()
		if b.count(ResultDropped) != 50 || b.count(ResultSpilled) != 0 {
			t.Errorf("counted %v", b.counts)
		}
		if b.logs.FilterMessageSnippet("spill file of records cannot be used").Len() != 1 {
			t.Error("the log does not say it once")
		}
		if err := os.Remove(blocked); err != nil {
			t.Fatal(err)
		}
		time.Sleep(lockRetry + time.Second)
		synctest.Wait()
		if b.count(ResultSpilled) != 100 {
			t.Errorf("when the disk is back: %v", b.counts)
		}
		store.set(func(s *fakeStore) { s.down = nil })
		b.flush()
		if n := len(store.stored()); n != 100 {
			t.Errorf("%d rows are stored", n)
		}
		b.mustClose()
	})
}

func FuzzSpillLines(f *testing.F) {
	var line bytes.Buffer
	if err := appendLine(&line, item{row: &Row{TraceID: "t"}}); err != nil {
		f.Fatal(err)
	}
	f.Add(line.Bytes(), []byte("x"))
	f.Add(bytes.TrimSuffix(line.Bytes(), []byte{'\n'}), line.Bytes())
	f.Fuzz(func(t *testing.T, before, after []byte) {
		// Whatever lies around a whole line, the line is read.
		text := append(append(append(bytes.Clone(before), '\n'), line.Bytes()...), after...)
		batch, _ := readLines(text)
		for _, r := range batch.Rows {
			if r.TraceID == "t" {
				return
			}
		}
		t.Errorf("a whole line was not read between %q and %q", before, after)
	})
}
