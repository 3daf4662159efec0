package gemini

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

func question(body []byte) dialect.Question {
	return dialect.Question{Body: body, Model: "gemini-2.5-flash"}
}

// seed adds the files of that name in the fixtures.
func seed(f *testing.F, name string, add func(data []byte)) {
	f.Helper()
	fixtures, _ := filepath.Glob("testdata/*.txtar")
	for _, path := range fixtures {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if file.Name == name {
				add(bytes.TrimSpace(file.Data))
			}
		}
	}
}

func FuzzRequest(f *testing.F) {
	seed(f, "request", func(data []byte) {
		for _, model := range []string{"gemini-2.5-pro", "gemini-3-pro-preview", "gemini-flash-latest", "gemma"} {
			f.Add(data, model)
		}
	})
	f.Add([]byte(`{"messages":[{"role":"user","content":"\0"}]}`), "gemini-2.5-pro")
	f.Fuzz(func(t *testing.T, body []byte, model string) {
		if _, err := llm.ParseJSON(body); err != nil {
			t.Skip("not a request")
		}
		before := bytes.Clone(body)
		got, err := New().Request(dialect.Question{Body: body, Model: model})
		var u *dialect.UnsupportedError
		if err != nil && (!errors.As(err, &u) || u.Field == "" || u.Why == "") {
			t.Errorf("neither a request nor unsupported: %v", err)
		}
		if err == nil {
			checkJSON(t, json.Valid(body), got.Body)
		}
		if !bytes.Equal(before, body) {
			t.Error("the request has been changed")
		}
	})
}

func FuzzReply(f *testing.F) {
	seed(f, "provider reply", func(data []byte) { f.Add(data) })
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		got, err := New().Reply(body)
		checkError(t, err)
		if err == nil {
			checkJSON(t, json.Valid(body), got)
		}
		if !bytes.Equal(before, body) {
			t.Error("the reply has been changed")
		}
	})
}

func FuzzEvent(f *testing.F) {
	seed(f, "provider stream", func(data []byte) {
		lines := append(bytes.Split(data, []byte("\n")), nil, nil)
		for i := range len(lines) - 2 {
			f.Add("", lines[i], lines[i+1], lines[i+2])
		}
	})
	f.Add("error", []byte(`{}`), []byte(`no JSON`), []byte(`{"message":"It broke."}`))
	f.Fuzz(func(t *testing.T, name string, first, second, third []byte) {
		s := New().Stream()
		out := []byte("kept")
		for _, data := range [][]byte{first, second, third} {
			before := bytes.Clone(data)
			var err error
			out, err = s.Event(out, []byte(name), data)
			checkError(t, err)
			if !bytes.Equal(before, data) {
				t.Error("the event has been changed")
			}
		}
		out = s.End(out)
		events, ok := bytes.CutPrefix(out, []byte("kept"))
		if !ok {
			t.Fatalf("%q does not begin with what was there", out)
		}
		for event := range bytes.SplitSeq(events, []byte("\n\n")) {
			data, ok := bytes.CutPrefix(event, []byte("data: "))
			if len(event) == 0 || string(data) == "[DONE]" {
				continue
			}
			if !ok || bytes.ContainsAny(data, "\r\n") {
				t.Fatalf("%q is no event", event)
			}
			checkJSON(t, json.Valid(first) && json.Valid(second) && json.Valid(third), data)
		}
		if again := s.End(nil); len(again) > 0 && bytes.Contains(events, []byte("[DONE]")) {
			t.Errorf("the stream ends twice: %q", again)
		}
	})
}

// checkJSON checks that what came out is JSON, as good as what came in: texts are copied with
// their escapes, which nobody has checked before.
func checkJSON(t *testing.T, valid bool, got []byte) {
	t.Helper()
	var d llm.Document
	if err := llm.ParseReplyInto(&d, got); err != nil || valid && !json.Valid(got) {
		t.Errorf("it becomes %q: %v", got, err)
	}
}

func checkError(t *testing.T, err error) {
	t.Helper()
	var reported *dialect.ReportedError
	switch {
	case err == nil, errors.Is(err, dialect.ErrMalformed):
	case errors.As(err, &reported) && reported.Failure.Message != "":
	default:
		t.Errorf("neither malformed nor reported: %v", err)
	}
}
