package rules

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"cel.dev/cel-go/common/types"

	"github.com/mulligan-gateway/mulligan/llm"
)

// canary is a credential that must not come out of any rule.
const canary = "sk-canary-0123456789"

// FuzzCompileAndEval runs any rule on any request. Whatever it is, the rule must come to a
// verdict, Explain must agree with it, and no credential may show.
func FuzzCompileAndEval(f *testing.F) {
	body := `{"model":"gpt-5","stream":true,"user":"u-1","metadata":{"team":"search"},"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"max_tokens":5}`
	for _, rule := range tenRules {
		f.Add(rule, body, `{"tier":"enterprise","tags":["a","b"]}`)
	}
	for _, v := range variables {
		f.Add(v.example, body, `{"tier":"free"}`)
	}
	for _, fn := range functions {
		f.Add(fn.example, body, `{}`)
	}
	for _, usage := range macroUsages {
		f.Add("dyn("+usage+") == 1", body, `{"tags":["a"],"users":[{"age":1}],"user":{"age":20}}`)
	}
	f.Add(`request.body.messages.all(m, m.content.exists(p, p.type == context[p.type]))`, body, `[1]`)
	f.Add(`"%s %s".format([headers, context]) == json.encode(request.body)`, body, `{"a":{"a":[1,{}]},"a":2}`)
	f.Add(`headers.map(h, headers[h]).join("").contains("x") ? context.x[1].y : request.body == context`, `{"a":1e400,"":"\ud800"}`, `{"x":[{},{"y":true}]}`)
	f.Add(`[1, 2].sort().reverse().distinct() == lists.range(3).slice(0, 2).flatten()`, `{"x":[[1],[2]]}`, `}`)
	f.Add(`contxt.tier = "x`, `{}`, ``)
	compiler := newCompiler(f, Options{CostLimit: 20_000, KnownTarget: func(name string) bool { return name == "demo" }, Targets: []string{"demo"}})
	f.Fuzz(func(t *testing.T, source, body, ctx string) {
		rule, err := compiler.Compile(source)
		if err != nil {
			if text := err.Error(); !strings.Contains(text, "\n\t") || !strings.HasSuffix(text, "^") {
				t.Errorf("no caret: %s", text)
			}
			return
		}
		doc, err := llm.ParseJSON([]byte(body))
		if err != nil {
			return
		}
		req := &llm.Request{
			Endpoint: llm.Chat, Time: sampleTime, TraceID: "trace-1", Doc: doc, Context: []byte(ctx),
			Header: http.Header{"Authorization": {canary}, "X-Api-Key": {canary}, "X-Team": {"search"}},
			Client: llm.Client{ID: "alice", Claim: func(name string) (any, bool) { return "admin", name == "role" }},
		}
		req.Model, _ = doc.String("model")
		req.Metadata, _ = doc.Get("metadata")
		deadline, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		got := rule.Eval(deadline, &Facts{Request: req})
		checkResult(t, source, got)
		if deadline.Err() != nil {
			t.Errorf("%s: it takes more than 20 seconds", source)
		}
		e := rule.Explain(deadline, &Facts{Request: req})
		if e.Verdict != got.Verdict || e.Key != got.Key {
			t.Errorf("%s: Explain says %s %q, Eval %s %q", source, e.Verdict, e.Key, got.Verdict, got.Key)
		}
		shown := e.Why
		for _, v := range e.Values {
			shown += v.Value
		}
		if !strings.Contains(source, canary) && !strings.Contains(body, canary) && !strings.Contains(ctx, canary) && strings.Contains(shown, canary) {
			t.Errorf("%s: the explanation shows a credential: %s", source, shown)
		}
	})
}

func checkResult(t *testing.T, source string, got Result) {
	t.Helper()
	switch got.Verdict {
	case Matched, NotMatched, KeyMissing:
		if got.Err != nil {
			t.Errorf("%s: %s with the error %v", source, got.Verdict, got.Err)
		}
	case Failed:
		if got.Err == nil || strings.Contains(got.Err.Error(), "internal error") {
			t.Errorf("%s: failed with %v", source, got.Err)
		}
	default:
		t.Errorf("%s: the verdict is %q", source, got.Verdict)
	}
}

// FuzzJSONValues reads any text as JSON in every way that rules can. Nothing of it may panic,
// since what ingress lets through need not be JSON inside of strings, and contexts that come
// in headers are checked by others.
func FuzzJSONValues(f *testing.F) {
	for _, seed := range []string{`{"a":{"b":[1,2.5,null,true,"x\n"]},"":1}`, `{"a":1,"a":2}`, `{`, `{"a`, `{"a":[1,{`, `{{{{`, `{"a":nul`, `{"\ud800":"\u12"}`, `{"a":99999999999999999999}`, `{"a":-}`} {
		f.Add(seed, "a")
	}
	rules := compileAll(f, []string{
		`context == metadata`, `context.all(k, context[k] == metadata[k])`, `size(context) > 5 || context.a.b[1] == 2`, `"%s".format([context]) == ""`,
		`json.encode(context) == ""`, `context.a.exists(x, x in context.a)`, `context.orValue("a", {}).orValue("b", []).size() == 1`, `type(context.a) == list && context.a.sort()[0] == 1`,
	})
	f.Fuzz(func(t *testing.T, raw, key string) {
		if !strings.HasPrefix(raw, "{") {
			return
		}
		req := &llm.Request{Context: []byte(raw), Metadata: []byte(raw)}
		facts := &Facts{Request: req}
		for _, rule := range rules {
			checkResult(t, rule.Source(), rule.Eval(context.Background(), facts))
		}
		o := newJSONObject(raw)
		one, found := o.Find(types.String(key))
		o.readAll()
		if all, again := o.Find(types.String(key)); again != found && json.Valid([]byte(raw)) && utf8.ValidString(raw) {
			t.Errorf("%s: %q is %v when asked for alone, and %v when all was read", raw, key, one, all)
		}
	})
}
