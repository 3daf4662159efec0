// Package deployment knows which deployments exist and what each may do: the variants of a
// deployment in the order in which their rules are asked, the edits that each makes to a
// request, and the route of targets that answers it.
//
// Everything here is immutable once built and safe for concurrent use. A config reload
// builds a new Catalog; exchanges that began on the old one end on the old one.
package deployment

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/rewrite"
	"github.com/mulligan-gateway/mulligan/rules"
	"github.com/mulligan-gateway/mulligan/upstream"
)

// Catalog holds every deployment by its key.
type Catalog struct {
	byKey map[string]*Deployment
	keys  []string
}

// NewCatalog returns a catalog of the deployments given. Two with the same key are an error.
func NewCatalog(deployments []*Deployment) (*Catalog, error) {
	c := &Catalog{byKey: make(map[string]*Deployment, len(deployments))}
	for _, d := range deployments {
		if _, twice := c.byKey[d.Key]; twice {
			return nil, fmt.Errorf("deployment %q is defined twice", d.Key)
		}
		c.byKey[d.Key] = d
		c.keys = append(c.keys, d.Key)
	}
	slices.Sort(c.keys)
	return c, nil
}

// Lookup returns the deployment with that key.
func (c *Catalog) Lookup(key string) (*Deployment, bool) {
	d, ok := c.byKey[key]
	return d, ok
}

// Keys returns the keys of all deployments, sorted. The caller must not change the slice.
func (c *Catalog) Keys() []string { return c.keys }

// Deployment is a key that clients name, and the variants that may answer for it.
type Deployment struct {
	Key    string
	Domain string
	// Variants are asked in this order; the first whose rule is true answers.
	Variants []*Variant
}

// Variant is one way to answer: a rule that says when, the targets in the order in which
// they are tried, and for each target the edits that make a request its own.
type Variant struct {
	Name string
	// When is the rule, or nil for a variant that always answers (the default).
	When *rules.Condition
	// FailOnRuleError says that a rule that fails ends the request with rule_error. The
	// default is to count the failure and to ask the next rule.
	FailOnRuleError bool
	// Keepalive is after how much silence a stream gets a comment; 0 is never.
	Keepalive time.Duration
	Route     *upstream.Route
	// Edits holds one edit for each of Route.Targets, at the same index.
	Edits []*rewrite.Edit
}

// Variant returns the variant of that name.
func (d *Deployment) Variant(name string) (*Variant, bool) {
	for _, v := range d.Variants {
		if v.Name == name {
			return v, true
		}
	}
	return nil, false
}

// RuleErrorFunc is told of a rule that failed and was skipped.
type RuleErrorFunc func(v *Variant, err error)

// Choose asks the rules in order and returns the first variant whose rule is true. It
// returns an *llm.Error: variant_not_found when no rule is true and there is no default,
// rule_error when a rule fails whose variant says FailOnRuleError. A rule that asks for a
// key that is not there is not true, and no error. skipped, which may be nil, is told of
// every rule that failed.
func (d *Deployment) Choose(ctx context.Context, f *rules.Facts, skipped RuleErrorFunc) (*Variant, error) {
	for _, v := range d.Variants {
		if v.When == nil {
			return v, nil
		}
		r := v.When.Eval(ctx, f)
		if r.Verdict == rules.Matched {
			return v, nil
		}
		if r.Verdict != rules.Failed {
			continue
		}
		if skipped != nil {
			skipped(v, r.Err)
		}
		if v.FailOnRuleError {
			return nil, d.ruleError(v, r.Err)
		}
	}
	return nil, d.noVariant()
}

func (d *Deployment) ruleError(v *Variant, err error) *llm.Error {
	return llm.NewError(llm.CodeRuleError, fmt.Sprintf(
		"The rule of variant %q of deployment %q failed: %v. Correct what the request says, or ask the operator to correct the rule.",
		v.Name, d.Key, err)).WithCause(err)
}

func (d *Deployment) noVariant() *llm.Error {
	return llm.NewError(llm.CodeVariantNotFound, fmt.Sprintf(
		"No rule of deployment %q is true for this request and it has no default variant. Send the context that its rules ask for, or ask the operator for a default variant.",
		d.Key))
}
