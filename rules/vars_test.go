package rules

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/llm"
)

func TestEveryVariableSaysWhatTheRequestSays(t *testing.T) {
	chat := sample{
		body: `{"model":"gpt-5","stream":true,"user":"u-1","metadata":{"team":"search"},"inputs":{"company":"Acme"},
			"messages":[{"role":"system","content":"Be kind."},{"role":"user","content":"I want a refund."}],
			"tools":[{"type":"function","function":{"name":"look_up"}}],"max_completion_tokens":800}`,
		context: `{"tier":"enterprise","seats":3,"limits":{"rate":2.5},"tags":["a","b"],"beta":true,"none":null}`,
		header:  http.Header{"X-Team": {"search", "ads"}, "Authorization": {"Bearer secret"}},
		client: llm.Client{ID: "alice", IP: "10.0.0.7", Authenticated: true, Claim: func(name string) (any, bool) {
			v, ok := map[string]any{"role": "admin", "level": 3, "groups": []string{"a", "b"}}[name]
			return v, ok
		}},
	}
	cases := map[string][]string{
		"context": {`context.tier == "enterprise"`, `context["tier"] == "enterprise"`, `context.seats == 3`, `context.limits.rate == 2.5`,
			`context.tags[1] == "b"`, `"b" in context.tags`, `context.beta`, `context.none == null`, `size(context) == 6`,
			`context.tags.exists(t, t.startsWith("a"))`, `context.exists(k, k == "seats")`},
		"metadata":              {`metadata.team == "search"`},
		"inputs":                {`inputs.company == "Acme"`},
		"headers":               {`headers["x-team"] == "search, ads"`, `"x-team" in headers`, `!("x-absent" in headers)`, `size(headers) == 1`, `headers == {"x-team": "search, ads"}`, `headers.exists(name, name == "x-team")`},
		"request.endpoint":      {`request.endpoint == "chat"`},
		"request.model":         {`request.model == "gpt-5"`},
		"request.stream":        {`request.stream`},
		"request.user":          {`request.user == "u-1"`, `has(request.user)`},
		"request.message_count": {`request.message_count == 2`, `request.message_count > 1.5`},
		"request.last_message":  {`request.last_message == "I want a refund."`},
		"request.has_tools":     {`request.has_tools`},
		"request.has_images":    {`!request.has_images`, `!has(request.has_images)`},
		"request.has_files":     {`!request.has_files`},
		"request.max_tokens":    {`request.max_tokens == 800`},
		"request.input_tokens":  {`request.input_tokens > 10 && request.input_tokens < 40`},
		"request.body_bytes":    {`request.body_bytes > 250`},
		"request.body":          {`request.body.messages[0].role == "system"`, `request.body.max_completion_tokens == 800`, `has(request.body.tools)`, `!has(request.body.seed)`, `size(request.body) == 8`},
		"client.id":             {`client.id == "alice"`},
		"client.ip":             {`client.ip == "10.0.0.7"`},
		"client.authenticated":  {`client.authenticated`},
		"client.claims":         {`client.claims.role == "admin"`, `client.claims["level"] == 3`, `"b" in client.claims.groups`, `"role" in client.claims`, `!has(client.claims.absent)`},
		"deployment.key":        {`deployment.key == "support-reply"`},
		"deployment.domain":     {`deployment.domain == "customer-care"`},
		"now":                   {`now == timestamp("2026-02-28T22:30:00Z")`, `now.getHours() == 22`, `now.getHours("Europe/Berlin") == 23`, `now.getDayOfWeek() == 6`},
	}
	for name := range cases {
		if !slices.ContainsFunc(variables, func(v variable) bool { return v.name == name }) {
			t.Errorf("%s is not in the table", name)
		}
	}
	for _, v := range variables {
		rules, ok := cases[v.name]
		if !ok {
			t.Errorf("%s has no test", v.name)
		}
		for _, rule := range rules {
			expect(t, chat, rule, Matched)
		}
	}
}

func TestAnEmptyRequestHasEmptyFacts(t *testing.T) {
	for _, rule := range []string{
		`size(context) == 0 && size(metadata) == 0 && size(inputs) == 0 && size(headers) == 0`,
		`request.model == "" && request.user == "" && request.last_message == "" && !request.stream`,
		`request.message_count == 0 && request.input_tokens == 0 && request.max_tokens == 0 && request.body_bytes == 2`,
		`!request.has_tools && !request.has_images && !request.has_files && size(request.body) == 0`,
		`client.id == "" && client.ip == "" && !client.authenticated && !("role" in client.claims)`,
	} {
		expect(t, sample{}, rule, Matched)
	}
}

func TestReferencesNameWhatARuleReads(t *testing.T) {
	for source, want := range map[string]string{
		`context.tier == "free" && request.body.n == 1`:              "context request.body",
		`headers["x"] == "" || client.claims.role == deployment.key`: "client.claims deployment.key headers",
		`rollout("a", 1)`:                      "client.id request.user",
		`rollout("a", 1, context.id)`:          "context",
		`healthy("openai")`:                    "",
		`[1, 2].exists(request, request == 1)`: "",
		`request.body.messages.exists(context, context.role == "x") && true`: "request.body",
		`has(request.model) && now > timestamp("2026-01-01T00:00:00Z")`:      "now request.model",
	} {
		if got := strings.Join(compile(t, source).References(), " "); got != want {
			t.Errorf("%s: References %q, want %q", source, got, want)
		}
	}
}

func TestRulesReadNothingThatTheyDoNotName(t *testing.T) {
	// The index of this body points outside of it, so whoever reads it panics, which Eval
	// turns into a failure.
	broken := func(context string) *Facts {
		return &Facts{Request: &llm.Request{
			Endpoint: llm.Chat, Context: []byte(context),
			Doc: llm.Document{Raw: []byte("{"), Members: []llm.Member{
				{Name: "messages", ValueStart: 5, ValueEnd: 9}, {Name: "user", ValueStart: 5, ValueEnd: 9},
				{Name: "tools", ValueStart: 5, ValueEnd: 9}, {Name: "max_tokens", ValueStart: 5, ValueEnd: 9},
			}},
		}}
	}
	rule := compile(t, `context.tier == "free" && request.model == "" && headers.all(h, h != "") && client.id == "" && request.endpoint == "chat"`)
	if got := rule.Eval(t.Context(), broken(`{"tier":"free"}`)); got.Verdict != Matched {
		t.Errorf("a rule that does not name the body: %v %v", got.Verdict, got.Err)
	}
	for _, source := range []string{`request.message_count == 0`, `request.last_message == ""`, `request.has_tools`, `request.max_tokens == 0`,
		`request.user == ""`, `request.body.messages == 1`, `request.input_tokens == 0`, `rollout("a", 50)`} {
		if got := compile(t, source).Eval(t.Context(), broken("")); got.Verdict != Failed {
			t.Errorf("%s: %v, so this test does not notice who reads the body", source, got.Verdict)
		}
	}
}

func TestAFactIsReadOnce(t *testing.T) {
	f := sample{body: `{"user":"u-1","messages":[{"role":"user","content":"hi"}]}`, context: `{"tier":"free"}`}.facts(t)
	c := newCompiler(t, Options{})
	for _, source := range []string{`request.user == "u-1" && request.last_message == "hi" && context.tier == "free" && rollout("a", 100)`,
		`request.user != "" && request.last_message != "" && context.tier != "" && request.message_count == 1`} {
		rule, err := c.Compile(source)
		if err != nil {
			t.Fatal(err)
		}
		if got := rule.Eval(t.Context(), f); got.Verdict != Matched {
			t.Fatalf("%s: %v %v", source, got.Verdict, got.Err)
		}
		// Whoever reads the body again now panics, which Eval turns into a failure.
		f.Request.Doc = llm.Document{Raw: []byte("{"), Members: []llm.Member{{Name: "messages", ValueStart: 5, ValueEnd: 9}, {Name: "user", ValueStart: 5, ValueEnd: 9}}}
		f.Request.Context = []byte(`}`)
	}
}

func TestFactsForgetWhatRulesOfAnotherCompilerSaw(t *testing.T) {
	f := sample{header: http.Header{"X-House-Key": {"secret"}}}.facts(t)
	ask := func(o Options) Verdict {
		rule, err := newCompiler(t, o).Compile(`headers["x-house" + "-key"] == "secret"`)
		if err != nil {
			t.Fatal(err)
		}
		return rule.Eval(t.Context(), f).Verdict
	}
	if got := ask(Options{}); got != Matched {
		t.Errorf("a header like any other: %v", got)
	}
	if got := ask(Options{CredentialHeaders: []string{"X-House-Key"}}); got != KeyMissing {
		t.Errorf("a header with credentials: %v", got)
	}
}

func TestAnUnreadableFactIsAnErrorOfTheRuleThatAsks(t *testing.T) {
	f := sample{context: `[1]`}.facts(t)
	c := newCompiler(t, Options{})
	for source, want := range map[string]string{
		`context.tier == "free"`:                "context.tier: context is not a JSON object",
		`!request.stream && context["a"] == 1`:  "context[\"a\"]: context is not a JSON object",
		`request.stream || size(context) == 10`: "context: context is not a JSON object",
	} {
		rule, err := c.Compile(source)
		if err != nil {
			t.Fatal(err)
		}
		if got := rule.Eval(t.Context(), f); got.Verdict != Failed || got.Err.Error() != want {
			t.Errorf("%s: %v %v, want %s", source, got.Verdict, got.Err, want)
		}
	}
}

func TestTheTableIsInOrder(t *testing.T) {
	var names []string
	for _, v := range variables {
		if slices.Contains(names, v.name) {
			t.Errorf("%s is there twice", v.name)
		}
		names = append(names, v.name)
		if !strings.HasSuffix(v.doc, ".") {
			t.Errorf("%s: the documentation is no sentence", v.name)
		}
		compile(t, v.example)
	}
	for _, fn := range functions {
		compile(t, fn.example)
	}
}
