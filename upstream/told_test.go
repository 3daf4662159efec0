package upstream

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/provider"
)

func TestAllChoicesMustEndBeforeAStreamIsWhole(t *testing.T) {
	choice := func(index, delta, finish string) fakellm.Step {
		return fakellm.Data(`{"id":"x","choices":[{"index":` + index + `,"delta":{` + delta + `},"finish_reason":` + finish + `}]}`)
	}
	two := `{"model":"m","n":2,"messages":[],"stream":true}`
	begun := fakellm.Steps(fakellm.Stream(), choice("0", `"content":"a"`, "null"), choice("1", `"content":"b"`, "null"), choice("0", "", `"stop"`))
	s := fakellm.Start(t, begun, fakellm.Steps(begun, choice("1", "", `"stop"`)))
	b := newBed(t, quick(), s)
	if o := b.chat(two); code(o.err) != "stream_interrupted" || strings.Contains(o.body, "[DONE]") {
		t.Errorf("one of two: %v %q", o.err, o.body)
	}
	if o := b.chat(two); o.err != nil || !strings.HasSuffix(o.body, "data: [DONE]\n\n") {
		t.Errorf("both: %v %q", o.err, o.body)
	}
}

func TestTheLastAnswerCountsThoughSilenceFollows(t *testing.T) {
	s := fakellm.Start(t, fakellm.Error(503, "overloaded", "Busy."), fakellm.Cut(), fakellm.Cut())
	var e *llm.Error
	if o := newBed(t, quick(), s).chat(plainBody); !errors.As(o.err, &e) || e.Status != 503 || e.Message != "Busy." {
		t.Errorf("got %+v", o.err)
	}
}

func TestAClientThatLeavesAfterATimeoutHasLeft(t *testing.T) {
	t.Parallel()
	p := quick()
	p.Retries, p.FirstToken = 0, soon
	first, second := fakellm.Start(t, fakellm.Hang()), fakellm.Start(t, fakellm.Hang())
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		second.Await(1)
		leave()
	}()
	b := newBed(t, p, first, second)
	var e *llm.Error
	if o := b.call(ctx, llm.Chat, plainBody); !errors.As(o.err, &e) || e.Status != statusClientGone {
		t.Errorf("got %+v", o.err)
	}
}

func TestWhatIsFullIsNoMeasureOfTheWait(t *testing.T) {
	now := time.Now()
	full, told := postponed{index: 0, wake: now}, postponed{index: 1, wake: now.Add(time.Minute), why: ReasonTold}
	for _, passed := range [][]postponed{{full, told}, {told, full}} {
		if best, ok := soonest(passed); !ok || best.index != 1 {
			t.Errorf("got %+v", best)
		}
	}
	if best, ok := soonest([]postponed{full}); !ok || best.index != 0 {
		t.Errorf("got %+v", best)
	}
}

func TestSecretsInHeadersAreScrubbed(t *testing.T) {
	s := fakellm.Start(t)
	s.Always(fakellm.Error(400, "bad", "Cannot use sk-very-secret-header here."))
	b := newBed(t, quick())
	b.add(provider.Config{Name: "p", Kind: provider.KindCompatible, BaseURL: s.BaseURL(), Header: http.Header{"Authorization": {"Bearer sk-very-secret-header"}}}, nil)
	o := b.chat(plainBody)
	if o.err == nil || strings.Contains(o.err.Error(), "very-secret") || strings.Contains(o.exchange.Attempts[0].ErrorMessage, "very-secret") {
		t.Errorf("got %v, logged %q", o.err, o.exchange.Attempts[0].ErrorMessage)
	}
}
