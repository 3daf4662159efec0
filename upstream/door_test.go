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

const (
	askClaude       = `{"model":"m","max_tokens":100,"system":"Be brief.","messages":[{"role":"user","content":"hi"}]}`
	askClaudeStream = `{"model":"m","max_tokens":100,"stream":true,"messages":[{"role":"user","content":"hi"}]}`
)

// anthropicText returns the text of a stream of Anthropic's events, and the types of its events.
func anthropicText(stream string) (text string, kinds []string) {
	for line := range strings.Lines(stream) {
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		kinds = append(kinds, gjson.Get(data, "type").String())
		text += gjson.Get(data, "delta.text").String()
	}
	return text, kinds
}

func TestAnAnthropicClientIsAnsweredByOpenAIsDialect(t *testing.T) {
	s := fakellm.Start(t)
	s.Always(fakellm.Answer("Hello there"))
	b := newBed(t, quick(), s)

	o := b.call(t.Context(), llm.Messages, askClaude)
	if o.err != nil || gjson.Get(o.body, "content.0.text").String() != "Hello there" || gjson.Get(o.body, "stop_reason").String() != "end_turn" {
		t.Fatalf("plain: %q %v", o.body, o.err)
	}
	if r := s.Await(1); r.Endpoint != llm.Chat || r.Get("messages.0.role").String() != "system" || r.Get("messages.1.content").String() != "hi" {
		t.Errorf("the provider got %s %s", r.Path, r.Body)
	}
	plain := o.exchange.Usage

	o = b.call(t.Context(), llm.Messages, askClaudeStream)
	text, kinds := anthropicText(o.body)
	if o.err != nil || text != "Hello there" || kinds[0] != "message_start" || kinds[len(kinds)-1] != "message_stop" || strings.Contains(o.body, "[DONE]") {
		t.Errorf("stream: %q %v", o.body, o.err)
	}
	if !plain.Known || plain != o.exchange.Usage {
		t.Errorf("usage %+v streamed and %+v not", o.exchange.Usage, plain)
	}
}

func TestAnAnthropicClientIsAnsweredByAnthropicUntouched(t *testing.T) {
	s := fakellm.Start(t, fakellm.Raw(http.StatusOK, "application/json", claudeReply), claudeEvents(""))
	b := claude(t, s)
	o := b.call(t.Context(), llm.Messages, askClaude)
	if o.err != nil || o.body != claudeReply {
		t.Errorf("plain: %q %v", o.body, o.err)
	}
	if r := s.Await(1); string(r.Body) != askClaude || r.Path != "/v1/messages" {
		t.Errorf("the provider got %s %s", r.Path, r.Body)
	}
	want := llm.Usage{Input: 15, CachedInput: 5, Output: 3, Known: true}
	if o.exchange.Usage != want || o.exchange.FinishReason != "stop" {
		t.Errorf("plain: %+v", o.exchange)
	}
	o = b.call(t.Context(), llm.Messages, askClaudeStream)
	if text, _ := anthropicText(o.body); o.err != nil || text != "Hello there" || !strings.Contains(o.body, `{"type": "ping"}`) || o.exchange.Usage != want {
		t.Errorf("stream: %q %v, usage %+v", o.body, o.err, o.exchange.Usage)
	}
}

func TestAnAnthropicClientsStreamFailsOverAndBreaksInItsOwnWords(t *testing.T) {
	p := quick()
	p.Retries = 0
	first := fakellm.Start(t, fakellm.Steps(fakellm.Stream(), fakellm.Role(), fakellm.ErrorEvent(503, "overloaded", "busy")))
	second := fakellm.Start(t, fakellm.Steps(fakellm.Stream(), fakellm.Role(), fakellm.Text("Hel"), fakellm.Cut()))
	b := newBed(t, p, first, second)
	o := b.call(t.Context(), llm.Messages, askClaudeStream)
	text, kinds := anthropicText(o.body)
	if code(o.err) != "stream_interrupted" || text != "Hel" || kinds[len(kinds)-1] == "message_stop" || o.verdicts() != "p1 next, p2 ok" {
		t.Errorf("got %q %v %q", o.body, o.err, o.verdicts())
	}
	event := string(ErrorEvent(llm.Messages, llm.NewError(llm.CodeStreamInterrupted, "It broke.")))
	if !strings.HasPrefix(event, "event: error\ndata: ") || gjson.Get(event[len("event: error\ndata: "):], "error.message").String() != "It broke." {
		t.Errorf("the error event is %q", event)
	}
	if body := string(ErrorBody(llm.Messages, llm.NewError(llm.CodeUpstreamBusy, "Later."))); gjson.Get(body, "error.type").String() != "rate_limit_error" {
		t.Errorf("the error body is %s", body)
	}
}

func TestAnAnthropicClientCannotBeAnsweredWithoutChat(t *testing.T) {
	s := fakellm.Start(t)
	b := newBed(t, quick())
	target := b.add(provider.Config{Name: "p", Kind: provider.KindCompatible, BaseURL: s.BaseURL()}, nil)
	if !target.Serves(llm.Messages) || !target.Serves(llm.Chat) {
		t.Error("a provider of chat does not answer an Anthropic client")
	}
}
