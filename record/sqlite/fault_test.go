package sqlite

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/record"
)

// crashEnv names the file that a child process writes to until it is killed.
const crashEnv = "MULLIGAN_TEST_CRASH_FILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashEnv); path != "" {
		writeForever(path)
	}
	os.Exit(m.Run())
}

// batchRows is how many rows numbered batches have.
const batchRows = 37

// numbered returns a batch whose rows have its number as their variant.
func numbered(n int) *record.Batch {
	b := &record.Batch{}
	for i := range batchRows {
		id := fmt.Sprintf("batch-%06d-%02d", n, i)
		at := time.Date(2026, 5, 1, 0, 0, n, i, time.UTC)
		b.Rows = append(b.Rows, &record.Row{
			TraceID: id, Time: at, Deployment: "support", Variant: strconv.Itoa(n), Provider: "openai", Model: strconv.Itoa(n % 7),
			Outcome: llm.OutcomeOK, Duration: record.Millis(n+1) * record.Millis(time.Millisecond),
			Bodies: &record.Bodies{Request: strings.Repeat("request ", 100), Response: strings.Repeat("response ", 100)},
		})
		b.Feedback = append(b.Feedback, &record.Feedback{TraceID: id, Name: "thumb", Value: record.Bool(i%2 == 0), Time: at})
	}
	b.Completions = []*record.Completion{{ID: b.Rows[0].TraceID, TraceID: b.Rows[0].TraceID, Time: b.Rows[0].Time, Usage: record.Usage{Input: 3}}}
	return b
}

// writeForever prints the number of each batch when it has been written.
func writeForever(path string) {
	s, err := Open(context.Background(), Options{Path: path})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	report, err := s.Check(context.Background(), false)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for n := int(report.Rows / batchRows); ; n++ {
		if err := s.Write(context.Background(), numbered(n)); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(n)
	}
}

// whole says that each batch is there whole or not at all, and returns how many are there.
func whole(t *testing.T, s *Store) int {
	t.Helper()
	answer, err := s.Stats(context.Background(), &record.Question{By: []record.Dimension{record.ByVariant}, Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range answer.Groups {
		if g.Requests != batchRows || len(g.Feedback) != 1 || g.Feedback[0].Count != batchRows || g.Input != 3 {
			t.Errorf("batch %q is there in part: %+v", g.Key, g)
		}
	}
	report, err := s.Check(context.Background(), false)
	if err != nil || len(report.Problems) > 0 || report.Rows != int64(len(answer.Groups))*batchRows || report.Unmatched != 0 {
		t.Errorf("check: %+v, %v", report, err)
	}
	return len(answer.Groups)
}

func TestAKilledWriterLeavesWholeBatches(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.db")
	for round := range 4 {
		written := killAfter(t, path, 5+7*round)
		s, err := Open(context.Background(), Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		if n := whole(t, s); n < written {
			t.Errorf("of %d batches whose Write has returned %d are there", written, n)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// killAfter lets a child write some batches, kills it, and returns how many it has written
// together with those before it.
func killAfter(t *testing.T, path string, batches int) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0])
	child.Env = append(os.Environ(), crashEnv+"="+path)
	var stderr bytes.Buffer
	child.Stderr = &stderr
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines, last := bufio.NewScanner(stdout), -1
	for range batches {
		if !lines.Scan() {
			break
		}
		if last, err = strconv.Atoi(lines.Text()); err != nil {
			t.Fatalf("the child says %q", lines.Text())
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // what it has written meanwhile
		if n, err := strconv.Atoi(lines.Text()); err == nil {
			last = n
		}
	}
	if err := child.Wait(); err == nil || stderr.Len() > 0 {
		t.Fatalf("the child ends with %v: %s", err, stderr.String())
	}
	return last + 1
}

func TestAFullDiskFailsOneWriteAndHarmsNothing(t *testing.T) {
	s := newStore(t)
	ctx := context.Background()
	limit := func(pages int) {
		if _, err := s.writer.conn.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
			t.Fatal(err)
		}
	}
	limit(300)
	n := 0
	var err error
	for ; err == nil && n < 1000; n++ {
		err = s.Write(ctx, numbered(n))
	}
	if n--; !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "make room") {
		t.Fatalf("a full disk is %v", err)
	}
	if there := whole(t, s); there != n {
		t.Errorf("%d batches are there, of %d whose Write has returned", there, n)
	}
	if _, err := s.Prune(ctx, record.Retention{Age: time.Second, Now: time.Date(2026, 5, 1, 0, 0, n-2, 0, time.UTC)}); err != nil {
		t.Errorf("what is too much can't be pruned: %v", err)
	}
	limit(100_000)
	before := whole(t, s)
	if err := s.Write(ctx, numbered(n)); err != nil {
		t.Fatalf("write when there is room again: %v", err)
	}
	if there := whole(t, s); there != before+1 {
		t.Errorf("%d batches are there, want %d", there, before+1)
	}
}

func TestADamagedFileIsSaidToBeDamaged(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "records.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("this is no database\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, Options{Path: path}); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "backup") {
		t.Errorf("a text is %v", err)
	}
	path = filepath.Join(t.TempDir(), "records.db")
	s, err := Open(ctx, Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 20 {
		if err := s.Write(ctx, numbered(n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	damage(t, path)
	if s, err = Open(ctx, Options{Path: path}); err != nil {
		t.Fatalf("open: %v", err) // the first page is whole
	}
	defer s.Close()
	if report, err := s.Check(ctx, false); err == nil && len(report.Problems) == 0 {
		t.Error("a check finds nothing")
	} else if err != nil && !errors.Is(err, ErrDamaged) {
		t.Errorf("a check says %v", err)
	}
	if _, err := s.Stats(ctx, &record.Question{By: []record.Dimension{record.ByClient}}); !errors.Is(err, ErrDamaged) {
		t.Errorf("a question says %v", err)
	}
}

// damage overwrites a large part of a file, but not its first pages.
func damage(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(content) / 8; i < len(content)-4096; i++ {
		content[i] ^= 0x5a
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAPlaceThatCannotBeWrittenIsNamed(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "parent")
	if os.Geteuid() == 0 { // who may write everywhere, but not below a file
		if err := os.WriteFile(parent, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	} else if err := os.Mkdir(parent, 0o500); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(parent, "below", "records.db")
	if _, err := Open(context.Background(), Options{Path: path}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	if _, err := Open(context.Background(), Options{}); err == nil || !strings.Contains(err.Error(), "path") {
		t.Errorf("without a path: %v", err)
	}
}

func TestTwoHandlesShareAFile(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "records.db")
	var handles [2]*Store
	var opening sync.WaitGroup
	for i := range handles { // both at once: one of them makes the schema
		opening.Go(func() {
			var err error
			if handles[i], err = Open(ctx, Options{Path: path}); err != nil {
				t.Error(err)
			}
		})
	}
	opening.Wait()
	if t.Failed() {
		t.FailNow()
	}
	var writing sync.WaitGroup
	for _, s := range handles {
		writing.Go(func() {
			for n := range 15 {
				if err := s.Write(ctx, numbered(n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	for _, s := range handles {
		if n := whole(t, s); n != 15 {
			t.Errorf("a handle sees %d batches of 15", n)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
