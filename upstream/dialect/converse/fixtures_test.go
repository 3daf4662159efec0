package converse

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	"golang.org/x/tools/txtar"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

// update writes what the translations give into the fixtures, to be read before it is kept.
var update = flag.Bool("update", false, "write the fixtures' results")

// fixed is a translator whose replies are all made at one time.
var fixed = translator{
	model: "m", now: func() time.Time { return time.Unix(1700000000, 0) }, newID: func() string { return "chatcmpl-1" },
}

// A fixture tells one story in sections:
//
//	settings           model=… max=…, in one line; the default model is anthropic.claude-opus-4-6-v1
//	request            what the hub asks
//	provider request   what the provider gets
//	dropped            the hints that are left out, one a line
//	unsupported        the refusal, instead of a provider request
//	provider reply     what the provider answers: JSON, or events with their types
//	reply              what the hub gets
//	error              the error, instead of a reply
//
// Sections that are not there are not checked.
type fixture struct {
	t        *testing.T
	path     string
	archive  *txtar.Archive
	settings map[string]string
}

func fixtures(t *testing.T, run func(f *fixture)) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			f := &fixture{t: t, path: path, archive: archive, settings: make(map[string]string)}
			if settings, ok := f.get("settings"); ok {
				for word := range strings.FieldsSeq(string(settings)) {
					name, value, _ := strings.Cut(word, "=")
					f.settings[name] = value
				}
			}
			run(f)
			if *update {
				if err := os.WriteFile(path, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func (f *fixture) find(name string) *txtar.File {
	for i := range f.archive.Files {
		if f.archive.Files[i].Name == name {
			return &f.archive.Files[i]
		}
	}
	return nil
}

func (f *fixture) get(name string) ([]byte, bool) {
	file := f.find(name)
	if file == nil {
		return nil, false
	}
	return bytes.TrimSpace(file.Data), true
}

// want compares a section with what has come: JSON without its white space, but byte by byte.
func (f *fixture) want(name string, got []byte) {
	f.t.Helper()
	file := f.find(name)
	if file == nil {
		return
	}
	isJSON := json.Valid(got)
	if *update {
		var b bytes.Buffer
		if isJSON {
			if err := json.Indent(&b, got, "", "  "); err != nil {
				f.t.Fatal(err)
			}
		} else {
			b.Write(bytes.TrimSpace(got))
		}
		file.Data = append(b.Bytes(), '\n')
		return
	}
	if want := compact(file.Data); want != compact(got) {
		f.t.Errorf("%s of %s:\n%s\nwant\n%s", name, f.path, compact(got), want)
	}
}

// compact takes the white space out of JSON, and off the ends of what is none.
func compact(b []byte) string {
	var out bytes.Buffer
	if json.Compact(&out, b) == nil {
		return out.String()
	}
	return strings.TrimSpace(string(b))
}

// translated checks the sections of a request.
func (f *fixture) translated(got dialect.Translated, err error) {
	f.t.Helper()
	var refused *dialect.UnsupportedError
	switch _, refusal := f.get("unsupported"); {
	case errors.As(err, &refused) && refusal:
		f.want("unsupported", []byte(refused.Error()))
	case err != nil || refusal:
		f.t.Errorf("%s: got %s and the error %v", f.path, got.Body, err)
	default:
		f.want("provider request", got.Body)
		f.want("dropped", []byte(strings.Join(got.Dropped, "\n")))
		if _, ok := f.get("dropped"); !ok && len(got.Dropped) > 0 {
			f.t.Errorf("%s: dropped %q", f.path, got.Dropped)
		}
		if !json.Valid(got.Body) {
			f.t.Errorf("%s: no JSON: %s", f.path, got.Body)
		}
	}
}

// replied checks the sections of a reply.
func (f *fixture) replied() {
	f.t.Helper()
	body, ok := f.get("provider reply")
	if !ok {
		return
	}
	var got []byte
	var err error
	if body[0] == '{' {
		got, err = fixed.Reply(body)
	} else {
		got, err = feed(fixed.Stream(), dialecttest.Events(body))
	}
	if err != nil {
		if f.find("error") == nil {
			f.t.Errorf("%s: %v", f.path, err)
		}
		f.want("error", []byte(err.Error()))
	}
	f.want("reply", got)
}

// feed gives a stream's events to what translates them.
func feed(s dialect.Stream, events []dialect.Event) (got []byte, err error) {
	for _, e := range events {
		if got, err = s.Event(got, e.Name, e.Data); err != nil {
			return got, err
		}
	}
	return s.End(got), nil
}

func TestFixtures(t *testing.T) {
	fixtures(t, func(f *fixture) {
		if body, ok := f.get("request"); ok {
			q := dialect.Question{Body: body, Model: f.settings["model"], MaxOutput: gjson.Parse(f.settings["max"]).Int()}
			if q.Model == "" {
				q.Model = "anthropic.claude-opus-4-6-v1"
			}
			f.translated(fixed.Request(q))
		}
		f.replied()
	})
}
