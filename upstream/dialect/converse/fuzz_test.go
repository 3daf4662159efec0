package converse

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
func seeds(f *testing.F, section string) (all [][]byte) {
	f.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
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
	return errors.Is(err, dialect.ErrMalformed) || errors.As(err, &refused) || errors.As(err, &reported) && reported.Failure.Message != ""
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
	models := []string{"anthropic.claude-opus-4-6-v1", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "amazon.nova-2-lite-v1:0", "mistral.mistral-large-2407-v1:0", "meta.llama3", "p"}
	for i, seed := range seeds(f, "request") {
		f.Add(seed, models[i%len(models)], int64(i))
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
	for _, seed := range seeds(f, "provider reply") {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := New().Reply(body)
		check(t, body, got, err)
	})
}

// FuzzEvent gives three events that are made up: what is remembered of one must not harm the next.
func FuzzEvent(f *testing.F) {
	for _, stream := range seeds(f, "provider reply") {
		events := dialecttest.Events(stream)
		for i := range events {
			next, last := events[(i+1)%len(events)], events[(i+2)%len(events)]
			f.Add(string(events[i].Name), events[i].Data, string(next.Name), next.Data, string(last.Name), last.Data)
		}
	}
	f.Fuzz(func(t *testing.T, name1 string, data1 []byte, name2 string, data2 []byte, name3 string, data3 []byte) {
		s := New().Stream()
		sound := json.Valid(data1) && json.Valid(data2) && json.Valid(data3)
		var all []byte
		for _, e := range []dialect.Event{{Name: []byte(name1), Data: data1}, {Name: []byte(name2), Data: data2}, {Name: []byte(name3), Data: data3}} {
			got, err := s.Event(nil, e.Name, e.Data)
			if err != nil && !known(err) {
				t.Errorf("%s: %v", e.Data, err)
			}
			all = append(all, got...)
		}
		for _, e := range dialecttest.Events(s.End(all)) {
			if sound && string(e.Data) != "[DONE]" && !json.Valid(e.Data) {
				t.Errorf("%s, %s, %s become %s", data1, data2, data3, e.Data)
			}
		}
	})
}
