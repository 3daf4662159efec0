package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mulligan-gateway/mulligan/deployment"
	"github.com/mulligan-gateway/mulligan/rewrite"
	"github.com/mulligan-gateway/mulligan/upstream"
)

// variantBuilder builds one variant and notes all that is wrong with it.
type variantBuilder struct {
	*deploymentBuilder
	variant *VariantConfig
}

// fail notes what is wrong with a word of the variant, or with all of it for "".
func (b *variantBuilder) fail(word string, err error) {
	whole := variantPosition(b.key, b.variant.Name)
	err = within(within(err, "variant %q", b.variant.Name), "deployment %q", b.key)
	at := b.app.at(whole+" "+word, whole, deploymentPosition(b.key)+" "+word, deploymentPosition(b.key))
	b.wrong = append(b.wrong, located(err, at))
}

func (b *variantBuilder) build() *deployment.Variant {
	if err := checkName(b.variant.Name); err != nil {
		b.fail("", err)
	}
	settings := b.variant.over(b.config.Settings)
	if word, err := b.variant.check(); err != nil {
		b.fail(word, within(err, "%s", word))
	}
	v := &deployment.Variant{
		Name:            b.variant.Name,
		FailOnRuleError: settings.OnRuleError == OnRuleErrorFail,
		Route:           &upstream.Route{Policy: settings.policy()},
	}
	if settings.Keepalive != nil {
		v.Keepalive = time.Duration(*settings.Keepalive)
	}
	if b.variant.When != "" {
		var err error
		if v.When, err = b.compiler.Compile(b.variant.When); err != nil {
			b.fail("when", within(err, "when"))
		}
	}
	for i := range b.variant.Messages {
		if err := b.variant.Messages[i].check(); err != nil {
			b.fail(fmt.Sprintf("message %d", i+1), within(err, "message"))
		}
	}
	if _, err := rewrite.Compile(b.edits(new(Fallback))); err != nil {
		word, _, _ := strings.Cut(err.Error(), ":") // its errors begin with the word they are about
		b.fail(word, err)
		return v
	}
	b.targets(v)
	return v
}

// targets adds the model and its fallbacks.
func (b *variantBuilder) targets(v *deployment.Variant) {
	if b.variant.Model == "" {
		b.fail("", errors.New("it has no model; write model provider/model"))
	} else {
		b.target(v, "model", &Fallback{Model: b.variant.Model})
	}
	seen := map[string]string{b.variant.Model: "the model"}
	for _, f := range b.variant.Fallbacks {
		if f == nil {
			f = new(Fallback)
		}
		word := "fallback " + f.Model
		if before, twice := seen[f.Model]; twice {
			b.fail(word, within(fmt.Errorf("it is %s already, and would be tried twice; leave it out, or raise retries", before), "%s", word))
			continue
		}
		seen[f.Model] = "a fallback"
		b.target(v, word, f)
	}
}

// target adds one target and the edits that make a request its own.
func (b *variantBuilder) target(v *deployment.Variant, word string, f *Fallback) {
	t, err := b.app.target(f.Model)
	if err != nil {
		what, _, _ := strings.Cut(word, " ")
		b.fail(word, within(err, "%s", what))
		return
	}
	edit, err := compileEdits(t, b.edits(f))
	if err != nil {
		b.fail(word, within(err, "%s", word))
		return
	}
	v.Route.Targets = append(v.Route.Targets, t)
	v.Edits = append(v.Edits, edit)
}

// target returns the target of an activated model.
func (a *App) target(name string) (*upstream.Target, error) {
	providerName, id, err := splitModel(name)
	if err != nil {
		return nil, err
	}
	if err := a.checkProvider(providerName); err != nil {
		return nil, err
	}
	entry, ok := a.garden.Find(name)
	if !ok {
		return nil, fmt.Errorf("%s is not activated%s; write models { activate %s }", name, didYouMean(name, a.garden.Names()), name)
	}
	return upstream.NewTarget(a.state, a.providers[providerName], id, entry), nil
}

// compileEdits makes a variant's edits ready for one target: its model, and what its
// provider must not see or has to be asked for.
func compileEdits(t *upstream.Target, c rewrite.Config) (*rewrite.Edit, error) {
	c.Model = t.Provider.WireModel(t.Model)
	c.Drop, c.ForceUsage = t.Provider.Drops(), t.Provider.ForcesUsage()
	return rewrite.Compile(c)
}

// edits returns what is edited in a request for one target, but for the model.
func (b *variantBuilder) edits(f *Fallback) rewrite.Config {
	c := rewrite.Config{
		System:         b.variant.System,
		Inputs:         b.variant.Inputs,
		Params:         params(b.variant.Params),
		TargetParams:   params(f.Params),
		OverrideParams: b.variant.OverrideParams == nil || *b.variant.OverrideParams,
	}
	for _, m := range b.variant.Messages {
		c.Messages = append(c.Messages, rewrite.Message{Role: m.Role, Text: m.Text})
	}
	return c
}

// params returns parameters in the order of their names. The order in which they were
// written is lost before the config gets here: Caddy keeps JSON objects as maps.
func params(m map[string]json.RawMessage) []rewrite.Param {
	var all []rewrite.Param
	for _, name := range slices.Sorted(maps.Keys(m)) {
		all = append(all, rewrite.Param{Name: name, Value: m[name]})
	}
	return all
}

// policy returns how hard to try, with the defaults for what is not said.
func (s *Settings) policy() upstream.Policy {
	p := upstream.DefaultPolicy()
	if s.Retries != nil {
		p.Retries = *s.Retries
	}
	if s.RetryBudget != nil {
		p.Budget = *s.RetryBudget / 100
	}
	if s.Backoff != nil {
		p.BackoffFirst, p.BackoffMost = time.Duration(s.Backoff.First), time.Duration(s.Backoff.Most)
	}
	if s.Timeout != nil {
		p.Timeout = time.Duration(*s.Timeout)
	}
	if s.AttemptTimeout != nil {
		p.AttemptTimeout = time.Duration(*s.AttemptTimeout)
	}
	if s.FirstTokenTimeout != nil {
		p.FirstToken = time.Duration(*s.FirstTokenTimeout)
	}
	if s.IdleTimeout != nil {
		p.Idle = time.Duration(*s.IdleTimeout)
	}
	if s.ContinueStreams != nil {
		p.Continue = *s.ContinueStreams
	}
	if len(s.RetryOn) > 0 {
		p.RetryOn, _ = upstream.ParseRetryOn(s.RetryOn) // check has parsed it before
	}
	return p
}
