package deployment

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/rules"
)

// verdicts lists what the rules said, as "gold: matched".
func (d *Decision) verdicts() (all []string) {
	for _, r := range d.Rules {
		all = append(all, r.Variant+": "+r.Verdict)
	}
	return all
}

func TestExplainSaysWhatEachRuleSaid(t *testing.T) {
	d := deployment(t, `gold: context.tier == "gold"`, `odd: `+failing, `default`, `behind: true`)
	for context, want := range map[string][]string{
		`{"tier":"gold"}`:         {"gold: matched", "odd: not_asked", "default: not_asked", "behind: not_asked"},
		`{"tier":"free","n":1}`:   {"gold: not_matched", "odd: matched", "default: not_asked", "behind: not_asked"},
		`{"tier":"free","n":2}`:   {"gold: not_matched", "odd: not_matched", "default: default", "behind: not_asked"},
		`{"n":0}`:                 {"gold: key_missing", "odd: failed", "default: default", "behind: not_asked"},
		`{"tier":"free","n":"x"}`: {"gold: not_matched", "odd: failed", "default: default", "behind: not_asked"},
	} {
		dec := d.Explain(t.Context(), facts(t, context))
		if got := dec.verdicts(); !slices.Equal(got, want) || dec.Err != nil {
			t.Errorf("%s: %q, %v, want %q", context, got, dec.Err, want)
		}
		for _, r := range dec.Rules {
			if r.Why == "" || (r.When == "") != (r.Variant == "default") {
				t.Errorf("%s: %+v", context, r)
			}
		}
	}
}

func TestExplainSaysWhy(t *testing.T) {
	d := deployment(t, `gold: context.tier == "gold" && context.seats > 5`, `default`)
	dec := d.Explain(t.Context(), facts(t, `{"tier":"gold","seats":9}`))
	if r := dec.Rules[0]; dec.Variant != d.Variants[0] || r.When != `context.tier == "gold" && context.seats > 5` ||
		!strings.Contains(r.Why, `context.tier is "gold"`) || !slices.Contains(r.Values, rules.Value{Expression: "context.seats", Value: "9"}) {
		t.Errorf("got %+v", r)
	}
	dec = d.Explain(t.Context(), facts(t, `{"tier":"gold"}`))
	if r := dec.Rules[0]; dec.Variant != d.Variants[1] || !strings.Contains(r.Why, `no key "seats"`) {
		t.Errorf("got %+v", r)
	}
}

func TestExplainStopsWhereARuleFailsTheRequest(t *testing.T) {
	d := deployment(t, `odd!: `+failing, `default`)
	dec := d.Explain(t.Context(), facts(t, `{"n":0}`))
	if got := dec.verdicts(); !slices.Equal(got, []string{"odd: failed", "default: not_asked"}) {
		t.Errorf("got %q", got)
	}
	if dec.Variant != nil || dec.Err == nil || dec.Err.Code != string(llm.CodeRuleError) {
		t.Errorf("got %v, %v", dec.Variant, dec.Err)
	}
}

func TestExplainSaysWhenNobodyAnswers(t *testing.T) {
	dec := deployment(t, `gold: context.tier == "gold"`).Explain(t.Context(), facts(t, `{}`))
	if dec.Variant != nil || dec.Err == nil || dec.Err.Code != string(llm.CodeVariantNotFound) || len(dec.Rules) != 1 {
		t.Errorf("got %+v", dec)
	}
}

func TestExplainAndChooseAgree(t *testing.T) {
	for _, d := range []*Deployment{
		deployment(t),
		deployment(t, `default`),
		deployment(t, `gold: context.tier == "gold"`, `odd: `+failing, `default`),
		deployment(t, `odd!: `+failing, `gold: context.tier == "gold"`),
		deployment(t, `odd: `+failing, `strict!: `+failing, `default`),
	} {
		for _, context := range []string{`{}`, `{"tier":"gold"}`, `{"tier":"gold","n":0}`, `{"n":1}`, `{"n":2}`, `{"n":"x"}`, `[]`} {
			v, err := d.Choose(t.Context(), facts(t, context), nil)
			dec := d.Explain(t.Context(), facts(t, context))
			var e *llm.Error
			if errors.As(err, &e) != (dec.Err != nil) || v != dec.Variant || len(dec.Rules) != len(d.Variants) {
				t.Errorf("%s: %v, %v, and explained %+v", context, v, err, dec)
				continue
			}
			if e != nil && (e.Code != dec.Err.Code || e.Message != dec.Err.Message) {
				t.Errorf("%s: %v, and explained %v", context, e, dec.Err)
			}
		}
	}
}
