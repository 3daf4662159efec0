package messages

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

// seeds returns the sections of that name of all the fixtures.
func seeds(f *testing.F, dir, section string) (all [][]byte) {
	f.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", dir, "*.txtar"))
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if file.Name == section {
				all = append(all, bytes.TrimSpace(file.Data))
			}
		}
	}
	return all
}

// known says whether an error is of a kind that callers know.
func known(err error) bool {
	var refused *dialect.UnsupportedError
	var reported *dialect.ReportedError
	var broken *llm.Error
	return errors.Is(err, dialect.ErrMalformed) || errors.As(err, &refused) || errors.As(err, &reported) || errors.As(err, &broken)
}

// check checks that JSON becomes JSON. Strings whose escapes mean nothing pass, as the gateway
// passes them elsewhere.
func check(t *testing.T, in, out []byte, err error) {
	t.Helper()
	switch {
	case err != nil && !known(err):
		t.Errorf("%s: %v", in, err)
	case err == nil && json.Valid(in) && !json.Valid(out):
		t.Errorf("%s becomes %s", in, out)
	}
}

func FuzzRequest(f *testing.F) {
	for i, seed := range seeds(f, "provider", "request") {
		f.Add(seed, []string{"claude-opus-4-6", "claude-sonnet-4-5", "claude-opus-5-5", "m"}[i%4], int64(i))
	}
	f.Fuzz(func(t *testing.T, body []byte, model string, limit int64) {
		if _, err := llm.ParseJSON(body); err != nil {
			return // the request has been checked
		}
		before := bytes.Clone(body)
		got, err := New().Request(dialect.Question{Body: body, Model: model, MaxOutput: limit})
		check(t, body, got.Body, err)
		if !bytes.Equal(before, body) {
			t.Error("the request has been changed")
		}
	})
}

func FuzzReply(f *testing.F) {
	for _, seed := range seeds(f, "provider", "provider reply") {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := New().Reply(body)
		check(t, body, got, err)
	})
}

func FuzzQuestion(f *testing.F) {
	for _, seed := range seeds(f, "door", "request") {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := NewFrontDoor().Question(body)
		check(t, body, got.Body, err)
	})
}

func FuzzAnswer(f *testing.F) {
	for _, seed := range seeds(f, "door", "hub reply") {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := NewFrontDoor().Answer(body)
		check(t, body, got, err)
	})
}

func FuzzStream(f *testing.F) { fuzzStream(f, seeds(f, "provider", "provider reply"), New().Stream) }

func FuzzEvents(f *testing.F) { fuzzStream(f, seeds(f, "door", "hub reply"), NewFrontDoor().Events) }

// fuzzStream gives three events that are made up: what is remembered of one must not harm the next.
func fuzzStream(f *testing.F, streams [][]byte, open func() dialect.Stream) {
	for _, stream := range streams {
		events := dialecttest.Events(stream)
		for i := range events {
			f.Add(string(events[i].Name), events[i].Data, events[(i+1)%len(events)].Data, events[(i+2)%len(events)].Data)
		}
	}
	f.Fuzz(func(t *testing.T, name string, first, second, third []byte) {
		s := open()
		for _, data := range [][]byte{first, second, third} {
			got, err := s.Event(nil, []byte(name), data)
			if err != nil && !known(err) {
				t.Errorf("%s: %v", data, err)
			}
			for _, e := range dialecttest.Events(got) {
				if json.Valid(first) && json.Valid(second) && json.Valid(third) && string(e.Data) != "[DONE]" && !json.Valid(e.Data) {
					t.Errorf("%s becomes %s", data, got)
				}
			}
		}
		s.End(nil)
	})
}
