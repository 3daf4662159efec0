package caddymodule

import (
	"net/http"
	"testing"

	"github.com/tidwall/gjson"
)

// An Anthropic client is told how long a request is, by a provider or by an estimate that says
// that it is one, with the deployment's own prompt in it.
func TestTokensAreCountedForADeployment(t *testing.T) {
	h := gateway(t, "llm_gateway")
	count := func(context string) int64 {
		t.Helper()
		w := call(h, "POST /v1/messages/count_tokens", `{"model":"m","messages":[{"role":"user","content":"hello"}],"stream":true}`,
			"X-Deployment-Key", "support", "X-Deployment-Context", context, "X-Deployment-Inputs", `{"company":"a company with a long name"}`)
		n := gjson.Get(w.Body.String(), "input_tokens").Int()
		if w.Code != http.StatusOK || n == 0 || w.Header().Get("X-Deployment-Estimated") != "true" || w.Header().Get("X-Deployment-Attempts") != "0" {
			t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
		}
		return n
	}
	if plain, gold := count(`{}`), count(`{"tier":"gold"}`); gold <= plain {
		t.Errorf("%d tokens with the deployment's prompt and %d without", gold, plain)
	}
	w := call(h, "POST /v1/messages", `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hello"}]}`, "X-Deployment-Key", "support")
	if w.Code != http.StatusOK || w.Header()["X-Deployment-Estimated"] != nil {
		t.Errorf("an answer is no estimate: %d %v", w.Code, w.Header())
	}
}

func TestErrorsOfACountAreInAnthropicsShape(t *testing.T) {
	h := gateway(t, "llm_gateway")
	for body, key := range map[string]string{"{}": "support", `{"messages":[]`: "support", `{"messages":[]}`: "nobody"} {
		w := call(h, "POST /v1/messages/count_tokens", body, "X-Deployment-Key", key)
		if got := w.Body.String(); w.Code < 400 || w.Code >= 500 || gjson.Get(got, "type").String() != "error" || gjson.Get(got, "error.message").String() == "" {
			t.Errorf("%s: %d %s", body, w.Code, got)
		}
	}
}
