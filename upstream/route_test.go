package upstream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/catalog"
	"github.com/mulligan-gateway/mulligan/upstream/provider"
)

func TestAFailureIsRepeatedAndThenTheNextTargetAnswers(t *testing.T) {
	for _, body := range []string{plainBody, streamBody} {
		overloaded := fakellm.Error(503, "overloaded", "Later.")
		first := fakellm.Start(t, overloaded, overloaded, overloaded)
		second := fakellm.Start(t, fakellm.Answer("saved"))
		b := newBed(t, quick(), first, second)
		o := b.chat(body)
		if o.err != nil || o.status != 200 || !strings.Contains(o.body, "saved") {
			t.Fatalf("got %d %q, %v", o.status, o.body, o.err)
		}
		if got, want := o.verdicts(), "p1 again, p1 again, p1 next, p2 ok"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if o.exchange.Usage.Output != int64(fakellm.DefaultUsage.Output) || !o.exchange.Usage.Known {
			t.Errorf("usage %+v", o.exchange.Usage)
		}
		if strings.Contains(o.body, `"usage"`) && body == streamBody {
			t.Errorf("the client sees usage that it did not ask for: %s", o.body)
		}
	}
}

func TestTheFirstTargetsLastAnswerIsWhatTheClientGets(t *testing.T) {
	first := fakellm.Start(t)
	first.Always(fakellm.Error(503, "overloaded", "The first is busy."))
	second := fakellm.Start(t)
	second.Always(fakellm.Error(500, "boom", "The second is broken."))
	o := newBed(t, quick(), first, second).chat(plainBody)
	var e *llm.Error
	if !errors.As(o.err, &e) || e.Status != 503 || e.Message != "The first is busy." || e.Code != "overloaded" {
		t.Errorf("got %+v", o.err)
	}
	if got, want := o.verdicts(), "p1 again, p1 again, p1 next, p2 again, p2 again, p2 next"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTheClientsOwnMistakeStopsAtOnce(t *testing.T) {
	first := fakellm.Start(t, fakellm.Error(400, "unsupported_value", "temperature is too hot."))
	second := fakellm.Start(t)
	o := newBed(t, quick(), first, second).chat(plainBody)
	var e *llm.Error
	if !errors.As(o.err, &e) || e.Status != 400 || e.Message != "temperature is too hot." || second.Count() != 0 {
		t.Errorf("got %v, %d requests at the second", o.err, second.Count())
	}
	if o.verdicts() != "p1 stop" {
		t.Errorf("got %q", o.verdicts())
	}
}

func TestOurOwnKeyIsNeverTheClientsFault(t *testing.T) {
	for _, status := range []int{401, 402, 403} {
		first := fakellm.Start(t)
		first.Always(fakellm.Error(status, "invalid_api_key", "Bad key key-of-the-provider."))
		o := newBed(t, quick(), first).chat(plainBody)
		var e *llm.Error
		if !errors.As(o.err, &e) || e.Status != 502 || e.Code != "upstream_unavailable" || strings.Contains(e.Message, "key-of") {
			t.Errorf("%d: got %+v", status, o.err)
		}
		if first.Count() != 1 {
			t.Errorf("%d: the refused key was used %d times", status, first.Count())
		}
		if m := o.exchange.Attempts[0].ErrorMessage; strings.Contains(m, "key-of-the-provider") {
			t.Errorf("%d: the log has the key: %s", status, m)
		}
	}
}

func TestARefusedKeyRestsWhileTheOthersGoOn(t *testing.T) {
	s := fakellm.Start(t)
	s.Otherwise(func(r *fakellm.Request) fakellm.Step {
		if r.Key() == "revoked-key" {
			return fakellm.Error(401, "invalid_api_key", "No.")
		}
		return fakellm.Answer("ok")
	})
	b := newBed(t, quick())
	b.add(provider.Config{Name: "p", Kind: provider.KindCompatible, BaseURL: s.BaseURL(), Keys: []string{"revoked-key", "good-key-1", "good-key-2"}}, nil)
	for range 6 {
		if o := b.chat(plainBody); o.err != nil {
			t.Fatal(o.err)
		}
	}
	used := map[string]int{}
	for _, r := range s.Requests() {
		used[r.Key()]++
	}
	if used["revoked-key"] != 1 || used["good-key-1"] < 2 || used["good-key-2"] < 2 {
		t.Errorf("keys were used %v", used)
	}
	if st := b.state.Status(b.route.Targets[0]); st.KeysResting != 1 || st.Keys != 3 || st.Resting {
		t.Errorf("status %+v", st)
	}
}

func TestAShortRetryAfterIsWaitedForAndALongOneIsNot(t *testing.T) {
	limited := func(after string) fakellm.Step {
		return fakellm.Steps(fakellm.Header("Retry-After-Ms", after), fakellm.Error(429, "rate_limit_exceeded", "Slow down."))
	}
	first := fakellm.Start(t, limited("1"), fakellm.Answer("waited"))
	b := newBed(t, quick(), first)
	if o := b.chat(plainBody); o.err != nil || o.verdicts() != "p1 again, p1 ok" {
		t.Errorf("short: %v %q", o.err, o.verdicts())
	}

	first = fakellm.Start(t, limited("3600000"))
	second := fakellm.Start(t)
	b = newBed(t, quick(), first, second)
	for range 2 {
		if o := b.chat(plainBody); o.err != nil {
			t.Fatal(o.err)
		}
	}
	if first.Count() != 1 || second.Count() != 2 || b.state.Healthy("p1/m") || !b.state.Healthy("p2/m") {
		t.Errorf("the first saw %d requests, the second %d", first.Count(), second.Count())
	}
}

func TestAllTargetsAtRestMeansBusyWithTheShortestWait(t *testing.T) {
	limited := func(after string) fakellm.Step {
		return fakellm.Steps(fakellm.Header("Retry-After", after), fakellm.Error(429, "rate_limit_exceeded", "Slow down."))
	}
	first, second := fakellm.Start(t, limited("3600")), fakellm.Start(t, limited("60"))
	b := newBed(t, quick(), first, second)
	if o := b.chat(plainBody); code(o.err) != "rate_limit_exceeded" {
		t.Fatalf("got %v", o.err)
	}
	o := b.chat(plainBody)
	var e *llm.Error
	if !errors.As(o.err, &e) || e.Code != "upstream_busy" || e.Status != 429 || e.RetryAfter > time.Minute || e.RetryAfter < 50*time.Second {
		t.Errorf("got %+v", o.err)
	}
	if len(o.exchange.Attempts) != 0 {
		t.Errorf("a resting target was called: %q", o.verdicts())
	}
}

func TestAFailingTargetIsLeftAloneButTheLastOneIsTried(t *testing.T) {
	p := quick()
	p.Retries = 0
	first, second := fakellm.Start(t), fakellm.Start(t)
	first.Always(fakellm.Error(500, "boom", "Broken."))
	b := newBed(t, p, first, second)
	for range 2 * breakerSample {
		if o := b.chat(plainBody); o.err != nil {
			t.Fatal(o.err)
		}
	}
	if first.Count() != breakerSample || b.state.Healthy("p1/m") {
		t.Errorf("the failing target saw %d requests, want %d", first.Count(), breakerSample)
	}
	second.Always(fakellm.Error(500, "boom", "Broken too."))
	first.Always(fakellm.Answer("well again"))
	if o := b.chat(plainBody); o.err != nil || !strings.Contains(o.body, "well again") || o.verdicts() != "p2 next, p1 ok" {
		t.Errorf("the last one standing: %v %q", o.err, o.verdicts())
	}
}

func TestAClientsMistakesDoNotCountAgainstATarget(t *testing.T) {
	s := fakellm.Start(t)
	s.Always(fakellm.Error(400, "bad", "No."))
	b := newBed(t, quick(), s)
	for range 3 * breakerSample {
		b.chat(plainBody)
	}
	if s.Count() != 3*breakerSample || !b.state.Healthy("p1/m") {
		t.Errorf("%d requests, healthy %v", s.Count(), b.state.Healthy("p1/m"))
	}
}

func TestAnErrorInsideASuccessFailsOver(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		step fakellm.Step
	}{
		"plain":               {plainBody, fakellm.JSON(200, map[string]any{"error": map[string]any{"message": "busy", "type": "overloaded_error"}})},
		"malformed":           {plainBody, fakellm.MalformedJSON()},
		"truncated":           {plainBody, fakellm.Truncated(200, `{"id":"x","choices":[`, 100)},
		"HTML":                {plainBody, fakellm.Raw(200, "text/html", "<html>login</html>")},
		"event":               {streamBody, fakellm.Steps(fakellm.Stream(), fakellm.Role(), fakellm.ErrorEvent(503, "overloaded", "busy"))},
		"malformed event":     {streamBody, fakellm.Steps(fakellm.Stream(), fakellm.Role(), fakellm.MalformedEvent())},
		"cut after the role":  {streamBody, fakellm.Steps(fakellm.Stream(), fakellm.Role(), fakellm.Cut())},
		"end after the role":  {streamBody, fakellm.Steps(fakellm.Stream(), fakellm.Role(), fakellm.Comment("x"), fakellm.Ping())},
		"nothing in a stream": {streamBody, fakellm.Stream()},
		"redirect":            {plainBody, fakellm.Steps(fakellm.Header("Location", "http://example.com"), fakellm.Status(302))},
	} {
		t.Run(name, func(t *testing.T) {
			p := quick()
			p.Retries = 0
			first, second := fakellm.Start(t, c.step), fakellm.Start(t, fakellm.Answer("saved"))
			o := newBed(t, p, first, second).chat(c.body)
			if o.err != nil || !strings.Contains(o.body, "saved") || strings.Contains(o.body, "busy") || o.verdicts() != "p1 next, p2 ok" {
				t.Errorf("got %q %v %q", o.body, o.err, o.verdicts())
			}
		})
	}
}

func TestABrokenStreamEndsInAnErrorAndNotCleanly(t *testing.T) {
	begin := fakellm.Steps(fakellm.Stream(), fakellm.Role(), fakellm.Text("Hel", "lo"))
	for name, step := range map[string]fakellm.Step{
		"cut":             fakellm.Cut(),
		"clean end":       fakellm.Steps(),
		"malformed event": fakellm.MalformedEvent(),
		"half an event":   fakellm.Steps(fakellm.Write("data: {\"choi"), fakellm.Cut()),
		"error event":     fakellm.ErrorEvent(500, "boom", "It broke."),
	} {
		t.Run(name, func(t *testing.T) {
			first, second := fakellm.Start(t, fakellm.Steps(begin, step)), fakellm.Start(t)
			o := newBed(t, quick(), first, second).chat(streamBody)
			if code(o.err) != "stream_interrupted" || !strings.Contains(o.body, `"lo"`) || strings.Contains(o.body, "[DONE]") || strings.Contains(o.body, "choi\n") {
				t.Errorf("got %q, %v", o.body, o.err)
			}
			if second.Count() != 0 {
				t.Error("a second answer was begun after the first had been passed on")
			}
			if u := o.exchange.Usage; !u.Estimated || u.Output != 2 || u.Input != 9 {
				t.Errorf("usage %+v, want an estimate", u)
			}
			if a := o.exchange.Attempts[0]; a.Verdict != llm.VerdictOK || a.ErrorCode == "" {
				t.Errorf("attempt %+v", a)
			}
		})
	}
}

func TestAStreamWithoutDoneIsCompleted(t *testing.T) {
	s := fakellm.Start(t, fakellm.Steps(fakellm.Stream(), fakellm.Role(), fakellm.Text("a"), fakellm.Finish("stop")))
	o := newBed(t, quick(), s).chat(streamBody)
	if o.err != nil || !strings.HasSuffix(o.body, "data: [DONE]\n\n") || o.exchange.FinishReason != "stop" {
		t.Errorf("got %q %v", o.body, o.err)
	}
}

// soon is a timeout that a test waits for. What a provider does at once, it does in less on a machine
// that is slow and busy, too.
const soon = 3 * time.Second

func TestTimeoutsAreEnforced(t *testing.T) {
	hang := fakellm.Hang()
	for name, c := range map[string]struct {
		body string
		step fakellm.Step
		set  func(*Policy, time.Duration)
		late bool // after output
	}{
		"first token, no headers": {plainBody, hang, func(p *Policy, d time.Duration) { p.FirstToken = d }, false},
		"first token, role only":  {streamBody, fakellm.Steps(fakellm.Stream(), fakellm.Role(), hang), func(p *Policy, d time.Duration) { p.FirstToken = d }, false},
		"attempt":                 {plainBody, hang, func(p *Policy, d time.Duration) { p.AttemptTimeout = d }, false},
		"whole":                   {plainBody, hang, func(p *Policy, d time.Duration) { p.Timeout = d }, false},
		"idle":                    {streamBody, fakellm.Steps(fakellm.Stream(), fakellm.Text("a"), hang), func(p *Policy, d time.Duration) { p.Idle = d }, true},
		"attempt, in the stream":  {streamBody, fakellm.Steps(fakellm.Stream(), fakellm.Text("a"), hang), func(p *Policy, d time.Duration) { p.AttemptTimeout = d }, true},
		"whole, in the stream":    {streamBody, fakellm.Steps(fakellm.Stream(), fakellm.Text("a"), hang), func(p *Policy, d time.Duration) { p.Timeout = d }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they wait together
			p := quick()
			p.Retries = 0
			c.set(&p, soon)
			s := fakellm.Start(t, c.step)
			o := newBed(t, p, s).chat(c.body)
			want := "upstream_timeout"
			if c.late {
				want = "stream_interrupted"
			}
			if code(o.err) != want || o.exchange.Attempts[0].ErrorCode != "upstream_timeout" {
				t.Errorf("got %v, attempt %+v", o.err, o.exchange.Attempts[0])
			}
			<-s.Await(1).Cancelled()
		})
	}
}

func TestTimeoutGoesToTheNextTargetUnlessItIsTheWholes(t *testing.T) {
	t.Parallel()
	p := quick()
	p.Retries, p.FirstToken = 0, soon
	first, second := fakellm.Start(t, fakellm.Hang()), fakellm.Start(t, fakellm.Answer("saved"))
	if o := newBed(t, p, first, second).chat(plainBody); o.err != nil {
		t.Error(o.err)
	}
	p.FirstToken, p.Timeout = 0, soon
	first, second = fakellm.Start(t, fakellm.Hang()), fakellm.Start(t)
	if o := newBed(t, p, first, second).chat(plainBody); code(o.err) != "upstream_timeout" || second.Count() != 0 {
		t.Errorf("got %v", o.err)
	}
}

func TestTheClientsLeavingEndsTheProvidersRequest(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		step fakellm.Step
	}{
		"waiting":    {plainBody, fakellm.Hang()},
		"role":       {streamBody, fakellm.Steps(fakellm.Stream(), fakellm.Role(), fakellm.Hang())},
		"mid-stream": {streamBody, fakellm.Steps(fakellm.Stream(), fakellm.Text("a"), fakellm.Hang())},
		"plain body": {plainBody, fakellm.Steps(fakellm.Header("Content-Type", "application/json"), fakellm.Status(200), fakellm.Write(`{"id":`), fakellm.Hang())},
	} {
		t.Run(name, func(t *testing.T) {
			s := fakellm.Start(t, c.step)
			b := newBed(t, quick(), s)
			ctx, leave := context.WithCancel(t.Context())
			go func() {
				s.Await(1)
				leave()
			}()
			o := b.call(ctx, llm.Chat, c.body)
			if o.err == nil {
				t.Fatal("no error")
			}
			<-s.Await(1).Cancelled()
			if a := o.exchange.Attempts; len(a) != 1 || a[0].ErrorCode != "cancelled" {
				t.Errorf("attempts %+v", a)
			}
			if n := b.route.Targets[0].provider.inFlight.Load(); n != 0 {
				t.Errorf("%d requests are in flight", n)
			}
		})
	}
}

func TestLeavingDuringABackOffEndsTheCall(t *testing.T) {
	p := quick()
	p.BackoffFirst, p.BackoffMost, p.Timeout = time.Hour, time.Hour, 0
	s := fakellm.Start(t, fakellm.Error(503, "overloaded", "Later."))
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		<-s.Await(1).Done()
		leave()
	}()
	o := newBed(t, p, s).call(ctx, llm.Chat, plainBody)
	if o.err == nil || ctx.Err() == nil {
		t.Errorf("got %v", o.err)
	}
}

func TestABackOffThatDoesNotFitIsNotWaitedFor(t *testing.T) {
	p := quick()
	p.Timeout = time.Minute
	first := fakellm.Start(t, fakellm.Steps(fakellm.Header("Retry-After", "120"), fakellm.Error(503, "overloaded", "Later.")))
	o := newBed(t, p, first).chat(plainBody)
	var e *llm.Error
	if !errors.As(o.err, &e) || e.Status != 503 || e.RetryAfter != 2*time.Minute {
		t.Errorf("got %+v", o.err)
	}
}

func TestRetriesKeepToTheBudget(t *testing.T) {
	p := quick()
	p.Retries = 5
	s := fakellm.Start(t)
	s.Always(fakellm.Error(503, "overloaded", "Later."))
	b := newBed(t, p, s)
	const exchanges = 200
	began := time.Now()
	for range exchanges {
		b.chat(plainBody)
	}
	windows := 2 + int(time.Since(began)/(9*time.Second)) // that they may have been in
	extra := s.Count() - exchanges
	if most := int(0.2*exchanges) + (windows-1)*budgetFloor*budgetSlices; extra > most || extra == 0 {
		t.Errorf("%d extra requests for %d exchanges, want at most %d", extra, exchanges, most)
	}
}

func TestABreakerThatOpensBetweenRetriesGivesNoneForFree(t *testing.T) {
	first := fakellm.Start(t)
	first.Always(fakellm.Error(500, "broken", "Broken."))
	b := newBed(t, quick(), first)
	for n := range 4 { // the breaker opens at the tenth failure, which is the fourth call's first
		if o := b.chat(plainBody); o.verdicts() != "p1 again, p1 again, p1 next" {
			t.Fatalf("call %d: %s", n+1, o.verdicts())
		}
	}
	requests, extra := 0, 0
	for _, s := range b.route.Targets[0].provider.budget.slices {
		requests, extra = requests+s.requests, extra+s.extra
	}
	if requests != 4 || extra != 8 {
		t.Errorf("the budget has counted %d requests and %d extra attempts", requests, extra)
	}
}

func TestMaxInFlightGoesToTheNextTarget(t *testing.T) {
	gate := fakellm.NewGate()
	first := fakellm.Start(t, fakellm.Steps(fakellm.Wait(gate), fakellm.Answer("slow")))
	second := fakellm.Start(t)
	b := newBed(t, quick())
	b.add(provider.Config{Name: "p1", Kind: provider.KindCompatible, BaseURL: first.BaseURL(), MaxInFlight: 1}, nil)
	done := make(chan outcome)
	go func() { done <- b.chat(plainBody) }()
	<-gate.Reached()
	if o := b.chat(plainBody); code(o.err) != "upstream_busy" || len(o.exchange.Attempts) != 0 {
		t.Errorf("alone: %v", o.err)
	}
	b2 := &bed{t: t, state: b.state, route: &Route{Policy: quick(), Targets: slices.Clone(b.route.Targets)}}
	b2.add(provider.Config{Name: "p2", Kind: provider.KindCompatible, BaseURL: second.BaseURL()}, nil)
	if o := b2.chat(plainBody); o.err != nil || o.verdicts() != "p2 ok" {
		t.Errorf("with another: %v %q", o.err, o.verdicts())
	}
	gate.Open()
	if o := <-done; o.err != nil {
		t.Error(o.err)
	}
}

func TestALongRequestGoesToALargerWindowOnly(t *testing.T) {
	tooLong := fakellm.Error(400, "context_length_exceeded", "This model's maximum context length is 8 tokens.")
	first, small, large := fakellm.Start(t), fakellm.Start(t), fakellm.Start(t)
	first.Always(tooLong)
	at := func(b *bed, name string, s *fakellm.Server, window int64) {
		b.add(provider.Config{Name: name, Kind: provider.KindCompatible, BaseURL: s.BaseURL()}, &catalog.Model{ContextWindow: window})
	}
	b := newBed(t, quick())
	at(b, "p1", first, 8000)
	at(b, "p2", small, 8000)
	at(b, "p3", large, 200000)
	if o := b.chat(plainBody); o.err != nil || o.verdicts() != "p1 next, p3 ok" {
		t.Errorf("got %v %q", o.err, o.verdicts())
	}
	b.route.Targets = b.route.Targets[:2]
	o := b.chat(plainBody)
	var e *llm.Error
	if !errors.As(o.err, &e) || e.Status != 400 || o.verdicts() != "p1 stop" || small.Count() != 0 {
		t.Errorf("got %v %q", o.err, o.verdicts())
	}
}

func TestNoConnectionIsToldApartFromABrokenOne(t *testing.T) {
	b := newBed(t, quick())
	b.add(provider.Config{Name: "gone", Kind: provider.KindCompatible, BaseURL: fakellm.Refused(t)}, nil)
	s := fakellm.Start(t)
	s.Always(fakellm.Cut())
	b.add(provider.Config{Name: "cut", Kind: provider.KindCompatible, BaseURL: s.BaseURL()}, nil)
	o := b.chat(plainBody)
	if code(o.err) != "upstream_unavailable" || o.verdicts() != "gone again, gone again, gone next, cut again, cut again, cut next" {
		t.Errorf("got %v %q", o.err, o.verdicts())
	}
	if m := o.exchange.Attempts[0].ErrorMessage; !strings.HasPrefix(m, "no connection") {
		t.Errorf("refused: %s", m)
	}
	if m := o.exchange.Attempts[5].ErrorMessage; !strings.HasPrefix(m, "the connection to the provider broke") {
		t.Errorf("cut: %s", m)
	}
}

func TestTargetsThatCannotServeAreSkipped(t *testing.T) {
	s := fakellm.Start(t)
	b := newBed(t, quick())
	b.add(provider.Config{Name: "deepseek", Kind: "deepseek", BaseURL: s.BaseURL(), Keys: []string{"key"}}, nil)
	if o := b.call(t.Context(), llm.Embeddings, `{"input":"x"}`); code(o.err) != "unsupported_by_provider" || !strings.Contains(o.err.Error(), "embeddings") {
		t.Errorf("got %v", o.err)
	}
	b.add(provider.Config{Name: "any", Kind: provider.KindCompatible, BaseURL: s.BaseURL()}, nil)
	if o := b.call(t.Context(), llm.Embeddings, `{"input":"x"}`); o.err != nil || o.verdicts() != "any ok" {
		t.Errorf("got %v %q", o.err, o.verdicts())
	}
}

func TestSoundIsPassedOnAsItComes(t *testing.T) {
	gate := fakellm.NewGate()
	s := fakellm.Start(t, fakellm.Steps(fakellm.Header("Content-Type", "audio/mpeg"), fakellm.Status(200),
		fakellm.Write("first"), fakellm.Wait(gate), fakellm.Write("second")))
	b := newBed(t, quick(), s)
	req := requestOf(t, llm.Speech, `{"input":"hi"}`)
	x := llm.Exchange{Start: time.Now()}
	reply, err := b.route.Do(t.Context(), &Call{Request: req, Exchange: &x, Body: func(int) (llm.Payload, []string, error) {
		return llm.Payload{Parts: [][]byte{req.Doc.Raw}}, nil, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Close()
	first, err := reply.Next()
	if string(first) != "first" || err != nil || reply.Header.Get("Content-Type") != "audio/mpeg" {
		t.Fatalf("got %q %v %v", first, err, reply.Header)
	}
	gate.Open()
	second, err := reply.Next()
	if string(second) != "second" || err != nil && !errors.Is(err, io.EOF) {
		t.Errorf("got %q %v", second, err)
	}
}

func TestABodyThatCannotBeMadeEndsTheCall(t *testing.T) {
	s := fakellm.Start(t)
	b := newBed(t, quick(), s, s)
	missing := llm.NewError(llm.CodeInputMissing, "missing")
	x := llm.Exchange{Start: time.Now()}
	_, err := b.route.Do(t.Context(), &Call{Request: requestOf(t, llm.Chat, plainBody), Exchange: &x,
		Body: func(int) (llm.Payload, []string, error) { return llm.Payload{}, nil, missing }})
	if !errors.Is(err, missing) || s.Count() != 0 {
		t.Errorf("got %v, %d requests", err, s.Count())
	}
}

func TestNoMoreIsHeldBackThanIsBounded(t *testing.T) {
	gate := fakellm.NewGate()
	steps := []fakellm.Step{fakellm.Stream()}
	for range heldEvents {
		steps = append(steps, fakellm.Ping())
	}
	s := fakellm.Start(t, fakellm.Steps(append(steps, fakellm.Wait(gate), fakellm.Text("late"), fakellm.Finish("stop"), fakellm.Done())...))
	b := newBed(t, quick(), s)
	done := make(chan outcome)
	req := requestOf(t, llm.Chat, streamBody)
	x := llm.Exchange{Start: time.Now()}
	reply, err := b.route.Do(t.Context(), &Call{Request: req, Exchange: &x, Body: func(int) (llm.Payload, []string, error) {
		return llm.Payload{Parts: [][]byte{req.Doc.Raw}}, nil, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Close()
	close(done)
	if b, err := reply.Next(); err != nil || strings.Count(string(b), "ping") < heldEvents {
		t.Errorf("got %q %v", b, err)
	}
	gate.Open()
}

func TestHeadersOfTheReplyAreAnAllowList(t *testing.T) {
	s := fakellm.Start(t, fakellm.Steps(fakellm.Header("Set-Cookie", "a=b"), fakellm.Header("X-Request-Id", "req-1"),
		fakellm.Header("Openai-Organization", "secret"), fakellm.Answer("ok")))
	b := newBed(t, quick(), s)
	req := requestOf(t, llm.Chat, plainBody)
	x := llm.Exchange{Start: time.Now()}
	reply, err := b.route.Do(t.Context(), &Call{Request: req, Exchange: &x, Body: func(int) (llm.Payload, []string, error) {
		return llm.Payload{ContentType: "application/json", Parts: [][]byte{req.Doc.Raw}}, nil, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Close()
	if h := reply.Header; h.Get("X-Request-Id") != "req-1" || h.Get("Set-Cookie") != "" || h.Get("Openai-Organization") != "" ||
		h.Get("Content-Type") != "application/json" || h.Get("Content-Length") == "" || reply.Status != http.StatusOK {
		t.Errorf("got %v", h)
	}
}
