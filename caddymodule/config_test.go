package caddymodule

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// validateApp validates a config that holds the app alone, given as JSON.
func validateApp(app string) error {
	return validate([]byte(`{"admin":{"disabled":true},"apps":{"llm_gateway":` + app + `}}`))
}

const jsonApp = `{
	"providers": {"demo": {"kind": "demo"}},
	"models": {"activate": ["demo/*"]},
	"deployments": {"support-reply": {%s}}
}`

func TestJSONConfigNeedsNoPositions(t *testing.T) {
	app := strings.Replace(jsonApp, "%s", `"variants": [
		{"name": "gold", "when": "context.tier == 'gold'", "model": "demo/assistant", "params": {"seed": 1}},
		{"name": "default", "model": "demo/echo", "fallbacks": [{"model": "demo/assistant"}]}
	], "expect": [{"variant": "default"}, {"variant": "gold", "sample": {"context": {"tier": "gold"}}}]`, 1)
	if err := validateApp(app); err != nil {
		t.Error(err)
	}
}

func TestEmptyConfigIsGood(t *testing.T) {
	if err := validateApp(`{}`); err != nil {
		t.Error(err)
	}
}

func TestJSONConfigIsCheckedLikeACaddyfile(t *testing.T) {
	for _, c := range []struct{ name, deployment, says string }{
		{"no name", `"variants": [{"model": "demo/echo"}]`, `deployment "support-reply": variant "": the name is empty`},
		{"null variant", `"variants": [null]`, `variant "": it has no model`},
		{"null fallback", `"variants": [{"name": "a", "model": "demo/echo", "fallbacks": [null]}]`, `variant "a": fallback: "" is not a model's name`},
		{"names twice", `"variants": [{"name": "a", "when": "true", "model": "demo/echo"}, {"name": "a", "model": "demo/echo"}]`, `variant "a": there is another variant of this name`},
		{"negative retries", `"retries": -1, "variants": [{"name": "a", "model": "demo/echo"}]`, `deployment "support-reply": retries: the number cannot be negative`},
		{"negative budget", `"retry_budget": -1, "variants": [{"name": "a", "model": "demo/echo"}]`, `retry_budget: the percentage cannot be negative`},
		{"negative timeout", `"variants": [{"name": "a", "model": "demo/echo", "idle_timeout": -1}]`, `variant "a": idle_timeout: a duration cannot be negative`},
		{"role", `"variants": [{"name": "a", "model": "demo/echo", "messages": [{"role": "tool", "text": "x"}]}]`, `variant "a": message: "tool" is not a role`},
		{"unknown field", `"variant": []`, `unknown field "variant"`},
		{"duration as text", `"timeout": "soon"`, `soon`},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := validateApp(strings.Replace(jsonApp, "%s", c.deployment, 1))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want it to say %s", err, c.says)
			}
		})
	}
}

func TestJSONProviderIsChecked(t *testing.T) {
	for _, c := range []struct{ name, provider, says string }{
		{"no kind", `{}`, `provider "main": it has no kind`},
		{"unknown kind", `{"kind": "opnai"}`, `did you mean "openai"?`},
		{"unknown field", `{"kind": "openai", "api_kye": ["x"]}`, `unknown field "api_kye"`},
		{"unknown transport", `{"kind": "demo", "transport": {"protocol": "htpp"}}`, `provider "main": transport`},
		{"unknown field of the transport", `{"kind": "demo", "transport": {"protocol": "http", "tsl": {}}}`, `unknown field "tsl"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := validateApp(`{"providers": {"main": ` + c.provider + `}}`)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want it to say %s", err, c.says)
			}
		})
	}
}

// What the adapter writes must read back to the same config, and Caddy decodes it through
// maps on the way to the app.
func TestAdaptedConfigSurvivesCaddysOwnDecoding(t *testing.T) {
	setKeys(t)
	for _, g := range goldens(t) {
		if g.isError() {
			continue
		}
		var config any
		if err := json.Unmarshal([]byte(g.want), &config); err != nil {
			t.Fatalf("%s: %v", g.path, err)
		}
		again, err := json.Marshal(config)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(again); err != nil {
			t.Errorf("%s: %v", g.path, err)
		}
	}
}

func TestImportedFilesAreNamedInErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "support.caddyfile")
	text := "deployment support-reply {\n\tvariant only {\n\t\tmodel demo/echo\n\t\twhen `nope`\n\t}\n}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	raw, err := adapt(t, "{\n\tllm_gateway {\n\t\tprovider demo\n\t\tmodels {\n\t\t\tactivate demo/*\n\t\t}\n\t\timport "+dir+"/*.caddyfile\n\t}\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	err = validate(raw)
	if err == nil || !strings.Contains(err.Error(), file+`:4: deployment "support-reply": variant "only": when: `) {
		t.Errorf("got %v", err)
	}
}

const secret = "sk-abcdefghijklmnop"

func TestKeysAreNeverInErrors(t *testing.T) {
	t.Setenv("MULLIGAN_TEST_KEY", secret)
	provider := func(lines string) string {
		return "{\n\tllm_gateway {\n\t\tprovider openai {\n" + lines + "\n\t\t}\n\t\tmodels {\n\t\t\tactivate nobody/*\n\t\t}\n\t}\n}\n"
	}
	for name, lines := range map[string]string{
		"placeholder":          "\t\t\tapi_key {env.MULLIGAN_TEST_KEY}",
		"literal":              "\t\t\tapi_key " + secret,
		"unknown placeholder":  "\t\t\tapi_key " + secret + "{env.MULLIGAN_TEST_UNSET}",
		"brace in a key":       "\t\t\tapi_key a{" + secret + "}b",
		"more on the line":     "\t\t\tapi_key {env.MULLIGAN_TEST_KEY} " + secret,
		"a line of its own":    "\t\t\t" + secret,
		"key after header":     "\t\t\theader " + secret + "{",
		"bad header name":      "\t\t\theader \"" + secret + " x\" y",
		"header's placeholder": "\t\t\theader Authorization \"" + secret + "{env.MULLIGAN_TEST_UNSET}\"",
		"bad base_url":         "\t\t\tapi_key {env.MULLIGAN_TEST_KEY}\n\t\t\tbase_url :no",
		"bad transport":        "\t\t\tapi_key {env.MULLIGAN_TEST_KEY}\n\t\t\ttransport nope",
		"control character":    "\t\t\tapi_key \"" + secret + "\x01\"",
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := adapt(t, provider(lines))
			if err == nil {
				err = validate(raw)
			}
			if err == nil {
				t.Fatal("the config is good, so that the test shows nothing")
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the key is in the error: %v", err)
			}
		})
	}
}

func TestMissingKeyNamesProviderAndPlaceholder(t *testing.T) {
	err := validateApp(`{"providers": {"main": {"kind": "openai", "api_keys": ["{env.MULLIGAN_TEST_UNSET}"]}}}`)
	if err == nil || !strings.Contains(err.Error(), `provider "main": api_key: the placeholder {env.MULLIGAN_TEST_UNSET} has no value`) {
		t.Errorf("got %v", err)
	}
	err = validateApp(`{"providers": {"main": {"kind": "openai", "api_keys": ["{file./nowhere/key}"]}}}`)
	if err == nil || !strings.Contains(err.Error(), `provider "main": api_key: the placeholder {file./nowhere/key} has no value`) {
		t.Errorf("got %v", err)
	}
}

func TestLiteralKeyIsWarnedOfAndNotLogged(t *testing.T) {
	log := filepath.Join(t.TempDir(), "caddy.log")
	raw, err := adapt(t, "{\n\tadmin off\n\tlog {\n\t\toutput file "+log+"\n\t}\n\tllm_gateway {\n\t\tprovider openai {\n\t\t\tapi_key "+secret+"\n\t\t}\n\t}\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	if err := validate(raw); err != nil {
		t.Fatal(err)
	}
	lines, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(lines), `"provider":"openai"`) || !strings.Contains(string(lines), "caddy adapt") {
		t.Errorf("there is no warning in %s", lines)
	}
	if strings.Contains(string(lines), secret) {
		t.Errorf("the key is in the log: %s", lines)
	}
}

func TestOfflineAppNeedsNeitherKeysNorExpectationsThatHold(t *testing.T) {
	app := &App{withoutSecrets: true}
	if err := caddy.StrictUnmarshalJSON([]byte(`{
		"providers": {"main": {"kind": "openai", "api_keys": ["{env.MULLIGAN_TEST_UNSET}"]}},
		"models": {"activate": ["main/*"]},
		"deployments": {"support-reply": {
			"variants": [{"name": "a", "when": "false", "model": "main/x"}, {"name": "b", "model": "main/y"}],
			"expect": [{"variant": "a"}]
		}}
	}`), app); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	defer cancel()
	if err := app.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	if err := app.Cleanup(); err != nil {
		t.Error(err)
	}
}
