package upstream

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/provider"
)

// completionText returns the text of a stream of completions.
func completionText(stream string) (text string) {
	for line := range strings.Lines(stream) {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			text += gjson.Get(data, "choices.0.text").String()
		}
	}
	return text
}

// A vendor that has chat alone answers completions.
func TestCompletionsAreAnsweredByWayOfChat(t *testing.T) {
	s := fakellm.Start(t)
	s.Always(fakellm.Answer("Hello there"))
	b := at(t, "groq", s)

	o := b.call(t.Context(), llm.Completions, `{"model":"m","prompt":"Say hello","max_tokens":9}`)
	if o.err != nil || gjson.Get(o.body, "choices.0.text").String() != "Hello there" || gjson.Get(o.body, "object").String() != "text_completion" || o.exchange.FinishReason != "stop" {
		t.Fatalf("plain: %s %v", o.body, o.err)
	}
	if r := s.Await(1); r.Endpoint != llm.Chat || string(r.Body) != `{"model":"m","messages":[{"role":"user","content":"Say hello"}],"max_tokens":9}` {
		t.Errorf("the provider got %s %s", r.Path, r.Body)
	}
	plain := o.exchange.Usage

	const stream = `{"model":"m","prompt":"Say hello","stream":true,"stream_options":{"include_usage":true}}`
	o = b.call(t.Context(), llm.Completions, stream)
	if o.err != nil || completionText(o.body) != "Hello there" || !strings.HasSuffix(o.body, "data: [DONE]\n\n") || strings.Contains(o.body, "chat.completion") {
		t.Errorf("stream: %s %v", o.body, o.err)
	}
	if strings.Contains(o.body, `"usage":{`) {
		t.Errorf("the client did not ask for the usage: %s", o.body)
	}
	if !plain.Known || plain != o.exchange.Usage {
		t.Errorf("usage %+v streamed and %+v not", o.exchange.Usage, plain)
	}

	o = b.wanting(t, llm.Completions, stream)
	if o.err != nil || !strings.Contains(o.body, `"choices":[],"usage":{`) {
		t.Errorf("the client asked for the usage: %s %v", o.body, o.err)
	}
}

func TestCompletionsThatChatCannotSayGoToWhoeverCan(t *testing.T) {
	const echo = `{"model":"m","prompt":"p","echo":true}`
	b := at(t, "groq", fakellm.Start(t))
	o := b.call(t.Context(), llm.Completions, echo)
	if code(o.err) != "unsupported_by_provider" || !strings.Contains(o.err.Error(), "echo") || len(o.exchange.Attempts) > 0 {
		t.Errorf("alone: %v", o.err)
	}
	spare := fakellm.Start(t, fakellm.Answer("p and on"))
	b.add(provider.Config{Name: "spare", Kind: provider.KindCompatible, BaseURL: spare.BaseURL()}, nil)
	if o = b.call(t.Context(), llm.Completions, echo); o.err != nil || o.verdicts() != "spare ok" || spare.Await(1).Endpoint != llm.Completions {
		t.Errorf("with another: %s %v", o.body, o.err)
	}
}

func TestABrokenStreamOfCompletionsEndsInAnError(t *testing.T) {
	s := fakellm.Start(t, fakellm.Steps(fakellm.Stream(), fakellm.Role(), fakellm.Text("Hel"), fakellm.Cut()))
	o := at(t, "groq", s).call(t.Context(), llm.Completions, `{"model":"m","prompt":"p","stream":true}`)
	if code(o.err) != "stream_interrupted" || completionText(o.body) != "Hel" || strings.Contains(o.body, "[DONE]") {
		t.Errorf("%s %v", o.body, o.err)
	}
	event := string(ErrorEvent(llm.Completions, llm.NewError(llm.CodeStreamInterrupted, "It broke.")))
	if gjson.Get(strings.TrimPrefix(event, "data: "), "error.message").String() != "It broke." {
		t.Errorf("the error event is %q", event)
	}
}
