package caddymodule

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

func TestInvokeAnswersInItsOwnShape(t *testing.T) {
	g := gateway(t, "llm_gateway")
	w := call(g, "POST /v2/deployments/invoke",
		`{"key":"support","messages":[{"role":"user","content":"Hello"}],"invoke_options":{"include_usage":true}}`)
	got := gjson.ParseBytes(w.Body.Bytes())
	trace := w.Header().Get("X-Deployment-Trace-Id")
	if w.Code != http.StatusOK || trace == "" || got.Get("id").Str != trace || got.Get("telemetry.trace_id").Str != trace {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if w.Header().Get("X-Deployment-Variant") != "plain" || w.Header().Get("X-Deployment-Model") != "demo/echo" {
		t.Errorf("headers %v", w.Header())
	}
	for path, want := range map[string]string{
		"object": "chat", "provider": "openailike", "model": "echo", "is_final": "true",
		"choices.0.message.type": "content", "choices.0.message.role": "assistant", "choices.0.finish_reason": "stop",
	} {
		if got.Get(path).String() != want {
			t.Errorf("%s is %s, want %s", path, got.Get(path), want)
		}
	}
	if !strings.Contains(got.Get("choices.0.message.content").Str, "Hello") || got.Get("usage.total_tokens").Int() == 0 {
		t.Errorf("got %s", w.Body)
	}
}

func TestInvokeStreamsWhatTheRulesChose(t *testing.T) {
	g := gateway(t, "llm_gateway")
	for path, stream := range map[string]string{"/v2/deployments/stream": "", "/v2/deployments/invoke": `"stream":true,`} {
		w := call(g, "POST "+path,
			`{`+stream+`"key":"support","context":{"tier":"gold"},"inputs":{"company":"Acme"},"messages":[{"role":"user","content":"Hello"}]}`)
		if w.Header().Get("X-Deployment-Variant") != "gold" || w.Header().Get("Content-Type") != "text/event-stream" {
			t.Fatalf("%s: %d %v %s", path, w.Code, w.Header(), w.Body)
		}
		events := strings.Split(strings.TrimSpace(w.Body.String()), "\n\n")
		final := 0
		for _, e := range events {
			if gjson.Get(strings.TrimPrefix(e, "data: "), "is_final").Bool() {
				final++
			}
		}
		if n := len(events); n < 3 || events[n-1] != "data: [DONE]" || final != 1 {
			t.Errorf("%s: got %s", path, w.Body)
		}
	}
}

func TestExtraParamsAndPrefixReachTheProvider(t *testing.T) {
	g := gateway(t, "llm_gateway")
	w := call(g, "POST /v2/deployments/get_config", `{"key":"support","context":{"tier":"gold"},"inputs":{"company":"Acme"},
		"prefix_messages":[{"role":"user","content":"before"}],"messages":[{"role":"user","content":"now"}],
		"extra_params":{"temperature":0.5,"max_tokens":7,"reasoning_effort":"low","odd":1}}`)
	got := gjson.ParseBytes(w.Body.Bytes())
	if w.Code != http.StatusOK || got.Get("id").Str != w.Header().Get("X-Deployment-Trace-Id") || got.Get("version").Str == "" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if said := got.Get("messages.#.content").String(); said != `["You work for Acme.","before","now"]` {
		t.Errorf("messages %s", said)
	}
	if p := got.Get("parameters").Raw; p != `{"temperature":0.5,"maxTokens":7,"reasoningEffort":"low","odd":1}` {
		t.Errorf("parameters %s", p)
	}
	if w.Header().Get("X-Deployment-Attempts") != "0" {
		t.Error("somebody was called for a config")
	}
}

func TestAMockIsAnsweredByNobody(t *testing.T) {
	g := gateway(t, "llm_gateway")
	w := call(g, "POST /v2/deployments/invoke", `{"key":"down","invoke_options":{"mock_response":"canned"}}`)
	if w.Code != http.StatusOK || gjson.Get(w.Body.String(), "choices.0.message.content").Str != "canned" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = call(g, "POST /v2/deployments/stream", `{"key":"down","invoke_options":{"mock_response":"canned"}}`)
	if !strings.Contains(w.Body.String(), `"content":"canned"`) || !strings.HasSuffix(w.Body.String(), "data: [DONE]\n\n") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestErrorsOfTheDeploymentAPIHaveAMessage(t *testing.T) {
	g := gateway(t, "llm_gateway {\n deployments support down\n}")
	for _, c := range []struct {
		body, code string
		status     int
	}{
		{`{}`, "deployment_required", 400},
		{`{"key":"nobody"}`, "deployment_not_found", 404},
		{`{"key":"strict"}`, "deployment_not_found", 404}, // not served here
		{`{"key":"support","context":{"tier":"gold"}}`, "input_missing", 422},
		{`{"key":"support","documents":[{"text":"x"}]}`, "unsupported_by_provider", 400},
		{`{"key":"support"`, "invalid_json", 400},
	} {
		w := call(g, "POST /v2/deployments/invoke", c.body)
		got := gjson.ParseBytes(w.Body.Bytes())
		if w.Code != c.status || got.Get("error.code").Str != c.code || got.Get("message").Str == "" || got.Get("message").Str != got.Get("error.message").Str {
			t.Errorf("%s: %d %s", c.body, w.Code, w.Body)
		}
	}
	w := call(g, "POST /v2/deployments/invoke", `{"key":"down","messages":[{"role":"user","content":"x"}]}`)
	if w.Code != http.StatusServiceUnavailable || gjson.Get(w.Body.String(), "message").Str == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestDeploymentsAreListedInPages(t *testing.T) {
	g := gateway(t, "llm_gateway")
	list := func(query string) gjson.Result {
		t.Helper()
		w := call(g, "GET /v2/deployments"+query, "")
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", query, w.Code, w.Body)
		}
		return gjson.ParseBytes(w.Body.Bytes())
	}
	all := list("")
	if keys := all.Get("data.#.key").String(); keys != `["down","gold-only","internal-notes","strict","support"]` || all.Get("has_more").Bool() {
		t.Fatalf("got %s", all)
	}
	first := list("?limit=2")
	if first.Get("data.#").Int() != 2 || !first.Get("has_more").Bool() {
		t.Errorf("got %s", first)
	}
	next := list("?limit=3&starting_after=" + first.Get("data.1.id").Str)
	if keys := next.Get("data.#.key").String(); keys != `["internal-notes","strict","support"]` || next.Get("has_more").Bool() {
		t.Errorf("got %s", next)
	}
	back := list("?limit=1&ending_before=" + next.Get("data.0.id").Str)
	if keys := back.Get("data.#.key").String(); keys != `["gold-only"]` || !back.Get("has_more").Bool() {
		t.Errorf("got %s", back)
	}
	for _, query := range []string{"?limit=0", "?limit=51", "?limit=x", "?starting_after=nobody", "?starting_after=a&ending_before=b"} {
		if w := call(g, "GET /v2/deployments"+query, ""); w.Code != http.StatusBadRequest || gjson.Get(w.Body.String(), "message").Str == "" {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
	if id := deploymentID("support"); id != "33a775c5-0e61-5d31-b1f4-6a48e9be04fa" {
		t.Error("the id of support has changed to " + id)
	}
}
