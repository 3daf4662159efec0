package invoke

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/mulligan-gateway/mulligan/llm"
)

var update = flag.Bool("update", false, "write what comes out into the fixtures")

// A fixture is a story in a txtar file. What is in it is checked:
//
//	request → hub, or error
//	hub reply → reply
//	hub stream → stream
//
// Streams have the data of an event on each line. A reply says what was used when the header of
// the fixture says "usage".
func TestFixtures(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no fixtures", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			x := exit()
			x.IncludeUsage = bytes.Contains(archive.Comment, []byte("usage"))
			for i := range archive.Files {
				given := string(archive.Files[i].Data)
				switch archive.Files[i].Name {
				case "request":
					check(t, archive, i, requestOf(t, given))
				case "hub reply":
					got, err := x.Answer([]byte(strings.TrimSpace(given)))
					check(t, archive, i, pretty(t, got, err))
				case "hub stream":
					check(t, archive, i, streamOf(t, x, given))
				}
			}
			if *update {
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func exit() *Exit {
	now := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	return &Exit{
		TraceID: "0190a000-0000-7000-8000-000000000001", SpanID: "8000000000000001", Created: now,
		Target: func() (string, string) { return "vllm", "asked-model" },
		Now:    func() time.Time { return now.Add(time.Second) },
	}
}

// check compares what came out with the file behind the one that went in.
func check(t *testing.T, archive *txtar.Archive, i int, got string) {
	t.Helper()
	if i+1 == len(archive.Files) {
		archive.Files = append(archive.Files, txtar.File{Name: "out"})
	}
	out := &archive.Files[i+1]
	if *update {
		out.Data = []byte(got)
		return
	}
	if got != string(out.Data) {
		t.Errorf("%s: got\n%s\nwant\n%s", archive.Files[i].Name, got, out.Data)
	}
}

func requestOf(t *testing.T, body string) string {
	t.Helper()
	doc, err := llm.ParseJSON([]byte(strings.TrimSpace(body)))
	if err != nil {
		t.Fatal(err)
	}
	q, err := Read(&doc, false)
	if err != nil {
		var e *llm.Error
		if !errors.As(err, &e) {
			t.Fatalf("%v is not what a client may see", err)
		}
		return fmt.Sprintf("%d %s %s: %s\n", e.Status, e.Code, e.Param, e.Message)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "key %s stream %v usage %v insists %q ignored %q\n", q.Key, q.Stream, q.IncludeUsage, q.Insists, q.Ignored)
	for _, part := range []struct {
		name string
		json []byte
	}{{"body", q.Body}, {"prefix", q.Prefix}, {"context", q.Context}, {"inputs", q.Inputs}, {"metadata", q.Metadata}} {
		if part.json != nil {
			if !json.Valid(part.json) {
				t.Errorf("%s is no JSON: %s", part.name, part.json)
			}
			fmt.Fprintf(&b, "%s %s\n", part.name, part.json)
		}
	}
	if q.Mock != nil {
		fmt.Fprintf(&b, "mock %q\n", *q.Mock)
	}
	return b.String()
}

func streamOf(t *testing.T, x *Exit, given string) string {
	t.Helper()
	s := x.Events()
	var out []byte
	for line := range strings.Lines(given) {
		var err error
		if out, err = s.Event(out, nil, []byte(strings.TrimSpace(line))); err != nil {
			t.Fatal(err)
		}
	}
	out = s.End(out)
	for event := range strings.SplitSeq(string(out), "\n\n") {
		if data := strings.TrimPrefix(event, "data: "); data != "" && data != "[DONE]" && !json.Valid([]byte(data)) {
			t.Errorf("no JSON: %s", data)
		}
	}
	return string(out)
}

func pretty(t *testing.T, raw []byte, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", " "); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return b.String() + "\n"
}
