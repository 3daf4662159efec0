package caddymodule

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
)

// provision adapts a Caddyfile and provisions all of it without listening.
func provision(t *testing.T, caddyfile string) (caddy.Context, error) {
	t.Helper()
	raw, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return caddy.Context{}, err
	}
	var config caddy.Config
	if err := json.Unmarshal(raw, &config); err != nil {
		return caddy.Context{}, err
	}
	ctx, err := caddy.ProvisionContext(&config)
	if err == nil {
		ctx, cancel := caddy.NewContext(ctx)
		t.Cleanup(cancel)
		return ctx, nil
	}
	return ctx, err
}

// demoGlobals is a gateway that needs no network: deployments is Caddyfile text.
func demoGlobals(deployments string) string {
	return `{
	admin off
	auto_https off
	llm_gateway {
		provider demo
		models {
			activate demo/*
		}
		` + deployments + `
	}
}
`
}

const echoDeployment = `deployment support {
	domain care
	variant gold {
		when ` + "`context.tier == \"gold\"`" + `
		model demo/assistant
		system "You work for {{company}}."
		input company
	}
	variant plain {
		model demo/echo
	}
}
deployment internal-notes {
	variant only {
		model demo/echo
	}
}
deployment gold-only {
	variant gold {
		when ` + "`context.tier == \"gold\"`" + `
		model demo/echo
	}
}
deployment strict {
	on_rule_error fail
	variant broken {
		when ` + "`int(context.count) > 3`" + `
		model demo/echo
	}
	variant plain {
		model demo/echo
	}
}
deployment down {
	retries 0
	variant only {
		model demo/fail-503
	}
}
`

// gateway returns the HTTP server of a Caddyfile with that directive on its only site.
func gateway(t *testing.T, directive string) http.Handler {
	t.Helper()
	ctx, err := provision(t, demoGlobals(echoDeployment)+"http://127.0.0.1:9999 {\n"+directive+"\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	app, err := ctx.App("http")
	if err != nil {
		t.Fatal(err)
	}
	for _, server := range app.(*caddyhttp.App).Servers {
		return server
	}
	t.Fatal("the config has no server")
	return nil
}

// call sends one request, such as "GET /v1/models", to a gateway. Headers alternate names and
// values.
func call(h http.Handler, what, body string, headers ...string) *httptest.ResponseRecorder {
	method, path, _ := strings.Cut(what, " ")
	r := httptest.NewRequest(method, "http://127.0.0.1:9999"+path, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:50000"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func chat(h http.Handler, body string, headers ...string) *httptest.ResponseRecorder {
	return call(h, "POST /v1/chat/completions", body, headers...)
}

const hello = `{"messages":[{"role":"user","content":"hello"}]}`

// envelope checks that a response is OpenAI's error envelope, all four members present, and
// returns its code and message.
func envelope(t *testing.T, w *httptest.ResponseRecorder) (code, message string) {
	t.Helper()
	var got struct {
		Error map[string]any `json:"error"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("not an error envelope: %v: %q", err, w.Body)
	}
	for _, member := range []string{"message", "type", "param", "code"} {
		if _, ok := got.Error[member]; !ok {
			t.Errorf("the envelope has no %q: %s", member, w.Body)
		}
	}
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q", got)
	}
	code, _ = got.Error["code"].(string)
	message, _ = got.Error["message"].(string)
	if message == "" {
		t.Errorf("the message is empty: %s", w.Body)
	}
	return code, message
}

func TestBadInputIsToldApart(t *testing.T) {
	h := gateway(t, "llm_gateway {\n\tmax_body 64KiB\n}")
	key := []string{"X-Deployment-Key", "support"}
	with := func(more ...string) []string { return append(append([]string{}, key...), more...) }
	for _, c := range []struct {
		name    string
		body    string
		headers []string
		status  int
		code    string
		says    string
	}{
		{"no deployment", hello, nil, 400, "deployment_required", "X-Deployment-Key"},
		{"unknown deployment", hello, []string{"X-Deployment-Key", "nope"}, 404, "deployment_not_found", `"nope"`},
		{"unknown deployment as model", `{"model":"deployment/nope"}`, nil, 404, "deployment_not_found", `"nope"`},
		{"empty body", ``, key, 400, "invalid_json", ""},
		{"not JSON", `{"messages":`, key, 400, "invalid_json", ""},
		{"not an object", `[1]`, key, 400, "invalid_json", "object"},
		{"trailing bytes", hello + "x", key, 400, "invalid_json", ""},
		{"a member twice", `{"model":"a","model":"b"}`, key, 400, "invalid_json", "model"},
		{"a member twice, escaped", `{"model":"a","mod\u0065l":"b"}`, key, 400, "invalid_json", "model"},
		{"a member in other letters", `{"model":"a","Model":"b"}`, key, 400, "invalid_json", "Model"},
		{"a member in other letters alone", `{"\u017ftream":true}`, key, 400, "invalid_json", "stream"},
		{"too deep", `{"a":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`, key, 400, "invalid_json", ""},
		{"too large", `{"a":"` + strings.Repeat("x", 70<<10) + `"}`, key, 413, "body_too_large", "65536"},
		{"compressed", hello, with("Content-Encoding", "gzip"), 400, "invalid_json", "compression"},
		{"context header is a list", hello, with("X-Deployment-Context", `[1]`), 400, "invalid_context", "X-Deployment-Context"},
		{"context header is damaged", hello, with("X-Deployment-Context", `{"tier":`), 400, "invalid_context", "X-Deployment-Context"},
		{"context header is long", hello, with("X-Deployment-Context", `{"a":"`+strings.Repeat("x", 8<<10)+`"}`), 400, "invalid_context", "8192"},
		{"context header twice", hello, with("X-Deployment-Context", `{}`, "X-Deployment-Context", `{}`), 400, "invalid_context", "once"},
		{"context member is text", `{"context":"gold"}`, key, 400, "invalid_context", "context"},
		{"inputs header is a number", hello, with("X-Deployment-Inputs", `1`), 400, "invalid_context", "X-Deployment-Inputs"},
		{"input missing", hello, with("X-Deployment-Context", `{"tier":"gold"}`), 422, "input_missing", "company"},
		{"no variant", hello, []string{"X-Deployment-Key", "gold-only"}, 422, "variant_not_found", "gold-only"},
		{"rule fails", hello, []string{"X-Deployment-Key", "strict", "X-Deployment-Context", `{"count":"many"}`}, 422, "rule_error", "broken"},
		{"provider is down", hello, []string{"X-Deployment-Key", "down"}, 503, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := chat(h, c.body, c.headers...)
			code, message := envelope(t, w)
			if w.Code != c.status || c.code != "" && code != c.code || !strings.Contains(message, c.says) {
				t.Errorf("got %d %s %q, want %d %s saying %q", w.Code, code, message, c.status, c.code, c.says)
			}
			if w.Header().Get("X-Deployment-Trace-Id") == "" {
				t.Error("the answer has no trace id")
			}
		})
	}
}

func TestBodyWithoutLengthIsBounded(t *testing.T) {
	h := gateway(t, "llm_gateway {\n\tmax_body 1KiB\n}")
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:9999/v1/chat/completions",
		strings.NewReader(`{"a":"`+strings.Repeat("x", 2<<10)+`"}`))
	r.ContentLength = -1
	r.Header.Set("X-Deployment-Key", "support")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if code, _ := envelope(t, w); code != "body_too_large" {
		t.Errorf("got %d %s", w.Code, code)
	}
}

func TestPathsAndMethods(t *testing.T) {
	h := gateway(t, "route {\n\tllm_gateway\n\trespond \"not the gateway\" 418\n}")
	for _, c := range []struct {
		method, path string
		status       int
		code         string
	}{
		{"GET", "/v1/chat/completions", 405, "method_not_allowed"},
		{"POST", "/v1/models", 405, "method_not_allowed"},
		{"GET", "/v1/feedback", 405, "method_not_allowed"},
		{"POST", "/v1/deployments/support/explain", 404, "not_available"},
		{"GET", "/v1/models/nope", 404, "model_not_found"},
	} {
		w := call(h, c.method+" "+c.path, "{}")
		if code, _ := envelope(t, w); w.Code != c.status || code != c.code {
			t.Errorf("%s %s: got %d %s, want %d %s", c.method, c.path, w.Code, code, c.status, c.code)
		}
	}
	for _, path := range []string{"/", "/v1", "/v1/other", "/v1/deployments/support", "/v1/models/"} {
		if w := call(h, "POST "+path, "{}"); w.Code != http.StatusTeapot {
			t.Errorf("%s: got %d, want it handed on", path, w.Code)
		}
	}
}

func TestAnswerSaysWhoAnswered(t *testing.T) {
	h := gateway(t, "llm_gateway")
	w := chat(h, hello, "X-Deployment-Key", "support")
	if w.Code != 200 || !strings.Contains(w.Body.String(), "hello") {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	for name, want := range map[string]string{
		"X-Deployment-Variant": "plain", "X-Deployment-Model": "demo/echo", "X-Deployment-Attempts": "1",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if id := w.Header().Get("X-Deployment-Trace-Id"); len(id) != 36 || id[14] != '7' {
		t.Errorf("trace id %q is no UUIDv7", id)
	}
}

func TestResponseHeadersOffKeepsTheTraceID(t *testing.T) {
	h := gateway(t, "llm_gateway {\n\tresponse_headers off\n}")
	w := chat(h, hello, "X-Deployment-Key", "support")
	for name := range w.Header() {
		if strings.HasPrefix(name, "X-Deployment-") && name != "X-Deployment-Trace-Id" {
			t.Errorf("%s is there", name)
		}
	}
	if w.Header().Get("X-Deployment-Trace-Id") == "" {
		t.Error("the trace id is not there")
	}
}

func TestWaysToNameADeployment(t *testing.T) {
	for _, c := range []struct {
		name, directive, body string
		headers               []string
		status                int
		answers               string // X-Deployment-Variant or, without one, X-Deployment-Model
	}{
		{"header", "llm_gateway", hello, []string{"X-Deployment-Key", "support"}, 200, "plain"},
		{"model", "llm_gateway", `{"model":"deployment/support","messages":[{"role":"user","content":"x"}]}`, nil, 200, "plain"},
		{"header beats model", "llm_gateway", `{"model":"deployment/nope","messages":[{"role":"user","content":"x"}]}`, []string{"X-Deployment-Key", "internal-notes"}, 200, "only"},
		{"default", "llm_gateway {\n\tdefault internal-notes\n}", hello, nil, 200, "only"},
		{"own header", "llm_gateway {\n\tkey_header Authorization\n}", hello, []string{"Authorization", "Bearer support"}, 200, "plain"},
		{"pattern allows", "llm_gateway {\n\tdeployments support gold-*\n}", hello, []string{"X-Deployment-Key", "support"}, 200, "plain"},
		{"pattern refuses", "llm_gateway {\n\tdeployments support gold-*\n}", hello, []string{"X-Deployment-Key", "internal-notes"}, 404, ""},
		{"direct", "llm_gateway {\n\tdirect on\n}", `{"model":"demo/echo","messages":[{"role":"user","content":"x"}]}`, nil, 200, "demo/echo"},
		{"direct, outside the garden", "llm_gateway {\n\tdirect on\n}", `{"model":"openai/gpt-5","messages":[]}`, nil, 403, ""},
		{"direct is off", "llm_gateway", `{"model":"demo/echo","messages":[]}`, nil, 400, ""},
		{"direct with a default", "llm_gateway {\n\tdirect on\n\tdefault support\n}", `{"model":"gpt-4o","messages":[{"role":"user","content":"x"}]}`, nil, 200, "plain"},
		{"context picks the variant", "llm_gateway", `{"context":{"tier":"gold"},"inputs":{"company":"Example Ltd"},"messages":[{"role":"user","content":"x"}]}`,
			[]string{"X-Deployment-Key", "support"}, 200, "gold"},
		{"context header wins", "llm_gateway", `{"context":{"tier":"gold"},"messages":[{"role":"user","content":"x"}]}`,
			[]string{"X-Deployment-Key", "support", "X-Deployment-Context", `{"tier":"free"}`}, 200, "plain"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := chat(gateway(t, c.directive), c.body, c.headers...)
			if w.Code != c.status {
				t.Fatalf("got %d %s, want %d", w.Code, w.Body, c.status)
			}
			got := w.Header().Get("X-Deployment-Variant")
			if got == "" {
				got = w.Header().Get("X-Deployment-Model")
			}
			if c.answers != "" && got != c.answers {
				t.Errorf("%q answered, want %q", got, c.answers)
			}
		})
	}
}

func TestModelsListsDeploymentsAndGarden(t *testing.T) {
	h := gateway(t, "llm_gateway {\n\tdeployments support\n}")
	w := call(h, "GET /v1/models", "")
	var list struct {
		Object string
		Data   []struct {
			ID, Object string
			OwnedBy    string `json:"owned_by"`
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || list.Object != "list" {
		t.Fatalf("%v: %s", err, w.Body)
	}
	ids := map[string]bool{}
	for _, m := range list.Data {
		ids[m.ID] = true
		if m.Object != "model" || m.OwnedBy == "" {
			t.Errorf("%+v is no model", m)
		}
	}
	if !ids["deployment/support"] || !ids["demo/echo"] || ids["deployment/internal-notes"] {
		t.Errorf("the list is wrong: %v", ids)
	}
	if w := call(h, "GET /v1/models/demo/echo", ""); w.Code != 200 || !strings.Contains(w.Body.String(), `"demo/echo"`) {
		t.Errorf("one model: %d %s", w.Code, w.Body)
	}
}
