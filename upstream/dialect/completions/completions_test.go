package completions

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

func TestAPromptBecomesAMessage(t *testing.T) {
	for body, want := range map[string]string{
		`{"model":"m","prompt":"Say \"hi\"","max_tokens":7,"stop":["\n"],"n":2,"user":"u","mine":{"a":1}}`: `{"model":"m","messages":[{"role":"user","content":"Say \"hi\""}],"max_tokens":7,"stop":["\n"],"n":2,"user":"u","mine":{"a":1}}`,
		`{"prompt":["only"],"stream":true,"stream_options":{"include_usage":true}}`:                        `{"messages":[{"role":"user","content":"only"}],"stream":true,"stream_options":{"include_usage":true}}`,
		`{"prompt":"p","echo":false,"suffix":"","best_of":1,"logprobs":null,"temperature":null}`:           `{"messages":[{"role":"user","content":"p"}]}`,
		`{"echo":null,"suffix":null,"prompt":""}`:                                                          `{"messages":[{"role":"user","content":""}]}`,
	} {
		got, err := NewFrontDoor().Question([]byte(body))
		if err != nil || string(got.Body) != want || len(got.Dropped) > 0 {
			t.Errorf("%s: %s %v %v", body, got.Body, got.Dropped, err)
		}
	}
}

func TestWhatChatCannotSayIsRefusedByName(t *testing.T) {
	for body, field := range map[string]string{
		`{"prompt":"p","echo":true}`:    "echo",
		`{"prompt":"p","suffix":"end"}`: "suffix",
		`{"prompt":"p","best_of":3}`:    "best_of",
		`{"prompt":"p","logprobs":0}`:   "logprobs",
		`{"logprobs":5,"prompt":"p"}`:   "logprobs",
		`{"prompt":["a","b"]}`:          "prompt",
		`{"prompt":[1,2]}`:              "prompt",
		`{"prompt":[[1,2]]}`:            "prompt",
		`{"prompt":[]}`:                 "prompt",
		`{"prompt":{"text":"a"}}`:       "prompt",
	} {
		_, err := NewFrontDoor().Question([]byte(body))
		var u *dialect.UnsupportedError
		if !errors.As(err, &u) || u.Field != field || u.Why == "" {
			t.Errorf("%s: %v", body, err)
		}
	}
	for _, body := range []string{`{}`, `{"prompt":null}`, `[`} {
		var e *llm.Error
		if _, err := NewFrontDoor().Question([]byte(body)); !errors.As(err, &e) || e.Status != 400 {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestAnAnswerBecomesACompletion(t *testing.T) {
	for body, want := range map[string]string{
		`{"id":"chatcmpl-1","object":"chat.completion","created":7,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hel\"lo","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3},"system_fingerprint":"fp"}`: `{"id":"chatcmpl-1","created":7,"model":"m","system_fingerprint":"fp","object":"text_completion","choices":[{"text":"Hel\"lo","index":0,"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}`,
		`{"choices":[{"message":{"content":null,"refusal":"No."},"finish_reason":"content_filter"},{"index":1,"message":{"content":[{"type":"text","text":"a"},{"text":"b"}]},"finish_reason":null}]}`:                                                                                                         `{"object":"text_completion","choices":[{"text":"No.","index":0,"logprobs":null,"finish_reason":"content_filter"},{"text":"ab","index":1,"logprobs":null,"finish_reason":null}]}`,
	} {
		got, err := NewFrontDoor().Answer([]byte(body))
		if err != nil || string(got) != want {
			t.Errorf("%s: %s %v", body, got, err)
		}
	}
	for _, body := range []string{"", "[]", "{}", `{"choices":[]}`, `{"choices":[{"text":"a"}]}`} {
		if got, err := NewFrontDoor().Answer([]byte(body)); !errors.Is(err, dialect.ErrMalformed) {
			t.Errorf("%s: %s %v", body, got, err)
		}
	}
	var reported *dialect.ReportedError
	if _, err := NewFrontDoor().Answer([]byte(`{"error":{"message":"no"}}`)); !errors.As(err, &reported) {
		t.Errorf("an error: %v", err)
	}
}

func TestAStreamBecomesOneOfCompletions(t *testing.T) {
	s := NewFrontDoor().Events()
	var got []byte
	var err error
	for _, data := range []string{
		`{"id":"1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}`,
		"{\"id\":\"1\",\"choices\":\n[{\"index\":0,\"delta\":{\"content\":\"Hel\\n\"},\"finish_reason\":null}]}",
		`{"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"length"}]}`,
		`{"id":"1","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}`,
		`[DONE]`,
	} {
		if got, err = s.Event(got, nil, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	got = s.End(got)
	want := `data: {"id":"1","object":"text_completion","choices":[{"text":"Hel\n","index":0,"logprobs":null,"finish_reason":null}]}

data: {"id":"1","object":"text_completion","choices":[{"text":"","index":0,"logprobs":null,"finish_reason":"length"}]}

data: {"id":"1","object":"text_completion","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}

data: [DONE]

`
	if string(got) != want {
		t.Errorf("got %s", got)
	}
	for name, data := range map[string]string{"error": `{"message":"no"}`, "": `{"error":{"message":"no"}}`} {
		var reported *dialect.ReportedError
		if _, err := NewFrontDoor().Events().Event(nil, []byte(name), []byte(data)); !errors.As(err, &reported) {
			t.Errorf("%s: %v", data, err)
		}
	}
	if _, err := NewFrontDoor().Events().Event(nil, nil, []byte("{")); !errors.Is(err, dialect.ErrMalformed) {
		t.Errorf("damage: %v", err)
	}
}

func FuzzQuestion(f *testing.F) {
	f.Add([]byte(`{"model":"m","prompt":["p"],"echo":false,"logprobs":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := NewFrontDoor().Question(body)
		if err == nil && json.Valid(body) && !json.Valid(got.Body) {
			t.Errorf("%s becomes %s", body, got.Body)
		}
	})
}

func FuzzEvents(f *testing.F) {
	f.Add([]byte(`{"id":"1","choices":[{"index":0,"delta":{"content":"a"}}]}`), []byte(`{"choices":[],"usage":{}}`))
	f.Add([]byte(`[DONE]`), []byte(`{"choices":[{"message":{"content":"a"}}]}`))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		before := bytes.Clone(first)
		s := NewFrontDoor().Events()
		out := []byte("kept")
		for _, data := range [][]byte{first, second} {
			var err error
			out, err = s.Event(out, nil, data)
			check(t, err)
		}
		events, ok := strings.CutPrefix(string(s.End(out)), "kept")
		if !ok {
			t.Fatalf("%q does not begin with what was there", out)
		}
		for event := range strings.SplitSeq(strings.TrimSuffix(events, "\n\n"), "\n\n") {
			data, ok := strings.CutPrefix(event, "data: ")
			if !ok || strings.ContainsAny(data, "\r\n") || json.Valid(first) && json.Valid(second) && data != "[DONE]" && !json.Valid([]byte(data)) {
				t.Errorf("%q is no event", event)
			}
		}
		if _, err := NewFrontDoor().Answer(first); !bytes.Equal(before, first) {
			t.Error("the reply has been changed")
		} else {
			check(t, err)
		}
	})
}

func check(t *testing.T, err error) {
	t.Helper()
	var reported *dialect.ReportedError
	if err != nil && !errors.Is(err, dialect.ErrMalformed) && !errors.As(err, &reported) {
		t.Errorf("neither malformed nor reported: %v", err)
	}
}

func BenchmarkEvent(b *testing.B) {
	s := NewFrontDoor().Events()
	data := []byte(`{"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}],"usage":null}`)
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if out, err = s.Event(out[:0], nil, data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkQuestion(b *testing.B) {
	body := []byte(`{"model":"m","prompt":"Say hello to everybody in the room","max_tokens":7,"stop":["\n"],"temperature":0.2}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewFrontDoor().Question(body); err != nil {
			b.Fatal(err)
		}
	}
}
