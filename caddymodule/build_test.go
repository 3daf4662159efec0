package caddymodule

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mulligan-gateway/mulligan/upstream"
)

const demoApp = `{
	"providers": {"demo": {"kind": "demo"}, "house": {"kind": "openai_compatible", "base_url": "http://127.0.0.1:9/v1"}},
	"models": {"activate": ["demo/*", "house/*"], "custom": {"house/priced": {"input": 1, "output": 2}}},
	"deployments": {"support-reply": {
		"domain": "care", "retries": 5, "retry_on": ["503"], "timeout": 60000000000, "on_rule_error": "fail",
		"variants": [
			{"name": "gold", "when": "context.tier == 'gold'", "model": "demo/assistant", "retries": 1,
				"fallbacks": [{"model": "house/priced"}, {"model": "house/other"}],
				"retry_budget": 50, "backoff": {"first": 1000000, "most": 2000000}, "attempt_timeout": 3000000000,
				"first_token_timeout": 4000000000, "idle_timeout": 0, "on_rule_error": "skip"},
			{"name": "default", "model": "demo/echo"}
		]
	}}
}`

func TestSettingsComeFromVariantThenDeploymentThenDefaults(t *testing.T) {
	app := provisioned(t, demoApp)
	defer cleanUp(t, app)
	d, ok := app.Catalog().Lookup("support-reply")
	if !ok || d.Domain != "care" || len(d.Variants) != 2 {
		t.Fatalf("got %+v", d)
	}
	on503, err := upstream.ParseRetryOn([]string{"503"})
	if err != nil {
		t.Fatal(err)
	}
	want := upstream.DefaultPolicy()
	want.Retries, want.RetryOn, want.Timeout = 5, on503, time.Minute
	if got := d.Variants[1].Route.Policy; got != want {
		t.Errorf("the deployment's settings: got  %+v\nwant %+v", got, want)
	}
	want.Retries, want.Budget = 1, 0.5
	want.BackoffFirst, want.BackoffMost = time.Millisecond, 2*time.Millisecond
	want.AttemptTimeout, want.FirstToken, want.Idle = 3*time.Second, 4*time.Second, 0
	if got := d.Variants[0].Route.Policy; got != want {
		t.Errorf("the variant's own: got  %+v\nwant %+v", got, want)
	}
	if d.Variants[0].FailOnRuleError || !d.Variants[1].FailOnRuleError {
		t.Error("on_rule_error is not inherited, or the variant's own does not win")
	}
	if d.Variants[1].When != nil || d.Variants[0].When == nil {
		t.Error("the rules are not where they were written")
	}
}

func TestTargetsKeepTheirOrderAndEntries(t *testing.T) {
	app := provisioned(t, demoApp)
	defer cleanUp(t, app)
	d, _ := app.Catalog().Lookup("support-reply")
	v := d.Variants[0]
	var names []string
	for _, target := range v.Route.Targets {
		names = append(names, target.Name())
	}
	if got := list(names); got != "demo/assistant, house/priced and house/other" {
		t.Errorf("got %s", got)
	}
	if len(v.Edits) != len(v.Route.Targets) {
		t.Errorf("%d edits for %d targets", len(v.Edits), len(v.Route.Targets))
	}
	if priced := v.Route.Targets[1].Entry; priced == nil || priced.Input == nil || *priced.Input != 1 {
		t.Errorf("the config's own price is lost: %+v", priced)
	}
	if _, ok := app.Provider("house"); !ok {
		t.Error("the provider is not found")
	}
	if _, ok := app.Provider("nobody"); ok {
		t.Error("a provider is found that is not there")
	}
}

func TestRefusedConfigLeavesTheLabelsOfTheRunningOne(t *testing.T) {
	ctx := testContext(t)
	one := func(model string) *App {
		app := &App{Models: &Models{Activate: []string{"demo/" + model}}}
		app.Providers = map[string]json.RawMessage{"demo": json.RawMessage(`{"kind":"demo"}`)}
		if err := app.Provision(ctx); err != nil {
			t.Fatal(err)
		}
		return app
	}
	serving := one("echo")
	defer cleanUp(t, serving)
	if err := serving.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = serving.Stop() }()

	refused := one("assistant")
	if got := gatherTargets(t, ctx.GetMetricsRegistry()); !got["assistant"] || got["echo"] {
		t.Errorf("the new config's targets are %v", got)
	}
	cleanUp(t, refused) // never started: another part of its config was wrong
	if got := gatherTargets(t, ctx.GetMetricsRegistry()); !got["echo"] || got["assistant"] {
		t.Errorf("the targets are %v, want those of the config that goes on", got)
	}
}

// gatherTargets returns the models of llm_gateway_target_resting, which has a series for each
// target of the config that was loaded last.
func gatherTargets(t *testing.T, g prometheus.Gatherer) map[string]bool {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	targets := map[string]bool{}
	for _, f := range families {
		if f.GetName() != "llm_gateway_target_resting" {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "model" {
					targets[l.GetValue()] = true
				}
			}
		}
	}
	return targets
}
