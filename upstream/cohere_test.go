package upstream

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/provider"
)

const cohereReply = `{"id":"c-1","finish_reason":"COMPLETE","message":{"role":"assistant","content":[{"type":"text","text":"Hello there"}]},` +
	`"usage":{"billed_units":{"input_tokens":15,"output_tokens":3},"tokens":{"input_tokens":80,"output_tokens":4}}}`

// cohereStream is a stream of the same answer; end is its last event, "" for none.
func cohereStream(end string) fakellm.Step {
	events := "event: message-start\ndata: {\"id\":\"c-1\",\"type\":\"message-start\",\"delta\":{\"message\":{\"role\":\"assistant\"}}}\n\n" +
		"event: content-start\ndata: {\"type\":\"content-start\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"type\":\"text\",\"text\":\"\"}}}}\n\n" +
		"event: content-delta\ndata: {\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":\"Hello \"}}}}\n\n" +
		"event: content-delta\ndata: {\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":\"there\"}}}}\n\n"
	if end != "" {
		events += "event: message-end\ndata: " + end + "\n\n"
	}
	return fakellm.Raw(http.StatusOK, "text/event-stream", events)
}

const cohereEnd = `{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":15,"output_tokens":3}}}}`

func TestAnOpenAIClientIsAnsweredByCohere(t *testing.T) {
	s := fakellm.Start(t, fakellm.Raw(http.StatusOK, "application/json", cohereReply), cohereStream(cohereEnd))
	b := at(t, "cohere", s)
	want := llm.Usage{Input: 15, Output: 3, Known: true}
	o := b.chat(plainBody)
	if o.err != nil || gjson.Get(o.body, "choices.0.message.content").String() != "Hello there" || gjson.Get(o.body, "model").String() != "m" ||
		o.exchange.Usage != want || o.exchange.FinishReason != "stop" {
		t.Fatalf("plain: %s %v, %+v", o.body, o.err, o.exchange)
	}
	if r := s.Await(1); r.Path != "/v1/chat" || r.Get("messages.0.content.0.text").String() != "hi" {
		t.Errorf("the provider got %s %s", r.Path, r.Body)
	}
	o = b.chat(streamBody)
	if text, _ := said(o.body); o.err != nil || text != "Hello there" || !strings.HasSuffix(o.body, "data: [DONE]\n\n") || o.exchange.Usage != want {
		t.Errorf("stream: %s %v, %+v", o.body, o.err, o.exchange.Usage)
	}
	if r := s.Await(2); !r.Get("stream").Bool() || r.Get("stream_options").Exists() {
		t.Errorf("the provider got %s", r.Body)
	}
}

func TestBrokenStreamsOfCohereAreInterrupted(t *testing.T) {
	for name, end := range map[string]string{"cut": "", "failed": `{"type":"message-end","delta":{"finish_reason":"ERROR"}}`} {
		o := at(t, "cohere", fakellm.Start(t, cohereStream(end))).chat(streamBody)
		if text, _ := said(o.body); text != "Hello there" || code(o.err) != "stream_interrupted" || strings.Contains(o.body, "[DONE]") {
			t.Errorf("%s: %s %v", name, o.body, o.err)
		}
	}
}

func TestCohereFailsOverLikeOpenAIs(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		step fakellm.Step
	}{
		"status":    {plainBody, fakellm.Raw(http.StatusServiceUnavailable, "application/json", `{"id":"1","message":"Unavailable"}`)},
		"key":       {plainBody, fakellm.Raw(http.StatusUnauthorized, "application/json", `{"id":"1","message":"invalid api token"}`)},
		"malformed": {plainBody, fakellm.Raw(http.StatusOK, "application/json", `{"id":`)},
		"failed":    {plainBody, fakellm.Raw(http.StatusOK, "application/json", `{"id":"1","finish_reason":"ERROR","message":{}}`)},
		"no stream": {streamBody, fakellm.Raw(http.StatusOK, "text/event-stream", "")},
		"at once":   {streamBody, fakellm.Raw(http.StatusOK, "text/event-stream", "data: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"TIMEOUT\"}}\n\n")},
	} {
		t.Run(name, func(t *testing.T) {
			b := at(t, "cohere", fakellm.Start(t, c.step))
			b.route.Policy.Retries = 0
			b.add(provider.Config{Name: "spare", Kind: provider.KindCompatible, BaseURL: fakellm.Start(t, fakellm.Answer("saved")).BaseURL()}, nil)
			if o := b.chat(c.body); o.err != nil || !strings.Contains(o.body, "saved") || o.verdicts() != "cohere next, spare ok" {
				t.Errorf("got %q %v %q", o.body, o.err, o.verdicts())
			}
		})
	}
}

// Clients of Anthropic's API are answered by Cohere, too: two translations in a row.
func TestAnAnthropicClientIsAnsweredByCohere(t *testing.T) {
	s := fakellm.Start(t, fakellm.Raw(http.StatusOK, "application/json", cohereReply), cohereStream(cohereEnd))
	b := at(t, "cohere", s)
	o := b.call(t.Context(), llm.Messages, askClaude)
	if o.err != nil || gjson.Get(o.body, "content.0.text").String() != "Hello there" || gjson.Get(o.body, "usage.input_tokens").Int() != 15 {
		t.Errorf("plain: %s %v", o.body, o.err)
	}
	o = b.call(t.Context(), llm.Messages, askClaudeStream)
	if text, kinds := anthropicText(o.body); o.err != nil || text != "Hello there" || kinds[len(kinds)-1] != "message_stop" {
		t.Errorf("stream: %s %v", o.body, o.err)
	}
}
