package chat

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestOnlyAnAnswerOfTextIsGoneOnWith(t *testing.T) {
	const role, a, b = `{"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null}}]}`, `{"choices":[{"index":0,"delta":{"content":"a \"b\""}}]}`, `{"choices":[{"delta":{"content":"\n"}}],"usage":null}`
	for name, c := range map[string]struct {
		events []string
		want   string // "" when it cannot be gone on with
	}{
		"nothing":              {nil, ""},
		"a role":               {[]string{role}, ""},
		"text":                 {[]string{role, a, b, `{"choices":[],"usage":{}}`, `[DONE]`}, "a \"b\"\n"},
		"a second choice":      {[]string{a, `{"choices":[{"index":1,"delta":{"content":"x"}}]}`}, ""},
		"a tool call":          {[]string{a, `{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0}]}}]}`}, ""},
		"reasoning":            {[]string{`{"choices":[{"index":0,"delta":{"reasoning_content":"Hm"}}]}`, a}, ""},
		"content in parts":     {[]string{`{"choices":[{"index":0,"delta":{"content":[{"type":"text","text":"x"}]}}]}`, a}, ""},
		"more than is kept":    {[]string{`{"choices":[{"index":0,"delta":{"content":"` + strings.Repeat("x", maxSaid+1) + `"}}]}`, a}, ""},
		"what is of no answer": {[]string{`{"type":"ping"}`, a}, `a "b"`},
		"what cannot be read":  {[]string{`{"choices":[{`, a}, `a "b"`},
	} {
		var s Said
		for _, data := range c.events {
			s.Add([]byte(data))
		}
		if text, ok := s.Text(); ok != (c.want != "") || ok && string(text) != c.want {
			t.Errorf("%s: %.20q %t, want %q", name, text, ok, c.want)
		}
	}
}

func TestTheAnswerSoFarStandsBehindTheMessages(t *testing.T) {
	const said = "a \"b\"\n\xff"
	for body, want := range map[string]string{
		`{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true}`: `{"model":"m","messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"a \"b\"\n` + "\ufffd" + `"}],"stream":true}`,
		`{ "messages" : [ ] }`: `{ "messages" : [ {"role":"assistant","content":"a \"b\"\n` + "\ufffd" + `"}] }`,
	} {
		got, ok := ContinueRequest([]byte(body), []byte(said))
		if !ok || string(got) != want || !json.Valid(got) {
			t.Errorf("%s becomes %s", body, got)
		}
	}
	for _, body := range []string{`{}`, `{"messages":"hi"}`, `{"messages":null}`, `{"messages":[`, `[]`, ``} {
		if got, ok := ContinueRequest([]byte(body), []byte(said)); ok {
			t.Errorf("%s becomes %s", body, got)
		}
	}
}

func TestChunksOfTheOtherStreamGetTheFirstOnesID(t *testing.T) {
	got := ContinueEvents([]byte(": ping\n\nevent: x\r\ndata: {\"id\":\"b\",\"n\":1}\r\n\r\ndata:{\"id\":\"b\"}\n\ndata: {}\n\ndata: [DONE]\n\n"), "a")
	const want = ": ping\n\nevent: x\r\ndata: {\"id\":\"a\",\"n\":1}\n\r\ndata: {\"id\":\"a\"}\n\ndata: {\"id\":\"a\"}\n\ndata: [DONE]\n\n"
	if string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
