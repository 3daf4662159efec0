package fakellm_test

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/llm"
)

// vendor is how a dialect is asked, and where in its answers things are.
type vendor struct {
	dialect             fakellm.Dialect
	path, streamPath    string
	body, results       string
	text, call, refusal string // gjson paths of a plain answer, and of an error's kind
	wants               string // what the kind of a 429 is
}

var vendors = []vendor{
	{fakellm.OpenAI, "/v1/chat/completions", "/v1/chat/completions", `{"model":"m"}`,
		`{"messages":[{"role":"tool","tool_call_id":"c1","content":"-3"}]}`,
		"choices.0.message.content", "choices.0.message.tool_calls.0.function.name", "error.code", "slow_down"},
	{fakellm.Messages, "/v1/messages", "/v1/messages", `{"model":"m"}`,
		`{"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":[{"type":"text","text":"-3"}]}]}]}`,
		"content.0.text", "content.0.name", "error.type", "rate_limit_error"},
	{fakellm.Gemini, "/v1beta/models/m:generateContent", "/v1beta/models/m:streamGenerateContent", `{}`,
		`{"contents":[{"role":"user","parts":[{"functionResponse":{"name":"weather","response":{"output":"-3"}}}]}]}`,
		"candidates.0.content.parts.0.text", "candidates.0.content.parts.0.functionCall.name", "error.details.0.retryDelay", "0.03s"},
	{fakellm.Converse, "/model/m/converse", "/model/m/converse-stream", `{}`,
		`{"messages":[{"role":"user","content":[{"toolResult":{"toolUseId":"c1","content":[{"text":"-3"}]}}]}]}`,
		"output.message.content.0.text", "output.message.content.0.toolUse.name", "message", "Later."},
	{fakellm.Cohere, "/v2/chat", "/v2/chat", `{"model":"m"}`,
		`{"messages":[{"role":"tool","tool_call_id":"c1","content":[{"type":"text","text":"-3"}]}]}`,
		"message.content.0.text", "message.tool_calls.0.function.name", "message", "Later."},
	{fakellm.Azure, "/openai/deployments/m/chat/completions", "/openai/deployments/m/chat/completions", `{"model":"m"}`,
		`{"messages":[{"role":"tool","tool_call_id":"c1","content":"-3"}]}`,
		"choices.0.message.content", "choices.0.message.tool_calls.0.function.name", "error.code", "RateLimitReached"},
	{fakellm.RawPredict, "/v1/publishers/anthropic/models/m:rawPredict", "/v1/publishers/anthropic/models/m:streamRawPredict", `{}`,
		`{"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":[{"type":"text","text":"-3"}]}]}]}`,
		"content.0.text", "content.0.name", "error.status", "RESOURCE_EXHAUSTED"},
}

func (v *vendor) ask(t *testing.T, s *fakellm.Server, path, body string) (*http.Response, string) {
	t.Helper()
	resp, err := s.Client().Post(s.URL+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp, read(t, resp)
}

func TestEachVendorIsAnsweredInItsOwnWay(t *testing.T) {
	call := fakellm.ToolCall{ID: "c1", Name: "weather", Arguments: `{"city":"Oslo"}`}
	for _, v := range vendors {
		t.Run(string(v.dialect), func(t *testing.T) {
			s := fakellm.Start(t, fakellm.Answer("Hello there"), fakellm.CallTools(call),
				fakellm.Limited(30*time.Millisecond, "slow_down", "Later."), fakellm.Answer("Hello"))
			if _, body := v.ask(t, s, v.path, v.body); gjson.Get(body, v.text).String() != "Hello there" {
				t.Errorf("the text is not at %s of %s", v.text, body)
			}
			if _, body := v.ask(t, s, v.path, v.body); gjson.Get(body, v.call).String() != "weather" {
				t.Errorf("the call is not at %s of %s", v.call, body)
			}
			if resp, body := v.ask(t, s, v.path, v.body); resp.StatusCode != 429 || gjson.Get(body, v.refusal).String() != v.wants {
				t.Errorf("the refusal is %d %s", resp.StatusCode, body)
			}
			_, _ = v.ask(t, s, v.path, v.results)
			for n := 1; n <= 4; n++ {
				if r := s.Await(n); r.Dialect != v.dialect || n < 4 && (r.Model() != "m" || r.Stream()) {
					t.Errorf("request %d is taken for %s of %q", n, r.Dialect, r.Model())
				}
			}
			results := s.Await(4).ToolResults()
			if len(results) != 1 || results[0].Text != "-3" || results[0].ID+results[0].Name == "" {
				t.Errorf("results %+v", results)
			}
		})
	}
}

func TestVendorsThatCountSayHowLongAPromptIs(t *testing.T) {
	s := fakellm.Start(t)
	for path, member := range map[string]string{"/v1/messages/count_tokens": "input_tokens", "/v1beta/models/m:countTokens": "totalTokens"} {
		if _, body := (&vendor{}).ask(t, s, path, `{"model":"m"}`); gjson.Get(body, member).Int() != int64(fakellm.DefaultUsage.Input) {
			t.Errorf("%s: %s", path, body)
		}
	}
	for n := 1; n <= 2; n++ {
		if r := s.Await(n); r.Endpoint != llm.CountTokens || r.Model() != "m" || r.Stream() {
			t.Errorf("%s is taken for %s of %q", r.Path, r.Endpoint, r.Model())
		}
	}
}

func TestEachVendorStreamsInItsOwnWay(t *testing.T) {
	whole := map[fakellm.Dialect][]string{
		fakellm.Messages: {"message_start", "ping", "content_block_start", "content_block_delta", "content_block_delta",
			"content_block_stop", "message_delta", "message_stop"},
		fakellm.Converse: {"messageStart", "contentBlockDelta", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"},
		fakellm.Cohere:   {"message-start", "content-start", "content-delta", "content-delta", "content-end", "message-end"},
	}
	broken := fakellm.Steps(fakellm.Stream(), fakellm.Role(), fakellm.ErrorEvent(429, "slow_down", "Later."))
	for _, v := range vendors[1:] {
		t.Run(string(v.dialect), func(t *testing.T) {
			s := fakellm.Start(t, fakellm.Answer("one two"), broken)
			body := strings.Replace(v.body, "{", `{"stream":true,`, 1)
			body = strings.Replace(body, ",}", "}", 1)
			_, stream := v.ask(t, s, v.streamPath, body)
			if got := names(t, v.dialect, stream); whole[v.dialect] != nil && !slices.Equal(got, whole[v.dialect]) {
				t.Errorf("the events are %v", got)
			}
			if !strings.Contains(stream, `":"one "`) || !s.Await(1).Stream() {
				t.Errorf("got %s", stream)
			}
			_, stream = v.ask(t, s, v.streamPath, body)
			last := map[fakellm.Dialect]string{
				fakellm.Messages: `"rate_limit_error"`, fakellm.Gemini: `"RESOURCE_EXHAUSTED"`, fakellm.Converse: "throttlingException",
				fakellm.Cohere: `"finish_reason":"ERROR"`, fakellm.Azure: `"RateLimitReached"`, fakellm.RawPredict: `"rate_limit_error"`,
			}[v.dialect]
			if !strings.Contains(stream, last) || !strings.Contains(stream, "Later.") {
				t.Errorf("the stream has no %s: %s", last, stream)
			}
		})
	}
}

// names returns the names of a stream's events.
func names(t *testing.T, d fakellm.Dialect, stream string) (all []string) {
	t.Helper()
	if d != fakellm.Converse {
		for line := range strings.Lines(stream) {
			if name, ok := strings.CutPrefix(line, "event: "); ok {
				all = append(all, strings.TrimSpace(name))
			}
		}
		return all
	}
	r := bytes.NewReader([]byte(stream))
	for r.Len() > 0 {
		m, err := eventstream.NewDecoder().Decode(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m.Headers.Get(":event-type").String())
	}
	return all
}
