package caddymodule

import (
	"context"
	"fmt"
	"strings"

	"github.com/mulligan-gateway/mulligan/deployment"
	"github.com/mulligan-gateway/mulligan/rules"
)

// checkExpectation asks d's rules about an expectation's sample, and returns an error that
// says which variant answered instead of the one expected, and why.
func checkExpectation(d *deployment.Deployment, want, sampleJSON string) error {
	req, healthy, err := sampleRequest([]byte(sampleJSON))
	if err != nil {
		return fmt.Errorf("the sample %s cannot be read: %w", sampleJSON, err)
	}
	facts := rules.Facts{Request: req, Deployment: d.Key, Domain: d.Domain, Healthy: healthy}
	decision := d.Explain(context.Background(), &facts)
	if decision.Variant != nil && decision.Variant.Name == want {
		return nil
	}
	var b strings.Builder
	if decision.Variant == nil {
		fmt.Fprintf(&b, "%s for %s, but %s", want, sampleJSON, decision.Err.Code)
	} else {
		fmt.Fprintf(&b, "%s for %s, but variant %q answers", want, sampleJSON, decision.Variant.Name)
	}
	for _, r := range decision.Rules {
		fmt.Fprintf(&b, "\n\tvariant %q: %s", r.Variant, r.Verdict)
		if r.When != "" {
			fmt.Fprintf(&b, ": %s", strings.TrimSpace(r.When))
		}
		fmt.Fprintf(&b, "\n\t\t%s", r.Why)
	}
	return fmt.Errorf("expected %s", b.String())
}
