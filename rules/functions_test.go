package rules

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/mulligan-gateway/mulligan/llm"
)

func TestRolloutNeverChangesItsMind(t *testing.T) {
	// Computed by another program from the description in docs/rules.md. A change of any of
	// these moves users between variants and breaks a promise.
	for _, c := range []struct {
		name, subject string
		percent       float64
		want          bool
	}{
		{"new-model", "alice", 98.438, false},
		{"new-model", "alice", 98.44, true},
		{"new-model", "alice", 50, false},
		{"new-model", "bob", 83.344, false},
		{"new-model", "bob", 83.346, true},
		{"new-model", "bob", 50, false},
		{"new-model", "", 69.468, false},
		{"new-model", "", 69.47, true},
		{"new-model", "", 50, false},
		{"", "alice", 7.161, false},
		{"", "alice", 7.163, true},
		{"", "alice", 50, true},
		{"neues-modell", "Zoë", 14.365, false},
		{"neues-modell", "Zoë", 14.367, true},
		{"neues-modell", "Zoë", 50, true},
		{"gpt-5", "018f6b2e-0000-7000-8000-000000000001", 2.34, false},
		{"gpt-5", "018f6b2e-0000-7000-8000-000000000001", 2.342, true},
		{"gpt-5", "018f6b2e-0000-7000-8000-000000000001", 50, true},
		{"b", "carol", 11.046, false},
		{"b", "carol", 11.048, true},
		{"b", "carol", 50, true},
	} {
		if got := inRollout(c.name, c.percent, c.subject); got != c.want {
			t.Errorf("inRollout(%q, %v, %q) is %v", c.name, c.percent, c.subject, got)
		}
	}
}

func TestRolloutIsNobodyAtZeroAndEverybodyAtAHundred(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name, subject := rapid.String().Draw(t, "name"), rapid.String().Draw(t, "subject")
		for percent, want := range map[float64]bool{0: false, -1: false, math.Inf(-1): false, 100: true, 101: true, math.Inf(1): true} {
			if inRollout(name, percent, subject) != want {
				t.Fatalf("at %v percent: %v", percent, !want)
			}
		}
		if inRollout(name, math.NaN(), subject) {
			t.Fatal("in at NaN percent")
		}
	})
}

func TestRolloutOnlyGrowsWithItsPercentage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name, subject := rapid.String().Draw(t, "name"), rapid.String().Draw(t, "subject")
		less, more := rapid.Float64Range(0, 100).Draw(t, "a"), rapid.Float64Range(0, 100).Draw(t, "b")
		if less > more {
			less, more = more, less
		}
		if inRollout(name, less, subject) && !inRollout(name, more, subject) {
			t.Fatalf("in at %v percent and not at %v", less, more)
		}
	})
}

func TestRolloutDrawsItsShare(t *testing.T) {
	const subjects = 20_000
	for _, percent := range []float64{0.5, 1, 10, 33.3, 50, 99} {
		for _, name := range []string{"new-model", "b", "Neues Modell"} {
			in := 0
			for i := range subjects {
				if inRollout(name, percent, fmt.Sprintf("user-%d", i)) {
					in++
				}
			}
			// Four standard deviations of a fair draw.
			p := percent / 100
			if off := math.Abs(float64(in) - p*subjects); off > 4*math.Sqrt(subjects*p*(1-p)) {
				t.Errorf("rollout(%q, %v): %d of %d subjects", name, percent, in, subjects)
			}
		}
	}
}

func TestRolloutsOfTwoNamesAreIndependent(t *testing.T) {
	const subjects = 20_000
	both := 0
	for i := range subjects {
		subject := fmt.Sprintf("user-%d", i)
		if inRollout("a", 50, subject) && inRollout("b", 50, subject) {
			both++
		}
	}
	if both < subjects/4-300 || both > subjects/4+300 {
		t.Errorf("%d of %d subjects are in both halves", both, subjects)
	}
}

func TestRolloutDrawsForTheClientThenTheUserThenTheRequest(t *testing.T) {
	for name, s := range map[string]sample{
		"alice":   {client: llm.Client{ID: "alice"}, body: `{"user":"bob"}`},
		"bob":     {body: `{"user":"bob"}`},
		"trace-1": {},
	} {
		for _, percent := range []int{5, 20, 35, 50, 65, 80, 95} {
			want := NotMatched
			if inRollout("new-model", float64(percent), name) {
				want = Matched
			}
			expect(t, s, fmt.Sprintf(`rollout("new-model", %d)`, percent), want)
			expect(t, s, fmt.Sprintf(`rollout("new-model", %d.0, %q)`, percent, name), want)
		}
	}
}

func TestRolloutTakesAComputedPercentage(t *testing.T) {
	s := sample{context: `{"share":100,"half":0.5,"word":"ten"}`}
	expect(t, s, `rollout("a", context.share)`, Matched)
	expect(t, s, `rollout("a", context.half * 0.0)`, NotMatched)
	expect(t, s, `rollout("a", context.word)`, Failed)
	expect(t, s, `rollout(context.share, 50)`, Failed)
	expect(t, s, `rollout("a", context.absent)`, KeyMissing)
}

func TestHealthyAsksTheGateway(t *testing.T) {
	f := sample{context: `{"target":"openai/gpt-5"}`}.facts(t)
	f.Healthy = func(target string) bool { return target != "openai/gpt-5" }
	for source, want := range map[string]Verdict{
		`healthy("openai")`:       Matched,
		`healthy("openai/gpt-5")`: NotMatched,
		`healthy(context.target)`: NotMatched,
	} {
		if got := compile(t, source).Eval(t.Context(), f); got.Verdict != want {
			t.Errorf("%s: %v, want %v", source, got.Verdict, want)
		}
	}
	f.Healthy = nil
	if got := compile(t, `healthy("openai/gpt-5")`).Eval(t.Context(), f); got.Verdict != Matched {
		t.Errorf("with nothing that rests: %v", got.Verdict)
	}
}

func TestOrValue(t *testing.T) {
	s := sample{
		context: `{"tier":"enterprise","seats":3,"score":3.5,"whole":4.0,"none":null,"user":{"plan":"pro"},"tags":["a"],"beta":false}`,
		client:  llm.Client{Claim: func(name string) (any, bool) { return "admin", name == "role" }},
	}
	for source, want := range map[string]Verdict{
		`orValue(context, "tier", "free") == "enterprise"`:                                        Matched,
		`orValue(context, "absent", "free") == "free"`:                                            Matched,
		`context.orValue("absent", "free") == "free"`:                                             Matched,
		`orValue(context, "none", "free") == "free"`:                                              Matched,
		`orValue(context, "beta", true)`:                                                          NotMatched,
		`orValue(context, "absent", true)`:                                                        Matched,
		`orValue(context, "seats", 0.5) * 2.0 == 6.0`:                                             Matched,
		`orValue(context, "whole", 1) + 1 == 5`:                                                   Matched,
		`orValue(context, "score", 0) > 3`:                                                        Matched,
		`orValue(context, "tags", []).size() == 1`:                                                Matched,
		`orValue(context, "absent", ["x"])[0] == "x"`:                                             Matched,
		`orValue(orValue(context, "user", {}), "plan", "free") == "pro"`:                          Matched,
		`context.orValue("absent", {}).orValue("plan", "free") == "free"`:                         Matched,
		`orValue(request.body, "absent", 1) == 1`:                                                 Matched,
		`orValue(client.claims, "role", "") == "admin" && client.claims.orValue("org", "") == ""`: Matched,
		`orValue(headers, "x-team", "none") == "none"`:                                            Matched,
		`orValue(context, "tier", context.absent) == 1`:                                           KeyMissing,
		`orValue(context.absent, "a", 1) == 1`:                                                    KeyMissing,
		`orValue(context, "tier", 1) == 1`:                                                        Failed,
		`orValue(context.tier, "a", 1) == 1`:                                                      Failed,
	} {
		expect(t, s, source, want)
	}
	for _, source := range []string{`orValue(context, "seats", 1) == "x"`, `orValue(headers, "x-team", 1) == "x"`, `orValue(context, 1, 1) == 1`, `orValue(context, "a") == 1`} {
		if _, err := newCompiler(t, Options{}).Compile(source); err == nil {
			t.Errorf("%s compiles", source)
		}
	}
}
