package dialecttest

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

	"golang.org/x/tools/txtar"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

var update = flag.Bool("update", false, "write what comes out of a translation into its fixtures, to be read before it is kept")

// fixture is a story in a txtar file. What goes in is in some of its sections, and what comes
// out, and nothing else, has to be in the others.
type fixture struct {
	t        *testing.T
	path     string
	archive  *txtar.Archive
	settings map[string]string // of the section settings, such as model=m max=7 stream
	changed  bool
}

// eachFixture runs the fixtures of a folder, each as a test of its own.
func eachFixture(t *testing.T, dir string, run func(f *fixture)) {
	t.Helper()
	for _, path := range fixturePaths(t, dir) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			f := loadFixture(t, path)
			run(f)
			if f.changed {
				if err := os.WriteFile(path, txtar.Format(f.archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func fixturePaths(tb testing.TB, dir string) []string {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(paths) == 0 {
		tb.Fatalf("no fixtures in %s: %v", dir, err)
	}
	return paths
}

func loadFixture(t *testing.T, path string) *fixture {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, path: path, archive: archive, settings: make(map[string]string)}
	settings, _ := f.get("settings")
	for word := range strings.FieldsSeq(string(settings)) {
		name, value, _ := strings.Cut(word, "=")
		f.settings[name] = value
	}
	return f
}

// sections returns the sections of that name of all the fixtures of a folder.
func sections(tb testing.TB, dir, name string) (all [][]byte) {
	tb.Helper()
	for _, path := range fixturePaths(tb, dir) {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		for _, file := range archive.Files {
			if file.Name == name {
				all = append(all, bytes.TrimSpace(file.Data))
			}
		}
	}
	return all
}

func (f *fixture) at(name string) int {
	return slices.IndexFunc(f.archive.Files, func(file txtar.File) bool { return file.Name == name })
}

func (f *fixture) get(name string) ([]byte, bool) {
	i := f.at(name)
	if i < 0 {
		return nil, false
	}
	return bytes.TrimSpace(f.archive.Files[i].Data), true
}

// check compares what came out with what the fixture says, JSON without its white space, but
// byte by byte. What is empty is nothing, and has no section.
func (f *fixture) check(name string, got []byte) {
	f.t.Helper()
	got = bytes.TrimSpace(got)
	want, there := f.get(name)
	switch {
	case bytes.Equal(compact(want), compact(got)):
	case !*update:
		f.t.Errorf("%s of %s:\n%s\nwant\n%s", name, f.path, got, want)
	case len(got) == 0:
		f.archive.Files = slices.Delete(f.archive.Files, f.at(name), f.at(name)+1)
		f.changed = true
	default:
		file := txtar.File{Name: name, Data: append(indented(got), '\n')}
		if there {
			f.archive.Files[f.at(name)] = file
		} else {
			f.archive.Files = append(f.archive.Files, file)
		}
		f.changed = true
	}
}

// compact takes the white space out of JSON, and leaves what is none.
func compact(b []byte) []byte {
	var out bytes.Buffer
	if json.Compact(&out, b) == nil {
		return out.Bytes()
	}
	return b
}

func indented(b []byte) []byte {
	var out bytes.Buffer
	if json.Indent(&out, b, "", "  ") == nil {
		return out.Bytes()
	}
	return b
}

// asked checks what a request has become: the section to, dropped (the hints that are left out,
// one a line) and unsupported (the refusal).
func (f *fixture) asked(to string, got dialect.Translated, err error) {
	f.t.Helper()
	if err == nil && !json.Valid(got.Body) {
		f.t.Errorf("%s: no JSON: %s", f.path, got.Body)
	}
	f.check(to, got.Body)
	f.check("dropped", []byte(strings.Join(got.Dropped, "\n")))
	f.check("unsupported", []byte(refusal(f.t, err)))
}

// refusal is how a request was refused, "" if it was not.
func refusal(t T, err error) string {
	t.Helper()
	var refused *dialect.UnsupportedError
	var damaged *llm.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refused) && refused.Why != "":
		return refused.Error()
	case errors.As(err, &damaged) && damaged.Status == 400:
		return damaged.Param + ": " + damaged.Message
	}
	t.Errorf("neither unsupported nor the client's fault: %v", err)
	return err.Error()
}

// failed is an error of a reply with all that it says, "" for none: the class, the code and the
// words of one that a vendor reports.
func failed(t T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	checkError(t, err)
	var reported *dialect.ReportedError
	if errors.As(err, &reported) {
		e := reported.Failure
		return strings.Join(strings.Fields(string(e.Class)+" "+e.Code+" "+e.Message), " ")
	}
	return err.Error()
}
