package rules

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/llm"
)

func TestExplainSaysWhy(t *testing.T) {
	s := sample{
		body:    `{"model":"gpt-5","messages":[{"role":"system","content":"Be kind."},{"role":"user","content":"I want a refund"}],"max_tokens":20}`,
		context: `{"tier":"free","user":{"name":"bob","plan":"basic"},"tags":["a","b"],"seats":3,"beta":true,"idx":9}`,
		header:  http.Header{"X-Team": {"search"}, "Authorization": {"Bearer secret"}},
		client:  llm.Client{ID: "bob", Claim: func(name string) (any, bool) { return "admin", name == "role" }},
	}
	for source, want := range map[string]string{
		// What made it true or false, and only that.
		`context.tier == "enterprise" && request.input_tokens < 8000`:   `not_matched: context.tier is "free"`,
		`context.tier == "free" && request.input_tokens < 8000`:         `matched: context.tier is "free" and request.input_tokens is 14`,
		`context.tier == "free" || request.stream`:                      `matched: context.tier is "free"`,
		`context.tier == "paid" || request.stream`:                      `not_matched: context.tier is "free" and request.stream is false`,
		`(context.tier == "a" || context.seats == 1) && request.stream`: `not_matched: context.tier is "free" and context.seats is 3`,
		`!(context.tier == "free")`:                                     `not_matched: context.tier is "free"`,
		`context.seats > 2 ? context.tier == "x" : true`:                `not_matched: context.seats is 3 and context.tier is "free"`,
		`context.beta`: `matched: context.beta is true`,
		`request.model.startsWith("gpt") && request.max_tokens > 100`: `not_matched: request.max_tokens is 20`,
		`headers["x-team"] == "ads"`:                                  `not_matched: headers["x-team"] is "search"`,
		`client.claims.role == "user"`:                                `not_matched: client.claims.role is "admin"`,
		`rollout("new-model", 0)`:                                     `not_matched: rollout("new-model", 0) is false`,
		`healthy("openai")`:                                           `matched: healthy("openai") is true`,
		`orValue(context, "tier", "x") == "y"`:                        `not_matched: orValue(context, "tier", "x") is "free"`,
		`size(context.tags) == 3`:                                     `not_matched: size(context.tags) is 2`,
		`now.getHours("Europe/Berlin") < 22`:                          `not_matched: now.getHours("Europe/Berlin") is 23`,
		`request.body.messages.exists(m, m.role == "tool")`:           `not_matched: request.body.messages.exists(m, m.role == "tool") is false`,
		`context.absent == "x" || context.tier == "free"`:             `matched: context.tier is "free"`,
		// Which key is not there.
		`context.absent == "x"`:                       `key_missing: the context has no key "absent"`,
		`context.absent.deeper == "x"`:                `key_missing: the context has no key "absent"`,
		`context.user.absent == 1`:                    `key_missing: context.user has no key "absent"`,
		`context[context.tier] == 1`:                  `key_missing: the context has no key "free"`,
		`context.tags[context.idx] == "a"`:            `key_missing: context.tags has no element 9`,
		`request.body.messages[7].role == "x"`:        `key_missing: request.body.messages has no element 7`,
		`headers["x-absent"] == "a"`:                  `key_missing: the request has no header "x-absent"`,
		`inputs.x == 1`:                               `key_missing: the inputs have no key "x"`,
		`metadata.x == 1`:                             `key_missing: the metadata has no key "x"`,
		`client.claims.org == "x"`:                    `key_missing: the client has no claim "org"`,
		`request.body.messages.all(m, m.absent == 1)`: `key_missing: m has no key "absent"`,
		`cel.bind(u, context.user, u.absent == 1)`:    `key_missing: u has no key "absent"`,
		// Why it failed.
		`context.seats / 0 == 1`: `failed: the rule failed: context.seats / 0: division by zero`,
		`context.tier + 1 == 2`:  `failed: the rule failed: context.tier + 1: no such overload`,
	} {
		e := compile(t, source).Explain(t.Context(), s.facts(t))
		if got := e.Verdict.String() + ": " + e.Why; got != want {
			t.Errorf("%s\n got %s\nwant %s", source, got, want)
		}
	}
}

func TestExplainShowsTheValuesThatWereRead(t *testing.T) {
	s := sample{context: `{"tier":"free","seats":3,"tags":["a"]}`, header: http.Header{"X-Team": {"search"}}}
	for source, want := range map[string]string{
		`context.tier == "free" && context.seats > 2`:          `[{context.tier "free"} {context.seats 3}]`,
		`context.tier == "paid" && context.seats > 2`:          `[{context.tier "free"}]`, // the rest was not asked
		`context.seats > 2 && context.seats < 9`:               `[{context.seats 3}]`,
		`context.tags.exists(t, t == headers["x-team"])`:       `[{context.tags ["a"]} {headers["x-team"] "search"}]`,
		`context.absent == 1 || context.tier == "paid"`:        `[{context.tier "free"}]`,
		`math.greatest(context.seats, 2) == 7 && healthy("x")`: `[{math.greatest(context.seats, 2) 3}]`,
		`true`: `[]`,
	} {
		if got := fmt.Sprint(compile(t, source).Explain(t.Context(), s.facts(t)).Values); got != want {
			t.Errorf("%s\n got %s\nwant %s", source, got, want)
		}
	}
}

func TestExplainCutsLongValuesShort(t *testing.T) {
	s := sample{context: `{"text":"` + strings.Repeat("ä", 5000) + `","list":[` + strings.Repeat(`"x",`, 5000) + `1]}`}
	for _, source := range []string{`context.text == ""`, `context.list == []`, `size(context.list) == 0 || context == {}`, `context.text + "x" == ""`,
		`int(context.text) == 1`, `context.list.map(x, x) == []`, `{"a": context.list} == {}`} {
		e := compile(t, source).Explain(t.Context(), s.facts(t))
		if len(e.Why) > 3*maxText {
			t.Errorf("%s: why has %d bytes", source, len(e.Why))
		}
		for _, v := range e.Values {
			if len(v.Value) > maxText+8 || len(v.Expression) > maxText+8 {
				t.Errorf("%s: a value of %d bytes", source, len(v.Value))
			}
		}
	}
}
