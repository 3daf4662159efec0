package responses

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

// update writes what the translations give into the fixtures, to be read before it is kept.
var update = flag.Bool("update", false, "write the fixtures' results")

// A fixture in testdata/door tells one story in sections:
//
//	request      what the client asks
//	hub request  what the hub asks
//	dropped      the hints that are left out, one a line
//	unsupported  the refusal, instead of a hub request
//	hub reply    what the hub gets: JSON, or events
//	reply        what the client gets
//	error        the error, instead of a reply
//
// Sections that are not there are not checked.
type fixture struct {
	t       *testing.T
	path    string
	archive *txtar.Archive
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
	if *update {
		var b bytes.Buffer
		if json.Indent(&b, got, "", "  ") != nil {
			b.Reset()
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

// asked checks the sections of a request.
func (f *fixture) asked(body []byte) {
	f.t.Helper()
	got, err := NewFrontDoor().Question(body)
	var refused *dialect.UnsupportedError
	var broken *llm.Error
	switch _, refusal := f.get("unsupported"); {
	case err != nil && !refusal:
		f.t.Errorf("%s: %v", f.path, err)
	case errors.As(err, &refused):
		f.want("unsupported", []byte(refused.Error()))
	case errors.As(err, &broken):
		f.want("unsupported", []byte(broken.Param+": "+broken.Message))
	case refusal:
		f.t.Errorf("%s: got %s", f.path, got.Body)
	default:
		f.want("hub request", got.Body)
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
func (f *fixture) replied(body []byte) {
	f.t.Helper()
	door := NewFrontDoor()
	var got []byte
	var err error
	if body[0] == '{' {
		got, err = door.Answer(body)
	} else {
		got, err = feed(door.Events(), body)
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
func feed(s dialect.Stream, body []byte) (got []byte, err error) {
	for _, e := range dialecttest.Events(body) {
		if got, err = s.Event(got, e.Name, e.Data); err != nil {
			return got, err
		}
	}
	return s.End(got), nil
}

func TestFixturesOfTheClientSide(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("testdata", "door", "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			f := &fixture{t: t, path: path, archive: archive}
			if body, ok := f.get("request"); ok {
				f.asked(body)
			}
			if body, ok := f.get("hub reply"); ok {
				f.replied(body)
			}
			if *update {
				if err := os.WriteFile(path, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
