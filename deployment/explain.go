package deployment

import (
	"context"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/rules"
)

// Decision is everything about one choice: the variant that answers, or why there is none,
// and what each rule said on the way.
type Decision struct {
	// Variant is nil when none would answer; Err says why.
	Variant *Variant
	Err     *llm.Error
	// Rules has one report per variant, in the order of the variants.
	Rules []RuleReport
}

// RuleReport says what one variant's rule said.
type RuleReport struct {
	Variant string
	// When is the rule's source, "" for a variant that always answers.
	When string
	// Verdict is what the rule said, in a word: matched, not_matched, key_missing, failed,
	// default for a variant without a rule, or not_asked for those after the one that answers.
	Verdict string
	// Why says in words what made the rule say so.
	Why string
	// Values are the parts of the rule with the values they had.
	Values []rules.Value
}

// Verdicts of variants whose rule was not evaluated.
const (
	verdictDefault  = "default"
	verdictNotAsked = "not_asked"
)

// Explain chooses like Choose and reports on every rule. It is for people: it costs far
// more than Choose.
func (d *Deployment) Explain(ctx context.Context, f *rules.Facts) Decision {
	var dec Decision
	for _, v := range d.Variants {
		report := RuleReport{Variant: v.Name}
		if v.When != nil {
			report.When = v.When.Source()
		}
		switch {
		case dec.Variant != nil || dec.Err != nil:
			report.Verdict, report.Why = verdictNotAsked, "an earlier rule decided"
		case v.When == nil:
			report.Verdict, report.Why = verdictDefault, "it has no rule, so it answers when no rule before it is true"
			dec.Variant = v
		default:
			e := v.When.Explain(ctx, f)
			report.Verdict, report.Why, report.Values = e.Verdict.String(), e.Why, e.Values
			if e.Verdict == rules.Matched {
				dec.Variant = v
			}
			if e.Verdict == rules.Failed && v.FailOnRuleError {
				dec.Err = d.ruleError(v, e.Err)
			}
		}
		dec.Rules = append(dec.Rules, report)
	}
	if dec.Variant == nil && dec.Err == nil {
		dec.Err = d.noVariant()
	}
	return dec
}
