package upstream

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/catalog"
	"github.com/mulligan-gateway/mulligan/upstream/provider"
)

// claude returns a bed whose first target is a model at Anthropic.
func claude(t *testing.T, s *fakellm.Server) *bed {
	t.Helper()
	b := newBed(t, quick())
	one, two := 3.0, 15.0
	b.add(provider.Config{Name: "anthropic", Kind: "anthropic", BaseURL: s.BaseURL(), Keys: []string{"sk-ant-test"}},
		&catalog.Model{MaxOutput: 64000, Prices: catalog.Prices{Input: &one, Output: &two}})
	return b
}

const claudeReply = `{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[{"type":"text","text":"Hello there"}],` +
	`"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":10,"cache_read_input_tokens":5,"cache_creation_input_tokens":0,"output_tokens":3}}`

// claudeEvents is a stream of the same answer, with the pings and the padding that come.
func claudeEvents(end string) fakellm.Step {
	var b strings.Builder
	event := func(name, data string) { fmt.Fprintf(&b, "event: %s\ndata: %s\n\n", name, data) }
	event("message_start", `{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[],"usage":{"input_tokens":10,"cache_read_input_tokens":5,"output_tokens":1}}  }`)
	event("content_block_start", `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`)
	event("ping", `{"type": "ping"}`)
	event("content_block_delta", `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello "}}`)
	event("content_block_delta", `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"there"}}`)
	event("content_block_stop", `{"type":"content_block_stop","index":0}`)
	if end == "" {
		event("message_delta", `{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":3}}`)
		event("message_stop", `{"type":"message_stop"}`)
	}
	return fakellm.Steps(fakellm.Header("Content-Type", "text/event-stream"), fakellm.Status(http.StatusOK), fakellm.Write(b.String()+end))
}

func TestAnOpenAIClientIsAnsweredByAnotherDialect(t *testing.T) {
	s := fakellm.Start(t, fakellm.Raw(http.StatusOK, "application/json", claudeReply), claudeEvents(""))
	b := claude(t, s)

	o := b.chat(plainBody)
	if o.err != nil || gjson.Get(o.body, "choices.0.message.content").String() != "Hello there" || gjson.Get(o.body, "object").String() != "chat.completion" {
		t.Fatalf("plain: %q %v", o.body, o.err)
	}
	plain := o.exchange
	r := s.Await(1)
	if r.Path != "/v1/messages" || r.Header.Get("X-Api-Key") != "sk-ant-test" || r.Header.Get("Anthropic-Version") == "" ||
		r.Header.Get("Authorization") != "" || r.Get("max_tokens").Int() != 64000 || r.Get("messages.0.role").String() != "user" {
		t.Errorf("the provider got %s %v %s", r.Path, r.Header, r.Body)
	}

	o = b.chat(streamBody)
	text, _ := said(o.body)
	if o.err != nil || text != "Hello there" || !strings.HasSuffix(o.body, "data: [DONE]\n\n") || strings.Contains(o.body, `"usage":{`) {
		t.Errorf("stream: %q %v", o.body, o.err)
	}
	for name, x := range map[string]*llm.Exchange{"plain": &plain, "stream": &o.exchange} {
		if want := (llm.Usage{Input: 15, CachedInput: 5, Output: 3, Known: true}); x.Usage != want {
			t.Errorf("%s: usage %+v, want %+v", name, x.Usage, want)
		}
		if x.FinishReason != "stop" || !x.Cost.Priced || x.ResponseModel != "claude-x" {
			t.Errorf("%s: %+v", name, x)
		}
	}
}

const geminiReply = `{"candidates":[{"content":{"parts":[{"text":"Hello there"}],"role":"model"},"finishReason":"STOP","index":0}],` +
	`"usageMetadata":{"promptTokenCount":15,"candidatesTokenCount":2,"thoughtsTokenCount":1,"cachedContentTokenCount":5,"totalTokenCount":18},"modelVersion":"gemini-x","responseId":"r1"}`

func TestAnOpenAIClientIsAnsweredByGemini(t *testing.T) {
	stream := fakellm.Steps(fakellm.Header("Content-Type", "text/event-stream"), fakellm.Status(http.StatusOK), fakellm.Write("data: "+geminiReply+"\r\n\r\n"))
	s := fakellm.Start(t, fakellm.Raw(http.StatusOK, "application/json; charset=UTF-8", geminiReply), stream)
	b := newBed(t, quick())
	b.add(provider.Config{Name: "google", Kind: "google", BaseURL: s.URL + "/v1beta", Keys: []string{"google-test-key"}}, nil)
	want := llm.Usage{Input: 15, CachedInput: 5, Output: 3, Reasoning: 1, Known: true}

	o := b.chat(plainBody)
	if o.err != nil || gjson.Get(o.body, "choices.0.message.content").String() != "Hello there" || o.exchange.Usage != want {
		t.Fatalf("plain: %q %v, usage %+v", o.body, o.err, o.exchange.Usage)
	}
	if r := s.Await(1); r.Path != "/v1beta/models/m:generateContent" || r.Header.Get("X-Goog-Api-Key") != "google-test-key" ||
		r.Header.Get("Authorization") != "" || r.Get("contents.0.parts.0.text").String() != "hi" {
		t.Errorf("the provider got %s %v %s", r.Path, r.Header, r.Body)
	}

	o = b.chat(streamBody)
	if text, _ := said(o.body); o.err != nil || text != "Hello there" || !strings.HasSuffix(o.body, "data: [DONE]\n\n") || o.exchange.Usage != want {
		t.Errorf("stream: %q %v, usage %+v", o.body, o.err, o.exchange.Usage)
	}
	if r := s.Await(2); r.Path != "/v1beta/models/m:streamGenerateContent" || r.Query.Get("alt") != "sse" {
		t.Errorf("the provider was asked at %s %v", r.Path, r.Query)
	}
}

func TestAnotherDialectFailsOverLikeOpenAIs(t *testing.T) {
	overloaded := `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`
	for name, c := range map[string]struct {
		body string
		step fakellm.Step
	}{
		"status":             {plainBody, fakellm.Raw(529, "application/json", overloaded)},
		"malformed":          {plainBody, fakellm.Raw(200, "application/json", `{"id":`)},
		"not the dialect":    {plainBody, fakellm.Raw(200, "application/json", `{"hello":1}`)},
		"error first":        {streamBody, fakellm.Steps(fakellm.Header("Content-Type", "text/event-stream"), fakellm.Status(200), fakellm.Write("event: error\ndata: "+overloaded+"\n\n"))},
		"cut before output":  {streamBody, fakellm.Steps(fakellm.Header("Content-Type", "text/event-stream"), fakellm.Status(200), fakellm.Write("event: ping\ndata: {\"type\":\"ping\"}\n\n"), fakellm.Cut())},
		"ends before output": {streamBody, fakellm.Steps(fakellm.Header("Content-Type", "text/event-stream"), fakellm.Status(200), fakellm.Write("event: ping\ndata: {\"type\":\"ping\"}\n\n"))},
	} {
		t.Run(name, func(t *testing.T) {
			b := claude(t, fakellm.Start(t, c.step))
			b.route.Policy.Retries = 0
			second := fakellm.Start(t, fakellm.Answer("saved"))
			b.add(provider.Config{Name: "spare", Kind: provider.KindCompatible, BaseURL: second.BaseURL()}, nil)
			o := b.chat(c.body)
			if o.err != nil || !strings.Contains(o.body, "saved") || o.verdicts() != "anthropic next, spare ok" {
				t.Errorf("got %q %v %q", o.body, o.err, o.verdicts())
			}
		})
	}
}

func TestAnotherDialectsBrokenStreamIsInterrupted(t *testing.T) {
	for name, end := range map[string]string{
		"it ends":   " ",
		"error":     "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n",
		"malformed": "event: content_block_delta\ndata: {\"type\":\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			o := claude(t, fakellm.Start(t, claudeEvents(end))).chat(streamBody)
			text, _ := said(o.body)
			if code(o.err) != "stream_interrupted" || text != "Hello there" || strings.Contains(o.body, "[DONE]") {
				t.Errorf("got %q %v", o.body, o.err)
			}
		})
	}
}

func TestWhatNoTargetCanSayIsNamed(t *testing.T) {
	s := fakellm.Start(t)
	b := claude(t, s)
	o := b.chat(`{"model":"m","messages":[{"role":"user","content":"hi"}],"logprobs":true}`)
	var e *llm.Error
	if !errors.As(o.err, &e) || e.Code != "unsupported_by_provider" || e.Status != 400 || e.Param != "logprobs" {
		t.Errorf("got %+v", o.err)
	}
	b.add(provider.Config{Name: "spare", Kind: provider.KindCompatible, BaseURL: s.BaseURL()}, nil)
	if o := b.chat(`{"model":"m","messages":[{"role":"user","content":"hi"}],"logprobs":true}`); o.err != nil || o.verdicts() != "spare ok" {
		t.Errorf("a target that can is not asked: %v %q", o.err, o.verdicts())
	}
}

func TestHintsThatAreLeftOutAreListed(t *testing.T) {
	s := fakellm.Start(t, fakellm.Raw(http.StatusOK, "application/json", claudeReply))
	o := claude(t, s).chat(`{"model":"m","messages":[{"role":"user","content":"hi"}],"seed":1}`)
	if o.err != nil || len(o.exchange.Dropped) != 1 || o.exchange.Dropped[0] != "seed" {
		t.Errorf("dropped %v, %v", o.exchange.Dropped, o.err)
	}
}
