package caddymodule

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func explained(t *testing.T, body []byte) Explanation {
	t.Helper()
	var e Explanation
	if err := json.Unmarshal(body, &e); err != nil {
		t.Fatalf("not an explanation: %v: %s", err, body)
	}
	return e
}

func TestExplainShowsVerdictsAndBodies(t *testing.T) {
	h := gateway(t, "llm_gateway {\n\texplain on\n}")
	w := call(h, "POST /v1/deployments/support/explain",
		`{"messages":[{"role":"user","content":"x"}],"inputs":{"company":"Example Ltd"}}`,
		"X-Deployment-Context", `{"tier":"gold"}`)
	e := explained(t, w.Body.Bytes())
	if w.Code != 200 || e.Variant == nil || *e.Variant != "gold" {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	if len(e.Rules) != 2 || e.Rules[0].Verdict != "matched" || e.Rules[1].Verdict != "not_asked" {
		t.Errorf("rules: %+v", e.Rules)
	}
	if len(e.Targets) != 1 || e.Targets[0].Target != "demo/assistant" ||
		!strings.Contains(string(e.Targets[0].Body), "You work for Example Ltd.") ||
		strings.Contains(string(e.Targets[0].Body), "inputs") {
		t.Errorf("targets: %s", w.Body)
	}
}

func TestExplainSaysWhyARuleIsNotTrue(t *testing.T) {
	h := gateway(t, "llm_gateway {\n\texplain on\n}")
	w := call(h, "POST /v1/deployments/support/explain", `{"context":{"tier":"free"}}`)
	e := explained(t, w.Body.Bytes())
	if *e.Variant != "plain" || e.Rules[0].Verdict != "not_matched" || !strings.Contains(w.Body.String(), `free`) {
		t.Errorf("got %s", w.Body)
	}
	w = call(h, "POST /v1/deployments/support/explain", ``)
	if e := explained(t, w.Body.Bytes()); e.Rules[0].Verdict != "key_missing" || !strings.Contains(e.Rules[0].Why, "tier") {
		t.Errorf("got %s", w.Body)
	}
}

func TestExplainShowsTheErrorAClientWouldGet(t *testing.T) {
	h := gateway(t, "llm_gateway {\n\texplain on\n}")
	w := call(h, "POST /v1/deployments/gold-only/explain", `{}`)
	if e := explained(t, w.Body.Bytes()); w.Code != 200 || e.Variant != nil || e.Error == nil || e.Error.Code != "variant_not_found" {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	w = call(h, "POST /v1/deployments/support/explain", `{}`, "X-Deployment-Context", `{"tier":"gold"}`)
	if e := explained(t, w.Body.Bytes()); len(e.Targets) != 1 || e.Targets[0].Error == nil || e.Targets[0].Error.Code != "input_missing" {
		t.Errorf("got %s", w.Body)
	}
	w = call(h, "POST /v1/deployments/nope/explain", `{}`)
	if code, _ := envelope(t, w); w.Code != 404 || code != "deployment_not_found" {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestAdminExplainsWithoutASite(t *testing.T) {
	ctx, err := provision(t, demoGlobals(echoDeployment)+"http://127.0.0.1:9999 {\n\tllm_gateway\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	module, err := ctx.App("llm_gateway")
	if err != nil {
		t.Fatal(err)
	}
	app := module.(*App)
	ask := func(key string) (*httptest.ResponseRecorder, error) {
		r := httptest.NewRequest(http.MethodPost, "/llm_gateway/explain/"+key, strings.NewReader(`{}`))
		w := httptest.NewRecorder()
		return w, new(admin).serveExplain(w, r)
	}
	if _, err := ask("support"); err == nil {
		t.Error("an app that has not started answers")
	}
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	w, err := ask("support")
	if err != nil {
		t.Fatal(err)
	}
	if e := explained(t, w.Body.Bytes()); *e.Variant != "plain" {
		t.Errorf("got %s", w.Body)
	}
	if w, _ = ask("suport"); !strings.Contains(w.Body.String(), `did you mean \"support\"`) {
		t.Errorf("got %s", w.Body)
	}
	if err := app.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := ask("support"); err == nil {
		t.Error("an app that has stopped answers")
	}
}

func runLLM(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := &cobra.Command{Use: "llm", SilenceUsage: true, SilenceErrors: true}
	cmd.AddCommand(explainCommand(), modelsCommand())
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const keylessConfig = `{
	llm_gateway {
		provider openai {
			api_key {env.A_KEY_THAT_IS_NOT_SET}
		}
		models {
			activate openai/gpt-5-mini openai/gpt-5
		}
		deployment support {
			variant gold {
				when ` + "`context.tier == \"gold\"`" + `
				model openai/gpt-5
			}
			variant plain {
				model openai/gpt-5-mini
			}
		}
	}
}
`

func TestExplainCommandNeedsNoKeys(t *testing.T) {
	config := writeFile(t, "Caddyfile", keylessConfig)
	body := writeFile(t, "request.json", `{"messages":[{"role":"user","content":"x"}],"context":{"tier":"free","n":1}}`)
	out, err := runLLM(t, "explain", "--config", config, "--deployment", "support", "--body", body, "--context", `{"tier":"gold"}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"variant     gold", "matched", "not_asked", "openai/gpt-5", `"model": "gpt-5"`} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	out, err = runLLM(t, "explain", "--config", config, "--deployment", "support", "--json")
	if err != nil {
		t.Fatal(err)
	}
	if e := explained(t, []byte(out)); *e.Variant != "plain" {
		t.Errorf("got %s", out)
	}
	if _, err = runLLM(t, "explain", "--config", config, "--deployment", "suport"); err == nil || !strings.Contains(err.Error(), `did you mean "support"`) {
		t.Errorf("got %v", err)
	}
}

func TestModelsCommandListsPrices(t *testing.T) {
	config := writeFile(t, "Caddyfile", keylessConfig)
	out, err := runLLM(t, "models", "--config", config)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, "openai/gpt-5-mini") || strings.Contains(out, "gpt-4o") || !strings.Contains(out, "commit ") {
		t.Errorf("got\n%s", out)
	}
	out, err = runLLM(t, "models", "anthropic/*")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, "anthropic/claude") || strings.Contains(out, "openai/") {
		t.Errorf("got\n%s", out)
	}
}

func TestExpectationThatDoesNotHoldRefusesTheConfig(t *testing.T) {
	site := "http://127.0.0.1:9999 {\n\tllm_gateway\n}\n"
	withExpect := func(line string) string {
		return demoGlobals(strings.Replace(echoDeployment, "deployment internal-notes", "deployment other", 1)+
			"deployment checked {\nvariant gold {\nwhen `context.tier == \"gold\"`\nmodel demo/echo\n}\nvariant plain {\nmodel demo/echo\n}\n"+line+"\n}\n") + site
	}
	if _, err := provision(t, withExpect("expect gold `{\"context\":{\"tier\":\"gold\"}}`\nexpect plain `{}`")); err != nil {
		t.Errorf("expectations that hold are refused: %v", err)
	}
	_, err := provision(t, withExpect("expect gold `{\"context\":{\"tier\":\"free\"}}`"))
	if err == nil {
		t.Fatal("an expectation that does not hold is accepted")
	}
	for _, want := range []string{"Caddyfile:", `"checked"`, "expect", "gold", `variant "plain" answers`, "free"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
	_, err = provision(t, withExpect("expect gold `{\"context\":{\"tier\":\"gold\"},\"clinet\":{}}`"))
	if err != nil {
		t.Errorf("members of the request body are free: %v", err)
	}
	_, err = provision(t, withExpect("expect gold `{\"client\":{\"name\":\"x\"}}`"))
	if err == nil || !strings.Contains(err.Error(), "name") {
		t.Errorf("an unknown member of the client is accepted: %v", err)
	}
}
