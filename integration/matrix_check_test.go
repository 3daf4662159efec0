package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream"
)

// story is what the gateway tells of all cells when they are over.
type story struct {
	// grown is by how much counters have grown, by provider and series.
	grown   map[string]map[string]float64
	resting map[string]float64 // the gauge, by its series
	lines   map[string]string  // of the access log, by trace id
	targets map[string]upstream.TargetStatus
}

// metrics returns the gateway's own series.
func (l *lab) metrics(t *testing.T) map[string]float64 {
	t.Helper()
	all := make(map[string]float64)
	for line := range strings.Lines(l.gateway.metrics()) {
		series, value, ok := strings.Cut(strings.TrimSpace(line), "} ")
		if !ok || !strings.HasPrefix(series, "llm_gateway_") {
			continue
		}
		f, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatal(err)
		}
		all[series+"}"] = f
	}
	return all
}

// countedSeries are the counters that are checked.
var countedSeries = []string{"llm_gateway_requests_total", "llm_gateway_attempts_total", "llm_gateway_tokens_total"}

// story waits until that many exchanges are in the access log, and reads the rest of what
// there is. before is what the metrics were.
func (l *lab) story(t *testing.T, exchanges int, before map[string]float64) *story {
	t.Helper()
	s := &story{grown: make(map[string]map[string]float64), lines: make(map[string]string), targets: make(map[string]upstream.TargetStatus)}
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for giveUp := time.Now().Add(patience); len(s.lines) < exchanges && time.Now().Before(giveUp); <-look.C {
		for line := range strings.Lines(l.log()) {
			if strings.Contains(line, `"logger":"http.log.access`) {
				s.lines[gjson.Get(line, "llm.trace_id").String()] = line
			}
		}
	}
	s.resting = l.metrics(t)
	for series, n := range s.resting {
		name, labels, _ := strings.Cut(series, "{")
		if n -= before[series]; n == 0 || !slices.Contains(countedSeries, name) {
			continue
		}
		_, provider, _ := strings.Cut(labels, `provider="`)
		provider, _, _ = strings.Cut(provider, `"`)
		if s.grown[provider] == nil {
			s.grown[provider] = make(map[string]float64)
		}
		s.grown[provider][series] = n
	}
	resp, err := passingClient().Get(l.AdminURL + "/llm_gateway/targets")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var list struct{ Targets []upstream.TargetStatus }
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	for _, target := range list.Targets {
		s.targets[target.Target] = target
	}
	return s
}

// check checks all that a cell says: the answer, the requests at each provider, the account
// and who rests.
func (c *cell) check(t *testing.T, l *lab, s *story) {
	if c.got.failed != nil {
		t.Fatalf("no answer: %v", c.got.failed)
	}
	a := c.got.answer
	switch {
	case c.cured():
		c.checkCured(t, a)
	case c.row.phase == midStream:
		c.checkBrokenOff(t, a)
	default:
		c.checkRefused(t, a)
	}
	for _, hidden := range []string{secret, "127.0.0.1", "example.com", "goroutine"} {
		if strings.Contains(a.Body, hidden) {
			t.Errorf("the client sees %q: %s", hidden, a.Body)
		}
	}
	if got, want := a.Header.Get("X-Deployment-Attempts"), strconv.Itoa(len(c.attempts())); got != want {
		t.Errorf("X-Deployment-Attempts is %s, want %s", got, want)
	}
	if got, want := a.Header.Get("X-Deployment-Model"), c.target(c.answeredBy()); got != want {
		t.Errorf("X-Deployment-Model is %s, want %s", got, want)
	}
	c.checkRequests(t, l)
	c.checkLine(t, s.lines[a.Header.Get("X-Deployment-Trace-Id")])
	c.checkNumbers(t, s.grown)
	c.checkRest(t, s)
}

// checkCured checks a whole answer.
func (c *cell) checkCured(t *testing.T, a answer) {
	if want := c.text(c.answeredBy()); a.Status != 200 || a.Err != nil || c.said(a.Body) != want {
		t.Errorf("got %d %s, %v; want %q", a.Status, a.Body, a.Err, want)
	}
	if c.failure(a.Body).Exists() || c.mode == streamAnswer && !c.ended(a.Body) {
		t.Errorf("the answer is not whole: %s", a.Body)
	}
}

// failure returns the error that an answer is or ends with, if it does.
func (c *cell) failure(body string) gjson.Result {
	if c.mode == streamAnswer && strings.Contains(body, "data: ") {
		for line := range strings.Lines(body) {
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				if e := gjson.Get(data, "error"); e.IsObject() {
					return e
				}
			}
		}
		return gjson.Result{}
	}
	if e := gjson.Get(body, "error"); e.IsObject() {
		return e
	}
	return gjson.Result{}
}

// ended says whether a stream has come to its end, as the client's dialect says it.
func (c *cell) ended(stream string) bool {
	switch c.spoken.client {
	case llm.Responses:
		return strings.Contains(stream, "event: response.completed\n")
	case llm.Messages:
		return strings.Contains(stream, "event: message_stop\n")
	default:
		return strings.HasSuffix(stream, "data: [DONE]\n\n")
	}
}

// said returns the model's words in an answer.
func (c *cell) said(body string) string {
	plain, piece := "choices.0.message.content", "choices.0.delta.content"
	switch c.spoken.client {
	case llm.Responses:
		plain, piece = "output.0.content.0.text", "delta"
	case llm.Messages:
		plain, piece = "content.0.text", "delta.text"
	}
	switch c.mode {
	case plainAnswer:
		return gjson.Get(body, plain).String()
	case soundAnswer:
		return body
	}
	var words strings.Builder
	for line := range strings.Lines(body) {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			words.WriteString(gjson.Get(data, piece).String())
		}
	}
	return words.String()
}

// checkBrokenOff checks an answer that broke off: a stream says so, and the connection of
// anything else is cut.
func (c *cell) checkBrokenOff(t *testing.T, a answer) {
	said := c.said(a.Body)
	whole := said == c.begin()
	if c.row.lossy && c.mode == soundAnswer { // what is asked for in a stream has come before the fault
		whole = said != "" && strings.HasPrefix(c.begin(), said)
	}
	if a.Status != 200 || !whole {
		t.Errorf("got %d and %d bytes, want the %d that came before", a.Status, len(said), len(c.begin()))
	}
	if c.mode == soundAnswer {
		if !errors.Is(a.Err, io.ErrUnexpectedEOF) {
			t.Errorf("the answer ends with %v", a.Err)
		}
		return
	}
	events := strings.Split(strings.TrimSuffix(a.Body, "\n\n"), "\n\n")
	last := events[len(events)-1]
	if a.Err != nil || c.ended(a.Body) || strings.Contains(a.Body, "[DONE]") || !c.failure(last).Exists() {
		t.Errorf("the stream ends with %q, %v", last, a.Err)
	}
	c.checkEnvelope(t, a.Body)
}

// checkRefused checks an error in place of an answer.
func (c *cell) checkRefused(t *testing.T, a answer) {
	told := c.told()
	if a.Status != told.status || a.Err != nil || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("got %d %s, %v; want %d", a.Status, a.Body, a.Err, told.status)
	}
	if got := a.Header.Get("Retry-After"); got != told.retryAfter {
		t.Errorf("Retry-After is %q, want %q", got, told.retryAfter)
	}
	c.checkEnvelope(t, a.Body)
}

// checkEnvelope checks the words of the error that an answer is or ends with.
func (c *cell) checkEnvelope(t *testing.T, body string) {
	e, told := c.failure(body), c.told()
	word := e.Get("code").String()
	if c.spoken.client == llm.Messages {
		word = e.Get("type").String()
	}
	if word != told.code || e.Get("message").String() != told.message || e.Get("type").String() == "" {
		t.Errorf("got %s, want %s and %q", body, told.code, told.message)
	}
}

// checkRequests checks what the providers saw: every attempt is one request, or one
// connection where none could be made, and none hangs on.
func (c *cell) checkRequests(t *testing.T, l *lab) {
	for _, p := range c.providers() {
		if c.row.port != nil {
			if got := doors.dials(doorOf(p)); got != c.seen(p) {
				t.Errorf("%s was dialled %d times, want %d", p, got, c.seen(p))
			}
			continue
		}
		requests := l.requests(c, p)
		if len(requests) != c.seen(p) {
			t.Errorf("%s saw %d requests, want %d", p, len(requests), c.seen(p))
		}
		for i, r := range requests {
			if !strings.HasPrefix(r.Proto, strings.TrimSuffix(string(c.wire), ".1")) {
				t.Errorf("spoke %s", r.Proto)
			}
			if key := r.Key(); c.cure == keyCures && i == 1 && key != otherSecret {
				t.Errorf("the second request had the first key")
			}
			if !c.row.waits || !c.fails(p, i+1) {
				continue
			}
			select {
			case <-r.Cancelled():
			case <-time.After(patience):
				t.Errorf("request %d of %s was not given up", i+1, p)
			}
		}
		c.checkWait(t, requests)
	}
}

// requests returns what a provider saw.
func (l *lab) requests(c *cell, provider string) []*fakellm.Request {
	return slices.DeleteFunc(l.servers[c.wire].Requests(), func(r *fakellm.Request) bool { return providerOf(r) != provider })
}

// checkWait checks that a short Retry-After was waited for, but for another key.
func (c *cell) checkWait(t *testing.T, requests []*fakellm.Request) {
	if !strings.Contains(c.row.fault, "short Retry-After") || c.cure == keyCures || len(requests) < 2 {
		return
	}
	if waited := requests[1].Time.Sub(requests[0].Time); waited < 30*time.Millisecond {
		t.Errorf("asked again after %v", waited)
	}
}

// outcome returns how the exchange should be accounted.
func (c *cell) outcome() llm.Outcome {
	if c.cured() {
		return llm.OutcomeOK
	}
	return c.row.told.outcome
}

// checkLine checks the line of the access log.
func (c *cell) checkLine(t *testing.T, line string) {
	want := map[string]any{
		"llm.deployment": c.name, "llm.variant": "default", "llm.provider": c.answeredBy(), "llm.model": c.model(),
		"llm.stream": c.mode == streamAnswer, "llm.attempts": float64(len(c.attempts())), "llm.outcome": string(c.outcome()),
		"llm.input_tokens": nil, "llm.output_tokens": nil, "llm.cached_tokens": nil, "llm.reasoning_tokens": nil, "llm.estimated": nil,
		"status": float64(c.got.Status),
	}
	switch {
	case c.cured():
		u := fakellm.DefaultUsage
		want["llm.input_tokens"], want["llm.output_tokens"] = float64(u.Input), float64(u.Output)
		want["llm.cached_tokens"], want["llm.reasoning_tokens"] = float64(u.Cached), float64(c.spoken.reasoning)
	case c.mode == streamAnswer && c.row.phase == midStream:
		delete(want, "llm.input_tokens")
		if n := gjson.Get(line, "llm.input_tokens").Int(); n <= 0 {
			t.Errorf("access log: the prompt's tokens are estimated as %d", n)
		}
		want["llm.output_tokens"], want["llm.estimated"] = 2.0, true // of 5 bytes
		want["llm.cached_tokens"], want["llm.reasoning_tokens"] = 0.0, 0.0
		if c.spoken.client == llm.Messages { // a stream of theirs begins with what has gone in
			want["llm.input_tokens"], want["llm.cached_tokens"] = float64(fakellm.DefaultUsage.Input), float64(fakellm.DefaultUsage.Cached)
		}
	}
	for field, value := range want {
		if got := gjson.Get(line, field).Value(); got != value {
			t.Errorf("access log: %s is %v, want %v", field, got, value)
		}
	}
}

// checkNumbers checks the counters, which say the same.
func (c *cell) checkNumbers(t *testing.T, grown map[string]map[string]float64) {
	want := map[string]float64{
		fmt.Sprintf("llm_gateway_requests_total{deployment=%q,model=%q,outcome=%q,provider=%q,variant=\"default\"}",
			c.name, c.model(), c.outcome(), c.answeredBy()): 1,
	}
	for _, a := range c.attempts() {
		want[fmt.Sprintf("llm_gateway_attempts_total{model=%q,provider=%q,verdict=%q}", c.model(), a.provider, a.verdict)]++
	}
	if c.cured() {
		u := fakellm.DefaultUsage
		for kind, n := range map[string]int{"input": u.Input, "output": u.Output, "cached_input": u.Cached, "reasoning": c.spoken.reasoning} {
			if n > 0 {
				want[fmt.Sprintf("llm_gateway_tokens_total{deployment=%q,model=%q,provider=%q,type=%q,variant=\"default\"}",
					c.name, c.model(), c.answeredBy(), kind)] = float64(n)
			}
		}
	}
	got := make(map[string]float64)
	for _, p := range c.providers() {
		maps.Copy(got, grown[p])
	}
	if !c.cured() && c.row.phase == midStream { // what is estimated is checked by the line of the log
		maps.DeleteFunc(got, func(series string, _ float64) bool { return strings.HasPrefix(series, "llm_gateway_tokens_total") })
	}
	if !maps.Equal(got, want) {
		t.Errorf("the counters grew by %v, want %v", got, want)
	}
}

// checkRest checks who rests now: a target whose attempts failed, if the row says that it does.
func (c *cell) checkRest(t *testing.T, s *story) {
	for _, p := range c.providers() {
		want := upstream.Reason("")
		if c.cure != keyCures && c.seen(p) > 0 && c.fails(p, c.seen(p)) {
			want = c.row.rests
		}
		got := s.targets[c.target(p)]
		if got.Target == "" || got.Why != want || got.Resting != (want != "") || got.InFlight != 0 {
			t.Errorf("%s: got %+v, want it to rest for the reason %q", p, got, want)
		}
		gauge := fmt.Sprintf("llm_gateway_target_resting{model=%q,provider=%q}", c.model(), p)
		resting, known := s.resting[gauge]
		if !known || (resting == 1) != (want != "") {
			t.Errorf("%s is %v", gauge, resting)
		}
		if keys := len(c.keys(p)); c.cure == keyCures && c.row.rests != "" && (got.Keys != keys || got.KeysResting != keys-1) {
			t.Errorf("%s: got %+v, want one key to rest", p, got)
		}
	}
}
