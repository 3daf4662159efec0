package rules

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/llm"
)

// tenRules are rules as people write them, none of which is true of benchSample.
var tenRules = []string{
	`context.tier == "enterprise" && request.input_tokens < 8000`,
	`context.tier == "team" && request.stream`,
	`headers["x-team"] == "ads"`,
	`request.model.startsWith("claude-")`,
	`client.id == "alice" && client.authenticated`,
	`context.absent == "x"`,
	`request.message_count > 20 || request.has_images`,
	`request.last_message.contains("lawyer")`,
	`orValue(context, "plan", "free") in ["gold", "platinum"]`,
	`rollout("new-model", 0)`,
}

func benchSample() sample {
	return sample{
		body: `{"model":"gpt-5","stream":true,"user":"u-1","messages":[{"role":"system","content":"Be kind."},{"role":"user","content":"` +
			strings.Repeat("I want a refund. ", 20) + `"}]}`,
		context: `{"tier":"free","user":{"name":"bob","plan":"basic"},"tags":["a","b"],"seats":3}`,
		header:  http.Header{"X-Team": {"search"}, "Accept": {"*/*"}, "Content-Type": {"application/json"}, "User-Agent": {"test"}},
		client:  llm.Client{ID: "bob", IP: "10.0.0.7", Authenticated: true},
	}
}

func compileAll(t testing.TB, sources []string) []*Condition {
	t.Helper()
	c := newCompiler(t, Options{})
	rules := make([]*Condition, len(sources))
	for i, source := range sources {
		var err error
		if rules[i], err = c.Compile(source); err != nil {
			t.Fatal(err)
		}
	}
	return rules
}

// askAll asks every rule about new facts of a request, and fails when one is true or fails.
func askAll(t testing.TB, rules []*Condition, req *llm.Request) {
	f := Facts{Request: req}
	for _, r := range rules {
		if got := r.Eval(context.Background(), &f); got.Verdict == Matched || got.Verdict == Failed {
			t.Fatalf("%s: %v %v", r.Source(), got.Verdict, got.Err)
		}
	}
}

func BenchmarkTenRulesNoneMatches(b *testing.B) {
	rules := compileAll(b, tenRules)
	req := benchSample().facts(b).Request
	b.ReportAllocs()
	for b.Loop() {
		askAll(b, rules, req)
	}
}

// BenchmarkRules shows that what rules allocate does not grow with their number.
func BenchmarkRules(b *testing.B) {
	req := benchSample().facts(b).Request
	for _, n := range []int{1, 10, 100} {
		rules := compileAll(b, rulesOnTheSameFacts(n))
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				askAll(b, rules, req)
			}
		})
	}
}

func BenchmarkLoop(b *testing.B) {
	rules := compileAll(b, []string{`request.body.messages.exists(m, m.role == "tool")`})
	req := benchSample().facts(b).Request
	b.ReportAllocs()
	for b.Loop() {
		askAll(b, rules, req)
	}
}

func BenchmarkCompile(b *testing.B) {
	c := newCompiler(b, Options{})
	for b.Loop() {
		if _, err := c.Compile(tenRules[0]); err != nil {
			b.Fatal(err)
		}
	}
}

// rulesOnTheSameFacts makes n different rules that read the same.
func rulesOnTheSameFacts(n int) []string {
	sources := make([]string, n)
	for i := range n {
		sources[i] = fmt.Sprintf(
			`context.tier == "t%[1]d" || headers["x-team"] == "h%[1]d" || request.model == "m%[1]d" || client.id == "c%[1]d" || `+
				`context.user.plan == "p%[1]d" || request.last_message == "l%[1]d" || request.input_tokens == 1000%[1]d || `+
				`request.body.messages[1].role == "r%[1]d" || context.seats == 1000%[1]d || "t%[1]d" in context.tags || now < timestamp("2000-01-01T00:00:00Z")`, i)
	}
	return sources
}

func TestRulesThatReadTheSameFactsAllocateNoMore(t *testing.T) {
	if raceEnabled {
		t.Skip("allocations cannot be counted under the race detector")
	}
	req := benchSample().facts(t).Request
	allocations := func(n int) float64 {
		rules := compileAll(t, rulesOnTheSameFacts(n))
		return testing.AllocsPerRun(50, func() { askAll(t, rules, req) })
	}
	if one, many := allocations(1), allocations(100); many > one {
		t.Errorf("a rule allocates %v times, 100 rules on the same facts %v times", one, many)
	}
	// What ten ordinary rules may allocate, so that it does not grow unnoticed.
	rules := compileAll(t, tenRules)
	if n := testing.AllocsPerRun(50, func() { askAll(t, rules, req) }); n > 20 {
		t.Errorf("ten rules allocate %v times", n)
	}
}
