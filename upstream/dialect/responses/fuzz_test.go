package responses

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
	paths, err := filepath.Glob(filepath.Join("testdata", "door", "*.txtar"))
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

func FuzzQuestion(f *testing.F) {
	for _, seed := range seeds(f, "request") {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		got, err := NewFrontDoor().Question(body)
		check(t, body, got.Body, err)
		if !bytes.Equal(before, body) {
			t.Error("the request has been changed")
		}
	})
}

func FuzzAnswer(f *testing.F) {
	for _, seed := range seeds(f, "hub reply") {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := NewFrontDoor().Answer(body)
		check(t, body, got, err)
	})
}

// FuzzEvents gives three events that are made up: what is remembered of one must not harm the next.
func FuzzEvents(f *testing.F) {
	for _, stream := range seeds(f, "hub reply") {
		events := dialecttest.Events(stream)
		for i := range events {
			f.Add(string(events[i].Name), events[i].Data, events[(i+1)%len(events)].Data, events[(i+2)%len(events)].Data)
		}
	}
	f.Fuzz(func(t *testing.T, name string, first, second, third []byte) {
		s := NewFrontDoor().Events()
		valid := json.Valid(first) && json.Valid(second) && json.Valid(third)
		look := func(got []byte) {
			for _, e := range dialecttest.Events(got) {
				if valid && !json.Valid(e.Data) {
					t.Errorf("%s\n%s\n%s\nbecome %s", first, second, third, got)
				}
			}
		}
		for _, data := range [][]byte{first, second, third} {
			got, err := s.Event(nil, []byte(name), data)
			if err != nil && !known(err) {
				t.Errorf("%s: %v", data, err)
			}
			look(got)
		}
		look(s.End(nil))
	})
}

// FuzzFreeform reads arguments in two pieces: the input must be a JSON string in any case, and
// the one that the arguments hold where they are JSON.
func FuzzFreeform(f *testing.F) {
	f.Add(`{"custom_tool_input":"*** Begin\n\"\ud83d\ude00"}`, 30)
	f.Add(`{ "custom_tool_input" : "a\`, 3)
	f.Add("{\"custom_tool_input\":\"a\n\\q\\u12\"", 25)
	f.Fuzz(func(t *testing.T, arguments string, cut int) {
		quoted := llm.AppendString(nil, arguments)
		inner := string(quoted[1 : len(quoted)-1])
		cut = max(0, min(cut, len(inner)))
		for range 6 { // escapes are not cut by the pieces of a stream
			if !json.Valid([]byte(`"` + inner[:cut] + `"`)) {
				cut = max(0, cut-1)
			}
		}
		var r freeform
		var b []byte
		for _, piece := range []string{inner[:cut], inner[cut:]} {
			if r.add(piece); r.verdict == isCustom {
				b = r.take(b, false)
			}
		}
		if r.verdict != isCustom {
			return
		}
		b = append(append([]byte{'"'}, r.take(b, true)...), '"')
		var got string
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%q becomes %s", arguments, b)
		}
		var want map[string]string
		if json.Unmarshal([]byte(arguments), &want) == nil && len(want) == 1 && want[freeformInput] != got {
			t.Errorf("%q becomes %q", arguments, got)
		}
	})
}
