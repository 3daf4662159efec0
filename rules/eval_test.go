package rules

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
)

func TestMissingKeysDoNotMatch(t *testing.T) {
	s := sample{
		body:    `{"messages":[{"role":"user","content":"hi"},{"role":"user","content":{"text":"x"}}]}`,
		context: `{"tier":"free","user":{"name":"bob"},"tags":["a"],"plan":"absent"}`,
	}
	for source, key := range map[string]string{
		`context.absent == "x"`:                                                    "absent",
		`context["absent"] == "x"`:                                                 "absent",
		`context.user.absent == "x"`:                                               "absent",
		`context.absent.name == "x"`:                                               "absent",
		`context.user["absent"].deep.deeper == "x"`:                                "absent",
		`has(context.absent.name)`:                                                 "absent",
		`has(context.tier) && context.absent == "x"`:                               "absent",
		`!has(context.other) && context.absent == "x"`:                             "absent",
		`context.tier.absent == "x"`:                                               "absent",
		`context.tags[3] == "x"`:                                                   "3",
		`context.tags[-1] == "x"`:                                                  "-1",
		`request.body.messages[7].role == "x"`:                                     "7",
		`request.body.absent == 1`:                                                 "absent",
		`headers["x-absent"] == "x"`:                                               "x-absent",
		`client.claims.absent == "x"`:                                              "absent",
		`inputs.absent == "x" && context.tier == "free"`:                           "absent",
		`context.absent == "x" || context.tier == "paid"`:                          "absent",
		`{"free": 1}["paid"] == 1`:                                                 "paid",
		`{"free": 1}[context.plan] == 1`:                                           "context.plan",
		`context[context.plan] == 1`:                                               "context.plan",
		`request.body.messages.exists(m, m.absent == "x")`:                         "absent",
		`request.body.messages.exists(m, m.absent.deep == "x")`:                    "absent.deep",
		`request.body.messages.all(m, context.absent == m.role)`:                   "absent",
		`[1].exists(context, {"a": context}.b == 1)`:                               "b",
		`(request.stream ? context.user : context.user).absent == "x"`:             "absent",
		`cel.bind(u, context.user, u.absent == "x")`:                               "absent",
		`context.absent`:                                                           "absent",
		`string(context.absent) == "x"`:                                            "absent",
		`context.tags.filter(t, t == context.absent).size() == 0`:                  "absent",
		`context.user.absent > 3 && true`:                                          "absent",
		`request.body.messages[1].content.absent == "x" && context.tier == "free"`: "absent",
	} {
		if got := expect(t, s, source, KeyMissing); got.Key != key {
			t.Errorf("%s: the missing key is %q, want %q", source, got.Key, key)
		}
	}
}

func TestAMissingKeyOnlyCountsWhenItDecides(t *testing.T) {
	s := sample{context: `{"tier":"free"}`}
	for source, want := range map[string]Verdict{
		`context.absent == "x" || context.tier == "free"`:  Matched,
		`context.tier == "free" || context.absent == "x"`:  Matched,
		`context.absent == "x" && context.tier == "paid"`:  NotMatched,
		`context.absent == "x" && context.tier == 1`:       NotMatched,
		`!(context.absent == "x" || true)`:                 NotMatched,
		`has(context.absent) && context.absent == "x"`:     NotMatched,
		`"absent" in context && context.absent == "x"`:     NotMatched,
		`has(context.absent) ? context.absent : true`:      Matched,
		`[1, 2].exists(i, i == 2 || context.absent == i)`:  Matched,
		`context.tier == "free" ? true : context.absent`:   Matched,
		`1 / 0 == 1 || context.tier == "free"`:             Matched,
		`context.tier == "paid" && context.absent / 0 > 1`: NotMatched,
	} {
		expect(t, s, source, want)
	}
}

func TestNumbersCompareByValue(t *testing.T) {
	s := sample{context: `{"n":3,"whole":3.0,"half":2.5,"exp":3e0,"neg":-1,"id":9007199254740993,"big":18446744073709551615,"huge":1e300,"beyond":99999999999999999999}`}
	for source, want := range map[string]Verdict{
		`context.n == 3`:                           Matched,
		`context.n == 3.0`:                         Matched,
		`context.n == 3u`:                          Matched,
		`context.whole == 3`:                       Matched,
		`context.exp == 3`:                         Matched,
		`context.n == context.whole`:               Matched,
		`context.n > 2.5`:                          Matched,
		`context.half > 2`:                         Matched,
		`context.half < context.n`:                 Matched,
		`context.neg < 0u`:                         Matched,
		`context.id == 9007199254740993`:           Matched,
		`context.id == 9007199254740992`:           NotMatched,
		`context.big == 18446744073709551615`:      Matched,
		`context.big > context.id`:                 Matched,
		`context.huge > context.big`:               Matched,
		`context.beyond > 9223372036854775807`:     Matched,
		`context.n in [1, 2, 3]`:                   Matched,
		`context.whole in [1, 2, 3]`:               Matched,
		`{3: "x"}[context.n] == "x"`:               Matched,
		`context.n + 1 == 4`:                       Matched,
		`double(context.n) * 1.5 == 4.5`:           Matched,
		`context.n + 1.5 == 4.5`:                   Failed,
		`context.n == "3"`:                         NotMatched,
		`string(context.id) == "9007199254740993"`: Matched,
	} {
		if source == `context.big == 18446744073709551615` {
			source += "u"
		}
		expect(t, s, source, want)
	}
}

func TestRulesThatCannotBeAnsweredFail(t *testing.T) {
	s := sample{context: `{"tier":"free","n":3,"pattern":"("}`}
	for source, want := range map[string]string{
		`context.tier`:                          "neither true nor false but of type string",
		`context.n / 0 == 1`:                    "context.n / 0: division by zero",
		`context.tier + 1 == 2`:                 "context.tier + 1: no such overload",
		`context.tier && true`:                  "no such overload",
		`context.tier.matches(context.pattern)`: "missing closing )",
		`int(context.tier) == 1`:                "type conversion error",
		`timestamp(context.tier) < now`:         "timestamp",
	} {
		got := expect(t, s, source, Failed)
		if got.Err == nil || !strings.Contains(got.Err.Error(), want) {
			t.Errorf("%s: %v, want something with %q", source, got.Err, want)
		}
	}
}

func TestAnUnreadableContextIsAnError(t *testing.T) {
	for _, unreadable := range []string{`[1]`, `"text"`, `7`, `true`, `}`, "\x00"} {
		got := expect(t, sample{context: unreadable}, `context.tier == "free"`, Failed)
		if got.Err == nil || !strings.Contains(got.Err.Error(), "context is not a JSON object") {
			t.Errorf("context %s: %v", unreadable, got.Err)
		}
	}
	// What begins like an object is read as far as it makes sense.
	for _, broken := range []string{`{`, `{"`, `{"tier`, `{"tier"`, `{"tier":`, `{"tier":}`, `{"tier":"fr`, `{"tier":[1,{`, `{"tier":{"a":"b`, `{{{{`, `{"a":nul`} {
		for _, source := range []string{`context.tier == "free"`, `size(context) > 5`, `context.all(k, context[k] == 1)`, `context == {"a": 1}`, `context.tier.a == "b"`, `context.tier[1] == 1`} {
			if got := compile(t, source).Eval(t.Context(), sample{context: broken}.facts(t)); got.Verdict == Failed && strings.Contains(got.Err.Error(), "internal") {
				t.Errorf("%s on %s: %v", source, broken, got.Err)
			}
		}
	}
}

func TestARuleThatCostsTooMuchIsStopped(t *testing.T) {
	items := strings.Repeat(`"xxxxxxxxxx",`, 2000)
	s := sample{body: `{"items":[` + items + `"x"]}`}
	const loops = `request.body.items.all(a, request.body.items.all(b, a == b || a != b))`
	got := compile(t, loops).Eval(t.Context(), s.facts(t))
	if got.Verdict != Failed || got.Err == nil || !strings.Contains(got.Err.Error(), "cost limit") {
		t.Errorf("two loops over 2,001 elements: %v %v", got.Verdict, got.Err)
	}
	cheap, err := newCompiler(t, Options{CostLimit: 100}).Compile(`request.body.items.all(a, a != "")`)
	if err != nil {
		t.Fatal(err)
	}
	if got := cheap.Eval(t.Context(), s.facts(t)); got.Verdict != Failed {
		t.Errorf("a loop of 2,001 turns at a limit of 100: %v", got.Verdict)
	}
	if e := cheap.Explain(t.Context(), s.facts(t)); e.Verdict != Failed || !strings.Contains(e.Why, "cost limit") {
		t.Errorf("Explain at a limit of 100: %v %q", e.Verdict, e.Why)
	}
	if got := compile(t, `request.body.items.all(a, a != "")`).Eval(t.Context(), s.facts(t)); got.Verdict != Matched {
		t.Errorf("a loop of 2,001 turns at the default limit: %v %v", got.Verdict, got.Err)
	}
}

func TestALongTextDoesNotMakeAPlainRuleFail(t *testing.T) {
	long := strings.Repeat("all is well ", 200_000)
	s := sample{body: `{"messages":[{"role":"user","content":"` + long + `refund"}]}`}
	expect(t, s, `request.last_message.contains("refund")`, Matched)
	expect(t, s, `request.last_message.endsWith("refund") && request.input_tokens > 100000`, Matched)
}

func TestRulesShareWhatTheyFoundOut(t *testing.T) {
	f := sample{body: `{"messages":[{"role":"user","content":"hi"}],"list":[1,2]}`}.facts(t)
	if got := compile(t, `request.body.list[1] == 2 && request.message_count == 1`).Eval(t.Context(), f); got.Verdict != Matched {
		t.Fatal(got)
	}
	if !f.messages.done || len(f.roots[rootBody].asked) != 1 {
		t.Error("the survey and the list are not kept")
	}
}

func TestRulesMayFailAtTheSameTime(t *testing.T) {
	s := sample{context: `{"tier":"free","n":9223372036854775807}`}
	for _, source := range []string{`-context.tier == 1`, `context.tier && true`, `context.tier < 1`, `context.tier.contains(context.n)`, `timestamp(-context.n) < now`,
		`math.abs(-context.n - 1) == 1`, `[1].all(i, math.abs(-context.n - i) == 1)`, `context.n + 1 == 1`, `1 / (context.n - context.n) == 1`} {
		rule := compile(t, source)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if got := rule.Eval(context.Background(), s.facts(t)); got.Verdict != Failed {
					t.Errorf("%s: %v", source, got.Verdict)
				}
			})
		}
		wg.Wait()
	}
}

func TestAConditionServesManyRequestsAtOnce(t *testing.T) {
	rule := compile(t, `context.tier == "enterprise" && request.body.messages.exists(m, m.role == "user") && headers["x-team"] == "search"`)
	s := sample{context: `{"tier":"enterprise"}`, body: `{"messages":[{"role":"user"}]}`, header: http.Header{"X-Team": {"search"}}}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if got := rule.Eval(context.Background(), s.facts(t)); got.Verdict != Matched {
					t.Errorf("Eval: %v %v", got.Verdict, got.Err)
				}
				if e := rule.Explain(context.Background(), s.facts(t)); e.Verdict != Matched {
					t.Errorf("Explain: %v %v", e.Verdict, e.Err)
				}
			}
		})
	}
	wg.Wait()
}
