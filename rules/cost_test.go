package rules

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// hostile is a body that makes loops long and comparisons deep.
func hostile() sample {
	const n = 20_000
	var list, object strings.Builder
	for i := range n {
		fmt.Fprintf(&list, `%d,`, i)
		fmt.Fprintf(&object, `"key-%d":%d,`, i, i)
	}
	return sample{
		context: `{"pattern":"` + strings.Repeat("a?", 2000) + `"}`,
		body: `{"list":[` + list.String() + `0],"object":{` + object.String() + `"last":0},"other":{` + object.String() + `"last":1},` +
			`"text":"` + strings.Repeat("a", 1_000_000) + `"}`,
	}
}

func TestNoRuleDoesMoreThanItMay(t *testing.T) {
	f := hostile().facts(t)
	compiler := newCompiler(t, Options{CostLimit: 100_000})
	for _, source := range []string{
		// Loops in loops.
		`request.body.list.all(a, request.body.list.all(b, a == b || a != b))`,
		`request.body.list.filter(a, request.body.list.exists_one(b, a == b)).size() == 1`,
		`request.body.list.map(a, request.body.list.map(b, b)).size() == 1`,
		`request.body.list.filter(a, request.body.list.filter(b, true)[0] == a).size() == 1`,
		`request.body.object.all(k, request.body.object.exists(l, l == k))`,
		// Loops that search, compare, copy or read long texts.
		`request.body.list.all(a, a in request.body.list)`,
		`request.body.list.all(a, request.body.object != request.body.other)`,
		`request.body.list.all(a, [request.body.object] != [request.body.other])`,
		`request.body.list.all(a, dyn({"a": request.body.object}) != {"a": request.body.other})`,
		`request.body.list.all(a, !(request.body.object in [request.body.other]))`,
		`request.body.list.all(a, !request.body.text.contains("b"))`,
		`request.body.list.all(a, !request.body.text.matches("b$"))`,
		`request.body.list.all(a, request.body.text.lowerAscii() != "")`,
		`request.body.list.all(a, request.body.text + "b" != "")`,
		`request.body.list.all(a, "%s".format([request.body.object]) != "")`,
		`request.body.list.all(a, json.encode(request.body.object) != "")`,
		`request.body.list.all(a, request.body.list.slice(0, 20000).size() > 0)`,
		`request.body.list.all(a, request.body.list.reverse().size() > 0)`,
		`request.body.list.all(a, math.greatest(request.body.list) > 0)`,
		`request.body.list.all(a, lists.range(20000).size() > 0)`,
		`request.body.list.map(a, request.body.list).flatten().size() == 1`,
		// Calls that are out of proportion on their own.
		`request.body.list.distinct().size() == 1`,
		`request.body.list.sort()[0] == 0`,
		`request.body.list.map(a, a).sort()[0] == 0`,
		`request.body.list.sortBy(a, a)[0] == 0`,
		`request.body.text.replace("a", request.body.text) == ""`,
		`request.body.text.indexOf(request.body.text) == 1`,
		`request.body.text.lastIndexOf(request.body.text + "b") == 1`,
		`request.body.text.matches(context.pattern)`,
		`request.body.text.split("").size() == 1`,
		`lists.range(999999999).size() == 1`,
		`cel.bind(a, request.body.text + request.body.text, cel.bind(b, a + a, cel.bind(c, b + b, cel.bind(d, c + c, (d + d).size() == 1))))`,
	} {
		rule, err := compiler.Compile(source)
		if err != nil {
			t.Error(err)
			continue
		}
		// Without a limit most of these would take minutes to years. The time that they are given
		// is far more than a slow machine needs to come to the limit.
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		got := rule.Eval(ctx, f)
		cancel()
		if got.Verdict != Failed || got.Err == nil || got.Err.Error() != costLimitExceeded {
			t.Errorf("%s: %v %v", source, got.Verdict, got.Err)
		}
	}
}

func TestTheLimitIsThatOfTheOptions(t *testing.T) {
	f := sample{body: `{"list":[1,2,3,4,5,6,7,8,9,10]}`}.facts(t)
	const source = `request.body.list.all(a, a > 0)`
	for limit, want := range map[uint64]Verdict{10: Failed, 200: Matched} {
		rule, err := newCompiler(t, Options{CostLimit: limit}).Compile(source)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 { // each evaluation begins at nothing
			if got := rule.Eval(t.Context(), f); got.Verdict != want {
				t.Fatalf("at a limit of %d: %v %v", limit, got.Verdict, got.Err)
			}
		}
		if e := rule.Explain(t.Context(), f); e.Verdict != want {
			t.Errorf("Explain at a limit of %d: %v %v", limit, e.Verdict, e.Err)
		}
	}
}

func TestTheLimitEndsARuleWhateverIsAround(t *testing.T) {
	rule, err := newCompiler(t, Options{CostLimit: 50}).Compile(`request.stream || [1, 2].exists(x, request.body.list.all(a, a > 0) || true) || true`)
	if err != nil {
		t.Fatal(err)
	}
	f := sample{body: `{"list":[` + strings.Repeat("1,", 100) + `1]}`}.facts(t)
	if got := rule.Eval(t.Context(), f); got.Verdict != Failed {
		t.Errorf("%v %v", got.Verdict, got.Err)
	}
}

func TestOrdinaryLoopsAreFarFromTheLimit(t *testing.T) {
	var messages strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&messages, `{"role":"user","content":[{"type":"text","text":"this is message %d of a long conversation"},{"type":"image_url"}]},`, i)
	}
	s := sample{body: `{"messages":[` + messages.String() + `{"role":"tool","content":[]}],"ids":["` + strings.Repeat(`x","`, 500) + `y"]}`}
	for _, source := range []string{
		`request.body.messages.exists(m, m.role == "tool")`,
		`request.body.messages.exists(m, m.content.exists(p, p.type == "file")) || true`,
		`request.body.messages.filter(m, m.role == "user").size() == 2000`,
		`request.body.messages.filter(m, m.role == "user").map(m, m.content[0].text).all(t, !t.matches("(?i)refund|lawyer"))`,
		`request.body.messages.map(m, m.role).slice(0, 3).distinct() == ["user"]`,
		`request.body.ids.distinct() == ["x", "y"]`,
		`request.body.messages.map(m, m.content.size() > 0 ? m.content[0].text : "").join("\n").size() > 1000`,
	} {
		if got := compile(t, source).Eval(t.Context(), s.facts(t)); got.Verdict != Matched {
			t.Errorf("%s: %v %v", source, got.Verdict, got.Err)
		}
	}
}

func TestGuardedFunctionsExist(t *testing.T) {
	c := newCompiler(t, Options{})
	for name := range guarded {
		if _, err := c.implementation(name); err != nil {
			t.Error(err)
		}
	}
}

func TestALoopEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the client is gone")
	cancel(gone)
	s := sample{body: `{"items":[` + strings.Repeat("1,", 999) + `1]}`}
	got := compile(t, `request.body.items.all(a, a == 1)`).Eval(ctx, s.facts(t))
	if got.Verdict != Failed || !errors.Is(got.Err, gone) {
		t.Errorf("%v %v", got.Verdict, got.Err)
	}
}
