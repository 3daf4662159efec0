package rules

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mulligan-gateway/mulligan/llm"
)

func TestFactsOfEveryEndpoint(t *testing.T) {
	for name, c := range map[string]struct {
		endpoint      llm.Endpoint
		body          string
		count         int64
		last          string
		images, files bool
		tools         bool
		limit         int64
		tokens        int
	}{
		"chat": {llm.Chat,
			`{"messages":[{"role":"system","content":"12345678"},{"role":"user","content":"1234"}],"max_tokens":7}`,
			2, "1234", false, false, false, 7, 3 + 8},
		"chat with parts": {llm.Chat,
			`{"messages":[{"role":"user","content":[{"type":"text","text":"abcd"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAAAAAAAAAAAAAA"}},{"text":"efgh","type":"text"}]}]}`,
			1, "abcd\nefgh", true, false, false, 0, 2 + 4},
		"chat with a file and audio": {llm.Chat,
			`{"messages":[{"role":"user","content":[{"type":"file","file":{"file_data":"data:AAAAAAAA","filename":"a.pdf"}},{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}]}]}`,
			1, "", false, true, false, 0, 0 + 4},
		"chat with tools": {llm.Chat,
			`{"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"call_123456789","type":"function","function":{"name":"look","arguments":"{\"a\":1}"}}]},{"role":"tool","tool_call_id":"call_123456789","content":"okay"}],"tools":[{"type":"function","function":{"name":"look"}}]}`,
			// 4+7+4 bytes of messages; in the tools two names of 4 and 8 bytes, "function", "name" and "look": 4+8+8+4+4.
			2, "okay", false, false, true, 0, 11 + 8},
		"chat that ends with a tool call": {llm.Chat,
			`{"messages":[{"role":"assistant","content":null,"tool_calls":[]}],"tools":[ ],"functions":[{"name":"f"}]}`,
			1, "", false, false, true, 0, 2 + 4},
		"chat without tools": {llm.Chat, `{"messages":[],"tools":[ ]}`, 0, "", false, false, false, 0, 0},
		"max_completion_tokens wins": {llm.Chat,
			`{"max_tokens":1,"max_completion_tokens":2}`, 0, "", false, false, false, 2, 0},
		"null limits": {llm.Chat,
			`{"max_tokens":5,"max_completion_tokens":null,"messages":null}`, 0, "", false, false, false, 5, 0},
		"responses with text": {llm.Responses,
			`{"input":"12345678","instructions":"1234","max_output_tokens":9}`, 1, "12345678", false, false, false, 9, 3 + 4},
		"responses with items": {llm.Responses,
			`{"input":[{"role":"user","content":[{"type":"input_text","text":"abcd"},{"type":"input_image","image_url":"data:AAAA"},{"type":"input_file","file_id":"file-1"}]},{"type":"reasoning","summary":[{"type":"summary_text","text":"hmm!"}],"encrypted_content":"AAAAAAAAAAAA"},{"type":"function_call_output","call_id":"call_1","output":"done"}],"tools":[{"type":"web_search"}]}`,
			3, "done", true, true, true, 0, 7 + 12},
		"completions":             {llm.Completions, `{"prompt":"12345678","suffix":"1234"}`, 1, "12345678", false, false, false, 0, 3},
		"completions of many":     {llm.Completions, `{"prompt":["1234","5678"]}`, 2, "5678", false, false, false, 0, 2},
		"completions of ids":      {llm.Completions, `{"prompt":[1,2,3]}`, 1, "", false, false, false, 0, 3},
		"completions of id lists": {llm.Completions, `{"prompt":[[1,2],[3]]}`, 2, "", false, false, false, 0, 3},
		"embeddings":              {llm.Embeddings, `{"input":["abcd","efgh","ijkl"]}`, 3, "ijkl", false, false, false, 0, 3},
		"moderations of parts": {llm.Moderations,
			`{"input":[{"type":"text","text":"abcd"},{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}`,
			1, "abcd", true, false, false, 0, 1},
		"moderations of texts": {llm.Moderations, `{"input":["abcd","efgh"]}`, 2, "efgh", false, false, false, 0, 2},
		"images":               {llm.Images, `{"prompt":"a cat in a hat","n":2}`, 1, "a cat in a hat", false, false, false, 0, 4},
		"speech":               {llm.Speech, `{"input":"hello","voice":"alloy","instructions":"slow"}`, 1, "hello", false, false, false, 0, 3},
		"rerank":               {llm.Rerank, `{"query":"abcd","documents":["efgh",{"text":"ijkl"}]}`, 1, "abcd", false, false, false, 0, 3},
		"an odd shape":         {llm.Chat, `{"messages":{"content":"abcd"}}`, 1, "abcd", false, false, false, 0, 1 + 4},
		"odder":                {llm.Chat, `{"messages":7,"tools":"x","max_tokens":"many"}`, 1, "", false, false, false, 0, 0 + 4 + 2},
	} {
		t.Run(name, func(t *testing.T) {
			f := sample{endpoint: c.endpoint, body: c.body}.facts(t)
			if got := int64(f.survey().count); got != c.count {
				t.Errorf("message_count %d, want %d", got, c.count)
			}
			if got := f.lastMessage(); got != c.last {
				t.Errorf("last_message %q, want %q", got, c.last)
			}
			if got := f.survey(); got.images != c.images || got.files != c.files {
				t.Errorf("has_images %v has_files %v, want %v %v", got.images, got.files, c.images, c.files)
			}
			if got := f.hasTools(); got != c.tools {
				t.Errorf("has_tools %v, want %v", got, c.tools)
			}
			if got := f.maxTokens(); got != c.limit {
				t.Errorf("max_tokens %d, want %d", got, c.limit)
			}
			if got := f.inputTokens(); got != c.tokens {
				t.Errorf("input_tokens %d, want %d", got, c.tokens)
			}
		})
	}
	for _, endpoint := range llm.Endpoints() {
		if shapes[endpoint].list == "" {
			t.Errorf("the messages of %s are not known", endpoint)
		}
	}
}

func TestTextIsMeasuredAsTheStringsSayNotAsTheyAreWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "text")
		plain, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var escaped strings.Builder
		escaped.WriteByte('"')
		for _, unit := range utf16Units(s) {
			escaped.WriteString(unit)
		}
		escaped.WriteByte('"')
		var want textSize
		want.add([]byte(s))
		for _, raw := range []string{string(plain), escaped.String()} {
			found := survey{}
			w := walker{b: []byte(raw), found: &found}
			w.value(countText)
			if found.tokens != want || w.at != len(raw) {
				t.Fatalf("%s measures %+v and ends at %d, want %+v and %d", raw, found.tokens, w.at, want, len(raw))
			}
		}
	})
}

// utf16Units writes every character as \uXXXX.
func utf16Units(s string) []string {
	var units []string
	for _, r := range s {
		const hex = "0123456789abcdef"
		write := func(u rune) {
			units = append(units, `\u`+string([]byte{hex[u>>12&15], hex[u>>8&15], hex[u>>4&15], hex[u&15]}))
		}
		if r >= 0x10000 {
			write(0xd800 + (r-0x10000)>>10)
			write(0xdc00 + (r-0x10000)&0x3ff)
			continue
		}
		write(r)
	}
	return units
}

func FuzzWalk(f *testing.F) {
	for _, seed := range []string{`[{"role":"user","content":"hi\n\u00e9"}]`, `{"type":"image_url"`, `[[[`, `"\\\"`, `{"a":1,"b":[2,{"c":"d"}]}`, `}{,:]`, ``, `[nul, -1e5,"x"]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		found := survey{}
		w := walker{b: raw, found: &found}
		w.value(countText)
		if w.at > len(raw)+1 {
			t.Fatalf("walked to %d of %d", w.at, len(raw))
		}
		if len(raw) > 0 {
			found.messages(raw, false)
		}
		if size := found.tokens; size.ascii < 0 || size.other < 0 || size.ascii+size.other > 2*len(raw) {
			t.Fatalf("found %+v in %d bytes", size, len(raw))
		}
	})
}
