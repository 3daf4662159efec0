package fakellm_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/llm"
)

func TestEveryEndpointAnswers(t *testing.T) {
	for endpoint, c := range map[llm.Endpoint]struct{ body, path, want string }{
		llm.Chat:           {chatBody, "choices.0.message.content", "Hello there"},
		llm.Completions:    {`{"model":"m","prompt":"Hi"}`, "choices.0.text", "Hello there"},
		llm.Embeddings:     {`{"model":"m","input":["a","b"]}`, "data.1.embedding.0", "1.5"},
		llm.Responses:      {`{"model":"m","input":"Hi"}`, "output.0.content.0.text", "Hello there"},
		llm.Moderations:    {`{"model":"m","input":"violence"}`, "results.0.flagged", "true"},
		llm.Images:         {`{"model":"m","prompt":"a cat","n":2}`, "data.1.revised_prompt", "a cat"},
		llm.Transcriptions: {`{"model":"m"}`, "text", "Hello there"},
		llm.Translations:   {`{"model":"m"}`, "text", "Hello there"},
		llm.Rerank:         {`{"model":"m","query":"q","documents":["a","b","c"],"top_n":2}`, "results.#", "2"},
		llm.Speech:         {`{"model":"m","input":"Hi","voice":"alloy"}`, "", string(fakellm.SpeechBytes)},
	} {
		t.Run(string(endpoint), func(t *testing.T) {
			s := fakellm.Start(t, fakellm.Answer("Hello there"))
			resp := post(t, s, endpoint, c.body)
			body := read(t, resp)
			got := body
			if c.path != "" {
				got = gjson.Get(body, c.path).String()
			}
			if resp.StatusCode != 200 || got != c.want {
				t.Errorf("%d %s = %q, want %q in %s", resp.StatusCode, c.path, got, c.want, body)
			}
			if s.Await(1).Endpoint != endpoint {
				t.Errorf("taken for %q", s.Await(1).Endpoint)
			}
		})
	}
}

func TestModelsAreListed(t *testing.T) {
	s := fakellm.Start(t)
	resp, err := s.Client().Get(s.BaseURL() + "/models")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body := read(t, resp); gjson.Get(body, "data.0.id").String() != "fake" {
		t.Errorf("got %s", body)
	}
}

// events returns the data of each event of a stream.
func events(t *testing.T, stream string) []string {
	t.Helper()
	var data []string
	for _, event := range strings.SplitAfter(stream, "\n\n") {
		for _, line := range strings.Split(event, "\n") {
			if d, ok := strings.CutPrefix(line, "data: "); ok {
				data = append(data, d)
			}
		}
	}
	return data
}

func TestChatStreamsReportUsageToWhoAsks(t *testing.T) {
	for _, asked := range []bool{false, true} {
		s := fakellm.Start(t, fakellm.Answer("one two"))
		body := `{"model":"m","stream":true}`
		if asked {
			body = `{"model":"m","stream":true,"stream_options":{"include_usage":true}}`
		}
		got := events(t, read(t, post(t, s, llm.Chat, body)))
		if got[len(got)-1] != "[DONE]" {
			t.Errorf("ends with %s", got[len(got)-1])
		}
		var text string
		for _, e := range got {
			text += gjson.Get(e, "choices.0.delta.content").String()
		}
		if text != "one two" {
			t.Errorf("said %q", text)
		}
		last := gjson.Get(got[len(got)-2], "usage.prompt_tokens_details.cached_tokens")
		if last.Exists() != asked || gjson.Get(got[0], "usage").Exists() != asked {
			t.Errorf("asked %v: got %v", asked, got)
		}
	}
}

func TestToolCallsStreamInPieces(t *testing.T) {
	calls := []fakellm.ToolCall{
		{ID: "call_1", Name: "weather", Arguments: `{"city":"Oslo"}`},
		{ID: "call_2", Name: "weather", Arguments: `{"city":"Bergen"}`},
	}
	s := fakellm.Start(t, fakellm.CallTools(calls...), fakellm.CallTools(calls...))

	arguments := make([]string, 2)
	for _, e := range events(t, read(t, post(t, s, llm.Chat, `{"model":"m","stream":true}`))) {
		if call := gjson.Get(e, "choices.0.delta.tool_calls.0"); call.Exists() {
			arguments[call.Get("index").Int()] += call.Get("function.arguments").String()
		}
	}
	if want := []string{calls[0].Arguments, calls[1].Arguments}; !slices.Equal(arguments, want) {
		t.Errorf("chat: %v, want %v", arguments, want)
	}

	all := events(t, read(t, post(t, s, llm.Responses, `{"model":"m","stream":true}`)))
	done := gjson.Get(all[len(all)-1], "response.output.1")
	if done.Get("arguments").String() != calls[1].Arguments || done.Get("call_id").String() != "call_2" {
		t.Errorf("responses: %s", done)
	}
}

func TestResponsesStreamNumbersItsEvents(t *testing.T) {
	s := fakellm.Start(t, fakellm.Answer("one two"))
	got := events(t, read(t, post(t, s, llm.Responses, `{"model":"m","stream":true}`)))
	for i, e := range got {
		if gjson.Get(e, "sequence_number").Int() != int64(i) {
			t.Errorf("event %d: %s", i, e)
		}
	}
	last := gjson.Parse(got[len(got)-1])
	if last.Get("type").String() != "response.completed" || last.Get("response.output.0.content.0.text").String() != "one two" ||
		last.Get("response.usage.output_tokens").Int() != int64(fakellm.DefaultUsage.Output) {
		t.Errorf("ends with %s", last)
	}
}

func TestErrorsInStreamsSpeakTheDialect(t *testing.T) {
	step := fakellm.Steps(fakellm.Stream(), fakellm.Role(), fakellm.ErrorEvent(503, "overloaded", "Later."))
	s := fakellm.Start(t, step, step)
	chat := events(t, read(t, post(t, s, llm.Chat, `{"model":"m","stream":true}`)))
	if got := gjson.Get(chat[len(chat)-1], "error.code").String(); got != "overloaded" {
		t.Errorf("chat: %v", chat)
	}
	responses := events(t, read(t, post(t, s, llm.Responses, `{"model":"m","stream":true}`)))
	if got := gjson.Get(responses[len(responses)-1], "response.error.code").String(); got != "overloaded" {
		t.Errorf("responses: %v", responses)
	}
}

func TestMalformedAnswersAreNotJSON(t *testing.T) {
	s := fakellm.Start(t, fakellm.MalformedJSON(), fakellm.Steps(fakellm.Stream(), fakellm.Comment("hold on"), fakellm.Ping(), fakellm.MalformedEvent()))
	if body := read(t, post(t, s, llm.Chat, chatBody)); json.Valid([]byte(body)) {
		t.Errorf("valid: %s", body)
	}
	got := events(t, read(t, post(t, s, llm.Chat, chatBody)))
	if len(got) != 2 || !json.Valid([]byte(got[0])) || json.Valid([]byte(got[1])) {
		t.Errorf("got %q", got)
	}
}

func TestEmbeddingsComeAsBase64WhenAsked(t *testing.T) {
	s := fakellm.Start(t)
	body := read(t, post(t, s, llm.Embeddings, `{"model":"m","input":"a","encoding_format":"base64"}`))
	raw, err := base64.StdEncoding.DecodeString(gjson.Get(body, "data.0.embedding").String())
	if err != nil || len(raw) != 4*fakellm.Dimensions {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	for i, want := range fakellm.Embedding(0) {
		if got := math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])); got != want {
			t.Errorf("dimension %d is %v, want %v", i, got, want)
		}
	}
}

func TestARecordingIsReplayed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "story.yaml")
	cassette := `---
version: 2
interactions:
- id: 0
  request:
    method: POST
    url: https://api.example.com/v1/chat/completions
    body: '{"model":"m"}'
  response:
    body: "data: {\"a\":1}\r\n\r\ndata: [DONE]\r\n\r\n"
    headers:
      Content-Type: [text/event-stream]
      Content-Length: ["99"]
      X-Request-Id: [req_1]
    code: 200
`
	if err := os.WriteFile(path, []byte(cassette), 0o600); err != nil {
		t.Fatal(err)
	}
	story, err := fakellm.LoadRecording(path)
	if err != nil {
		t.Fatal(err)
	}
	s := fakellm.Start(t, fakellm.Replay(story[0]))
	resp := post(t, s, llm.Chat, story[0].Request.Body)
	if body := read(t, resp); body != story[0].Response.Body || resp.Header.Get("X-Request-Id") != "req_1" {
		t.Errorf("got %q with %v", body, resp.Header)
	}
}

func TestRecordingsOfRealProvidersLoad(t *testing.T) {
	n := 0
	for _, r := range fakellm.Recordings(t) {
		if !strings.HasPrefix(r.Name, "TestOpenAI") {
			continue
		}
		n++
		s := fakellm.Start(t, fakellm.Replay(r.Interaction))
		if body := read(t, post(t, s, llm.Chat, r.Request.Body)); body != r.Response.Body {
			t.Errorf("%s: another body was replayed", r.Name)
		}
	}
	if n == 0 {
		t.Error("there are none")
	}
}
