package deployment

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/rules"
)

// facts are those of a request that says no more than a context.
func facts(t testing.TB, context string) *rules.Facts {
	t.Helper()
	doc, err := llm.ParseJSON([]byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	return &rules.Facts{
		Request: &llm.Request{Endpoint: llm.Chat, Time: time.Now(), TraceID: "trace-1", Doc: doc, Context: []byte(context)},
	}
}

// deployment makes a deployment of variants, each "name: rule", or its name alone for one
// without a rule. A name with an exclamation mark has a variant that fails with its rule.
func deployment(t testing.TB, variants ...string) *Deployment {
	t.Helper()
	compiler, err := rules.NewCompiler(rules.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := &Deployment{Key: "support-reply", Domain: "customer-care"}
	for _, text := range variants {
		name, rule, conditional := strings.Cut(text, ": ")
		v := &Variant{Name: strings.TrimSuffix(name, "!"), FailOnRuleError: strings.HasSuffix(name, "!")}
		if conditional {
			if v.When, err = compiler.Compile(rule); err != nil {
				t.Fatal(err)
			}
		}
		d.Variants = append(d.Variants, v)
	}
	return d
}

// failing is a rule that fails when the context has an n of 0.
const failing = `1 / context.n == 1`

// choice is which variant answers a context, and what happened on the way.
type choice struct {
	context string
	variant string   // "" when none answers
	code    llm.Code // why
	skipped []string // the variants whose rules failed
}

func (c *choice) check(t *testing.T, d *Deployment) {
	t.Helper()
	var skipped []string
	v, err := d.Choose(t.Context(), facts(t, c.context), func(v *Variant, err error) {
		skipped = append(skipped, v.Name)
		if err == nil {
			t.Errorf("%s: a rule failed for no reason", c.context)
		}
	})
	name := ""
	if v != nil {
		name = v.Name
	}
	var e *llm.Error
	failed := errors.As(err, &e)
	if name != c.variant || failed != (c.code != "") || failed && e.Code != string(c.code) {
		t.Errorf("%s: %q and %v, want %q and %q", c.context, name, err, c.variant, c.code)
	}
	if failed && (e.Status != 422 || !strings.Contains(e.Message, `"support-reply"`)) {
		t.Errorf("%s: %d %s", c.context, e.Status, e.Message)
	}
	if !slices.Equal(skipped, c.skipped) {
		t.Errorf("%s: the rules of %q failed, want %q", c.context, skipped, c.skipped)
	}
	if v, err := d.Choose(t.Context(), facts(t, c.context), nil); (err != nil) != failed || v != nil && v.Name != name {
		t.Errorf("%s: with nobody to tell: %v, %v", c.context, v, err)
	}
}

func TestTheFirstVariantWhoseRuleIsTrueAnswers(t *testing.T) {
	d := deployment(t, `gold: context.tier == "gold"`, `paid: context.tier in ["gold", "silver"]`, `default`)
	for _, c := range []choice{
		{context: `{"tier":"gold"}`, variant: "gold"},
		{context: `{"tier":"silver"}`, variant: "paid"},
		{context: `{"tier":"free"}`, variant: "default"},
		{context: `{"tier":7}`, variant: "default"},
		{context: `{}`, variant: "default"}, // a key that is not there is no error
	} {
		c.check(t, d)
	}
}

func TestWithoutADefaultNobodyMayAnswer(t *testing.T) {
	d := deployment(t, `gold: context.tier == "gold"`)
	for _, c := range []choice{
		{context: `{"tier":"gold"}`, variant: "gold"},
		{context: `{"tier":"free"}`, code: llm.CodeVariantNotFound},
		{context: `{}`, code: llm.CodeVariantNotFound},
	} {
		c.check(t, d)
	}
	none := choice{context: `{}`, code: llm.CodeVariantNotFound}
	none.check(t, deployment(t))
}

func TestAVariantWithoutARuleEndsTheSearch(t *testing.T) {
	d := deployment(t, `always`, `never: true`)
	c := choice{context: `{}`, variant: "always"}
	c.check(t, d)
}

func TestARuleThatFailsIsSkippedAndTold(t *testing.T) {
	d := deployment(t, `first: `+failing, `second: `+failing+` || context.n == "x"`, `gold: context.tier == "gold"`, `default`)
	for _, c := range []choice{
		{context: `{"n":1}`, variant: "first"},
		{context: `{"n":0,"tier":"gold"}`, variant: "gold", skipped: []string{"first", "second"}},
		{context: `{"n":0}`, variant: "default", skipped: []string{"first", "second"}},
		{context: `{"tier":"gold"}`, variant: "gold"}, // what is missing has not failed
	} {
		c.check(t, d)
	}
	last := choice{context: `{"n":0}`, code: llm.CodeVariantNotFound, skipped: []string{"first"}}
	last.check(t, deployment(t, `first: `+failing))
}

func TestARuleThatFailsEndsTheRequestWhereAsked(t *testing.T) {
	d := deployment(t, `gold: context.tier == "gold"`, `first!: `+failing, `default`)
	for _, c := range []choice{
		{context: `{"n":1}`, variant: "first"},
		{context: `{"n":2}`, variant: "default"},
		{context: `{}`, variant: "default"},
		{context: `{"n":0,"tier":"gold"}`, variant: "gold"}, // not asked
		{context: `{"n":0}`, code: llm.CodeRuleError, skipped: []string{"first"}},
	} {
		c.check(t, d)
	}
	_, err := d.Choose(t.Context(), facts(t, `{"n":0}`), nil)
	var e *llm.Error
	if !errors.As(err, &e) || !strings.Contains(e.Message, `variant "first"`) || !strings.Contains(e.Message, "division by zero") || e.Cause == nil {
		t.Errorf("got %+v", e)
	}
}

func TestVariantsAreFoundByName(t *testing.T) {
	d := deployment(t, `gold: true`, `default`)
	if v, ok := d.Variant("default"); !ok || v != d.Variants[1] {
		t.Errorf("got %v %t", v, ok)
	}
	if v, ok := d.Variant("Default"); ok || v != nil {
		t.Errorf("got %v %t", v, ok)
	}
}

func TestACatalogKnowsItsDeploymentsByKey(t *testing.T) {
	b, a := &Deployment{Key: "b"}, &Deployment{Key: "a"}
	c, err := NewCatalog([]*Deployment{b, a})
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := c.Lookup("b"); !ok || got != b {
		t.Errorf("b is %v %t", got, ok)
	}
	if got, ok := c.Lookup("B"); ok || got != nil {
		t.Errorf("B is %v %t", got, ok)
	}
	if !slices.Equal(c.Keys(), []string{"a", "b"}) {
		t.Errorf("the keys are %v", c.Keys())
	}
}

func TestTheSameDeploymentTwiceIsAnError(t *testing.T) {
	c, err := NewCatalog([]*Deployment{{Key: "a"}, {Key: "b"}, {Key: "a"}})
	if c != nil || err == nil || !strings.Contains(err.Error(), `"a"`) {
		t.Errorf("got %v, %v", c, err)
	}
	if c, err := NewCatalog(nil); err != nil || len(c.Keys()) != 0 {
		t.Errorf("an empty catalog: %v", err)
	}
}

func BenchmarkChoose(b *testing.B) {
	d := deployment(b, `gold: context.tier == "gold" && context.region == "eu"`, `silver: context.tier == "silver"`, `default`)
	f := facts(b, `{"tier":"silver","region":"eu"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Choose(b.Context(), f, nil); err != nil {
			b.Fatal(err)
		}
	}
}
