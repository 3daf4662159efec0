package upstream

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
)

// said returns the text of a chat stream, and the ids of its chunks.
func said(stream string) (string, map[string]bool) {
	var text strings.Builder
	ids := map[string]bool{}
	for line := range strings.Lines(stream) {
		data, ok := strings.CutPrefix(line, "data: {")
		if !ok {
			continue
		}
		text.WriteString(gjson.Get("{"+data, "choices.0.delta.content").String())
		ids[gjson.Get("{"+data, "id").String()] = true
	}
	return text.String(), ids
}

func continuing() Policy {
	p := quick()
	p.Continue, p.Retries = true, 0
	return p
}

func TestABrokenStreamIsGoneOnWithByTheNextTarget(t *testing.T) {
	first := fakellm.Start(t, fakellm.Steps(fakellm.Stream(), fakellm.Role(), fakellm.Text("Once ", "upon "), fakellm.Cut()))
	second := fakellm.Start(t, fakellm.Steps(fakellm.Stream(), fakellm.Role(), fakellm.Text("a "), fakellm.Cut()))
	resting := fakellm.Start(t, fakellm.Error(500, "boom", "Broken."))
	third := fakellm.Start(t, fakellm.Answer("time."))
	o := newBed(t, continuing(), first, second, resting, third).chat(streamBody)
	text, ids := said(o.body)
	if o.err != nil || text != "Once upon a time." || len(ids) != 1 || !strings.HasSuffix(o.body, "data: [DONE]\n\n") {
		t.Errorf("got %q with ids %v, %v", text, ids, o.err)
	}
	if got, want := o.verdicts(), "p1 ok, p2 ok, p3 next, p4 ok"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	last := third.Await(1).Get("messages.@reverse.0")
	if last.Get("role").String() != "assistant" || last.Get("content").String() != "Once upon a " {
		t.Errorf("the third was asked to go on from %s", last)
	}
	if x := &o.exchange; x.Continued != 2 || !x.Usage.Estimated || x.Usage.Output <= int64(fakellm.DefaultUsage.Output) || x.Provider != "p4" {
		t.Errorf("continued %d, usage %+v, provider %s", x.Continued, x.Usage, x.Provider)
	}
}

func TestWhatIsMoreThanTextIsNotGoneOnWith(t *testing.T) {
	for name, step := range map[string]fakellm.Step{
		"a tool call": fakellm.Tool(0, fakellm.ToolCall{ID: "call_1", Name: "f", Arguments: "{}"}),
		"reasoning":   fakellm.Data(`{"id":"x","choices":[{"index":0,"delta":{"reasoning_content":"hm"}}]}`),
		"two choices": fakellm.Data(`{"id":"x","choices":[{"index":1,"delta":{"content":"other"}}]}`),
	} {
		t.Run(name, func(t *testing.T) {
			first := fakellm.Start(t, fakellm.Steps(fakellm.Stream(), fakellm.Role(), fakellm.Text("a"), step, fakellm.Cut()))
			second := fakellm.Start(t)
			o := newBed(t, continuing(), first, second).chat(streamBody)
			if code(o.err) != "stream_interrupted" || second.Count() != 0 {
				t.Errorf("got %v, %d requests at the second", o.err, second.Count())
			}
		})
	}
}

func TestAStreamThatNobodyGoesOnWithIsInterrupted(t *testing.T) {
	first := fakellm.Start(t, fakellm.Steps(fakellm.Stream(), fakellm.Text("a"), fakellm.Cut()))
	second := fakellm.Start(t, fakellm.Error(503, "overloaded", "Later."))
	b := newBed(t, continuing(), first, second)
	o := b.chat(streamBody)
	if code(o.err) != "stream_interrupted" || strings.Contains(o.body, "[DONE]") || o.exchange.Continued != 0 || o.exchange.Provider != "p1" {
		t.Errorf("got %v %q from %s", o.err, o.body, o.exchange.Provider)
	}
	for i, target := range b.route.Targets {
		if n := target.provider.inFlight.Load(); n != 0 {
			t.Errorf("%d requests are in flight at target %d", n, i+1)
		}
	}
}

func TestAnAnswerThatHasEndedIsNotGoneOnWith(t *testing.T) {
	first := fakellm.Start(t, fakellm.Steps(fakellm.Stream(), fakellm.Text("All done."), fakellm.Finish("stop"), fakellm.Cut()))
	second := fakellm.Start(t)
	if o := newBed(t, continuing(), first, second).chat(streamBody); second.Count() != 0 || strings.Contains(o.body, "[DONE]") {
		t.Errorf("got %q %v, %d requests at the second", o.body, o.err, second.Count())
	}
}

func TestWhoRefusesToGoOnDoesNotSpeakForTheOthers(t *testing.T) {
	first := fakellm.Start(t, fakellm.Steps(fakellm.Stream(), fakellm.Text("a "), fakellm.Cut()))
	second := fakellm.Start(t, fakellm.Error(400, "prefill", "No assistant message at the end."))
	third := fakellm.Start(t, fakellm.Answer("b"))
	o := newBed(t, continuing(), first, second, third).chat(streamBody)
	if text, _ := said(o.body); o.err != nil || text != "a b" {
		t.Errorf("got %q %v %q", text, o.err, o.verdicts())
	}
}
