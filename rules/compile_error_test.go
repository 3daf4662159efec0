package rules

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// refused compiles a rule that must not compile.
func refused(t *testing.T, c *Compiler, source string) *CompileError {
	t.Helper()
	_, err := c.Compile(source)
	if err == nil {
		t.Errorf("%s compiles", source)
		return &CompileError{}
	}
	var e *CompileError
	if !errors.As(err, &e) {
		t.Errorf("%s: the error is a %T", source, err)
		return &CompileError{}
	}
	return e
}

func TestCompileErrorsSayWhatIsWrongAndWhere(t *testing.T) {
	c := newCompiler(t, Options{
		KnownTarget: func(name string) bool { return name == "openai" || name == "openai/gpt-5" },
		Targets:     []string{"openai", "openai/gpt-5"},
	})
	for source, want := range map[string]string{
		` `: `1:1: the rule is empty`,
		// Names.
		`contxt.tier == "x"`:                          `1:1: there is no variable "contxt"; did you mean "context"?`,
		`Context.tier == "x"`:                         `1:1: there is no variable "Context"; did you mean "context"?`,
		`header["x"] == "y"`:                          `1:1: there is no variable "header"; did you mean "headers"?`,
		`model == "x"`:                                `1:1: there is no variable "model"; did you mean "request.model"?`,
		`tier == "x"`:                                 `1:1: there is no variable "tier"; there are context, metadata, inputs, headers, request, client, deployment, now`,
		`context.beta == True`:                        `1:17: there is no variable "True"; did you mean "true"?`,
		`contxt.startsWith("x")`:                      `1:1: there is no variable "contxt"; did you mean "context"?`,
		`request.body.list.exists(m, mm.role == "x")`: `1:29: there is no variable "mm"; there are context,`,
		`request.modle == "x"`:                        `1:9: request has no field "modle"; did you mean "model"?`,
		`has(request.modle)`:                          `1:13: request has no field "modle"; did you mean "model"?`,
		`request.input > 3`:                           `1:9: request has no field "input"; did you mean "input_tokens"?`,
		`deployment.name == "x"`:                      `1:12: deployment has no field "name"; it has key, domain`,
		`request["model"] == "x"`:                     `1:8: request is not a map; its fields are written as request.model`,
		// Functions.
		`request.model.startWith("x")`:           `1:15: there is no function "startWith"; did you mean "startsWith"?`,
		`request.model.lower() == "x"`:           `1:15: there is no function "lower"; did you mean "lowerAscii"?`,
		`context.tier.foo()`:                     `1:14: there is no function "foo"`,
		`contains(request.model, "x")`:           `1:1: call it as x.contains(…), after the value that it is about`,
		`context.tier.string() == "x"`:           `1:14: call it as string(…), before the value that it is about`,
		`math.foo(1)`:                            `1:1: there is no function "math.foo"; did you mean "math.floor"?`,
		`math.max(1, 2) == 2`:                    `1:1: there is no function "math.max"; there are math.abs, `,
		`maths.greatest(1, 2) == 2`:              `1:1: there is no function "maths.greatest"; did you mean "math.greatest"?`,
		`cel.bnd(a, 1, a == 1)`:                  `1:1: there is no function "cel.bnd"; did you mean "cel.bind"?`,
		`greatest(1, 2) == 2`:                    `1:1: greatest is written as in math.greatest(request.max_tokens, 100)`,
		`all(context.tags, t, t == "x")`:         `1:1: all is written as in context.tags.all(t, t != "")`,
		`context.tags.exists(t)`:                 `1:14: exists is written as in context.tags.exists(t, t == "beta")`,
		`has(context.tier, 1)`:                   `1:1: has is written as in has(context.tier)`,
		`has(context)`:                           `1:5: syntax error: has() asks for a field, as in has(context.tier)`,
		`type(context.user) == map(string, dyn)`: `1:23: map is a type, and is written without parameters, as in type(context.tier) == map`,
		`list(string) == list`:                   `1:1: list is a type, and is written without parameters, as in type(context.tier) == list`,
		`rollout("a")`:                           `1:1: call it as rollout(name string, percent int|double) bool, or rollout(name string, percent int|double, subject string) bool`,
		`rollout("a", "10")`:                     `1:1: call it as rollout(`,
		`rollout("a", 101)`:                      `1:14: rollout is given 101 percent; give it 0 to 100`,
		`rollout("a", -0.5)`:                     `1:14: rollout is given -0.5 percent; give it 0 to 100`,
		`healthy()`:                              `1:1: call it as healthy(target string) bool`,
		`healthy("opnai")`:                       `1:9: healthy is asked about "opnai", and there is no such provider or target; did you mean "openai"?`,
		`!healthy("house/llama")`:                `1:10: healthy is asked about "house/llama", and there is no such provider or target; name a provider, or a provider/model of the garden`,
		`orValue(context, "a")`:                  `1:1: call it as orValue(map, key string, default) value, or map.orValue(key string, default) value`,
		// Types.
		`request.model`:                             `1:1: a rule must be true or false, and this is of type string`,
		`request`:                                   `1:1: a rule must be true or false, and this is of type request, which is an object with fields`,
		`request.model == 3`:                        `1:15: == does not go with these types: (string, int)`,
		`!context.beta == 1`:                        `1:15: == does not go with these types: (bool, int)`,
		`now > "2026"`:                              `1:5: > does not go with these types: (timestamp, string)`,
		`context.a ? true : "x"`:                    `1:11: ? : does not go with these types: (dyn, bool, string)`,
		`orValue(context, "seats", 1) == "x"`:       `1:30: == does not go with these types: (int, string)`,
		`google.protobuf.Int32Value{value: 1} == 1`: `a rule cannot make objects of a type`,
		// Literals.
		`context.tier.matches("(")`:           `1:22: this is not a regular expression (RE2 syntax)`,
		`duration("5 days") > duration("1s")`: `1:10: this is not a duration, such as "90s" or "1h30m"`,
		`now > timestamp("yesterday")`:        `1:17: this is not a time (RFC 3339), such as "2026-01-31T12:00:00Z"`,
		// Headers and claims.
		`headers["X-Team"] == "x"`:                     `1:9: header names are in lower case here; write "x-team"`,
		`headers.orValue("X-Team", "") == "x"`:         `1:17: header names are in lower case here; write "x-team"`,
		`headers.x_team == "x"`:                        `1:9: Caddy drops request headers with _ or . in their names, so this one is never there; send and write headers["x-team"]`,
		`headers.authorization == "x"`:                 `1:9: the header "authorization" carries a credential, which rules never see; client.id says who the client is`,
		`orValue(headers, "Authorization", "") == "x"`: `1:18: the header "Authorization" carries a credential`,
		`"cookie" in headers`:                          `1:1: the header "cookie" carries a credential`,
		`client.claims == {}`:                          `1:8: client.claims can only be asked for one claim, as in client.claims.role`,
		`size(client.claims) == 1`:                     `1:13: client.claims can only be asked for one claim`,
		`client.claims.exists(c, c == "x")`:            `1:8: client.claims can only be asked for one claim`,
		// Syntax.
		`context.tier = "x"`:           `1:14: syntax error: unexpected '= '; write == to compare`,
		`context.tier === "x"`:         `1:16: syntax error: unexpected '= '; write == to compare`,
		`context.tier <> "x"`:          `1:15: syntax error: unexpected '>'; write != for unequal`,
		`context.tier == "x" and true`: `1:21: syntax error: unexpected 'and'; write && for and`,
		`context.tier == "x" or true`:  `1:21: syntax error: unexpected 'or'; write || for or`,
		`not context.beta`:             `1:5: syntax error: unexpected 'context'; write ! for not`,
		`context.tier == "x`:           `1:17: syntax error: unexpected '"x'; the text does not end with the quote that it begins with`,
		`context.tier == “x”`:          `1:17: syntax error: unexpected '“'; write straight quotes, "like this"`,
		`context.tier == "x" && `:      `1:24: syntax error: unexpected the end of the rule`,
		`(context.tier == "x"`:         `1:21: syntax error: missing ')' at the end of the rule`,
		`context.in == 1`:              `1:9: syntax error: unexpected '.in'; write a name that CEL keeps for itself in brackets, as in context["in"]`,
		`math.greatest("a") == 2`:      `1:15: syntax error: math.greatest() invalid single argument value`,
		`@facts == 1`:                  `1:1: syntax error: unexpected '@'`,
		// Limits.
		`[1].all(a, [1].all(b, [1].all(c, [1].all(d, a == d))))`: `1:41: this is more than 3 loops inside each other`,
		`"` + strings.Repeat("x", maxSourceLength) + `" == ""`:   `1:1: syntax error: the rule is too long`,
		strings.Repeat(`(`, 150) + "true":                        `1:1: syntax error: the rule is nested too deep`,
	} {
		if got := refused(t, c, source).Error(); !strings.Contains(got, want) {
			t.Errorf("%.100s\n got: %s\nwant: %s", source, got, want)
		}
	}
	for _, source := range []string{`healthy("openai")`, `healthy("openai/gpt-5")`, `healthy(context.target)`} {
		if _, err := c.Compile(source); err != nil {
			t.Errorf("%s: %v", source, err)
		}
	}
}

func TestCompileErrorsPointWithACaret(t *testing.T) {
	c := newCompiler(t, Options{})
	for source, want := range map[string]string{
		"context.tier == \"x\" &&\n\trequest.modle == \"x\"": "2:10: request has no field \"modle\"; did you mean \"model\"?\n" +
			"\t\trequest.modle == \"x\"\n" +
			"\t\t        ^",
		"\"日本\" == contxt.a\r\n": "1:9: there is no variable \"contxt\"; did you mean \"context\"?\n" +
			"\t\"日本\" == contxt.a\n" +
			"\t        ^",
	} {
		if got := refused(t, c, source).Error(); got != want {
			t.Errorf("got:\n%s\nwant:\n%s", got, want)
		}
	}
}

func TestCompileErrorsShowAPartOfALongLine(t *testing.T) {
	long := strings.Repeat(`context.a == "x" || `, 300) + `contxt.a == 1` + strings.Repeat(` || context.a == "x"`, 300)
	e := refused(t, newCompiler(t, Options{}), long)
	lines := strings.Split(e.Error(), "\n")
	if len(lines) != 3 || len([]rune(lines[1])) > 130 {
		t.Fatalf("%s", e)
	}
	// The caret stands below the name.
	if at := strings.IndexByte(lines[2], '^'); string([]rune(lines[1])[at:][:6]) != "contxt" {
		t.Errorf("%s", e)
	}
	if e.Source != long || e.Column != 6001 {
		t.Errorf("column %d", e.Column)
	}
}

func TestNoNameIsSuggestedForItself(t *testing.T) {
	c := newCompiler(t, Options{})
	names := append(c.functionNames(), variableNames()...)
	for name := range macroUsages {
		names = append(names, name)
	}
	for _, name := range append(names, parameterTypes...) {
		itself := fmt.Sprintf("%q; did you mean %q?", name, name)
		for _, source := range []string{
			name, name + "()", name + "(1)", name + "(1, 2, 3, 4, 5)", "context." + name + "()", "context.tags." + name + "(1, 2, 3, 4, 5)",
			"true && " + name + "(string, dyn)", name + ".absent", name + ".absent(1)", "request." + name,
		} {
			if _, err := c.Compile(source); err != nil && strings.Contains(err.Error(), itself) {
				t.Errorf("%s: %v", source, err)
			}
		}
	}
}

func TestEveryMacroHasAUsageThatCompiles(t *testing.T) {
	c := newCompiler(t, Options{})
	for _, m := range c.env.Macros() {
		_, isOurs := lookupFunction(m.Function())
		if _, ok := macroUsages[m.Function()]; !ok && !isOurs {
			t.Errorf("the macro %s has no usage", m.Function())
		}
	}
	for name, usage := range macroUsages {
		if _, err := c.Compile("dyn(" + usage + ") == 1"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSuggestionsAreNear(t *testing.T) {
	known := []string{"context", "headers", "input_tokens", "max_tokens", "a"}
	for wrong, want := range map[string]string{
		"contxt": "context", "contetx": "context", "CONTEXT": "context", "header": "headers", "tokens": "", "context": "",
		"inputs_token": "input_tokens", "input": "input_tokens", "zebra": "", "b": "a",
	} {
		if want != "" {
			want = fmt.Sprintf("; did you mean %q?", want)
		}
		if got := didYouMean(wrong, known); got != want {
			t.Errorf("didYouMean(%q) is %q, want %q", wrong, got, want)
		}
	}
}
