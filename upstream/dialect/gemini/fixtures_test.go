package gemini

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
	"golang.org/x/tools/txtar"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

var update = flag.Bool("update", false, "write what comes out into the fixtures")

// A fixture is a story in a txtar file. What is in it is checked:
//
//	request → provider request, dropped or unsupported
//	provider reply → reply or error
//	provider stream → stream or error
//
// Streams have the data of an event on each line. The request's model is the provider's.
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
			f := &fixture{archive: archive}
			f.request(t)
			f.reply(t)
			f.stream(t)
			if *update {
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

type fixture struct{ archive *txtar.Archive }

func (f *fixture) file(name string) (string, bool) {
	for _, file := range f.archive.Files {
		if file.Name == name {
			return string(file.Data), true
		}
	}
	return "", false
}

// check compares what came out with what the fixture says; "" is nothing, and no file.
func (f *fixture) check(t *testing.T, name, got string) {
	t.Helper()
	want, _ := f.file(name)
	if *update {
		f.put(name, got)
		return
	}
	if got != want {
		t.Errorf("%s is\n%swant\n%s", name, got, want)
	}
}

func (f *fixture) put(name, text string) {
	for i := range f.archive.Files {
		if f.archive.Files[i].Name == name {
			f.archive.Files[i].Data = []byte(text)
			if text == "" {
				f.archive.Files = slices.Delete(f.archive.Files, i, i+1)
			}
			return
		}
	}
	if text != "" {
		f.archive.Files = append(f.archive.Files, txtar.File{Name: name, Data: []byte(text)})
	}
}

func (f *fixture) request(t *testing.T) {
	body, ok := f.file("request")
	if !ok {
		return
	}
	q := dialect.Question{Body: []byte(body), Model: gjson.Get(body, "model").String()}
	got, err := New().Request(q)
	var unsupported *dialect.UnsupportedError
	words := ""
	if errors.As(err, &unsupported) {
		words = unsupported.Error() + "\n"
	} else if err != nil {
		t.Errorf("request: %v", err)
	}
	f.check(t, "provider request", pretty(t, got.Body))
	f.check(t, "dropped", lines(got.Dropped))
	f.check(t, "unsupported", words)
}

func (f *fixture) reply(t *testing.T) {
	body, ok := f.file("provider reply")
	if !ok {
		return
	}
	got, err := New().Reply([]byte(body))
	f.check(t, "reply", pretty(t, got))
	f.check(t, "error", said(err))
}

func (f *fixture) stream(t *testing.T) {
	events, ok := f.file("provider stream")
	if !ok {
		return
	}
	s := New().Stream()
	var out []byte
	var err error
	for line := range strings.Lines(events) {
		if out, err = s.Event(out, nil, []byte(line)); err != nil {
			break
		}
	}
	if err == nil {
		out = s.End(out)
	}
	f.check(t, "stream", unframe(t, out))
	f.check(t, "stream error", said(err))
}

// said is an error with all that it says.
func said(err error) string {
	var reported *dialect.ReportedError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &reported):
		f := reported.Failure
		return strings.TrimSpace(string(f.Class)+" "+f.Code+" "+f.Message) + "\n"
	}
	return err.Error() + "\n"
}

func lines(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return strings.Join(list, "\n") + "\n"
}

func pretty(t *testing.T, b []byte) string {
	t.Helper()
	if b == nil {
		return ""
	}
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", "  "); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return out.String() + "\n"
}

// unframe returns the data of the hub's events, one on a line.
func unframe(t *testing.T, stream []byte) string {
	t.Helper()
	var out strings.Builder
	for event := range strings.SplitSeq(string(stream), "\n\n") {
		if event == "" {
			continue
		}
		data, ok := strings.CutPrefix(event, "data: ")
		if !ok || strings.Contains(data, "\n") || data != "[DONE]" && !json.Valid([]byte(data)) {
			t.Fatalf("%q is no event", event)
		}
		out.WriteString(data + "\n")
	}
	return out.String()
}
