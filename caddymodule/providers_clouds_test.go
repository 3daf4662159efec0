package caddymodule

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

func TestWhatSignsInAtACloudIsNeverInErrors(t *testing.T) {
	t.Setenv("MULLIGAN_TEST_KEY", secret)
	file := filepath.Join(t.TempDir(), "credentials.json")
	if err := os.WriteFile(file, []byte(`{"type":"nothing","private_key":"`+secret+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	const base = `"base_url": "https://r.example.com"`
	for name, provider := range map[string]string{
		"secret alone":            `{"kind": "azure", ` + base + `, "entra": {"client_secret": "{env.MULLIGAN_TEST_KEY}"}}`,
		"secret in a placeholder": `{"kind": "azure", ` + base + `, "entra": {"tenant": "t", "client_id": "c", "client_secret": "` + secret + `{env.MULLIGAN_TEST_UNSET}"}}`,
		"secret as the tenant":    `{"kind": "azure", ` + base + `, "entra": {"tenant": "` + secret + ` ", "client_id": "c", "client_secret": "s"}}`,
		"secret as the authority": `{"kind": "azure", ` + base + `, "entra": {"authority": "` + secret + `"}}`,
		"key beside entra":        `{"kind": "azure", ` + base + `, "api_keys": ["{env.MULLIGAN_TEST_KEY}"], "entra": {}}`,
		"credentials, a file":     `{"kind": "vertex", "project": "p", "location": "l", "credentials": "` + file + `"}`,
		"credentials, written":    `{"kind": "vertex", "project": "p", "location": "l", "credentials": "{\"private_key\":\"` + secret + `\"}"}`,
		"keys of AWS":             `{"kind": "bedrock", "region": "us-east-1", "access_key_id": "{env.MULLIGAN_TEST_KEY}"}`,
		"the name of a header":    `{"kind": "demo", "headers": {"` + secret + ` x": ["{env.MULLIGAN_TEST_UNSET}"]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			err := validateApp(`{"providers": {"main": ` + provider + `}}`)
			if err == nil {
				t.Fatal("the config is good, so that the test shows nothing")
			}
			if strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), `provider "main"`) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A sign-in whose config stays keeps its tokens over a reload, and is gone with its last user.
func TestSignInsOutliveAReload(t *testing.T) {
	config := func(secret string) string {
		return `{"providers": {"az": {"kind": "azure", "base_url": "https://r.example.com",
			"entra": {"tenant": "t", "client_id": "c", "client_secret": "` + secret + `"}}}}`
	}
	signInOf := func(app *App) signInKey {
		for _, key := range app.keys {
			if k, ok := key.(signInKey); ok {
				return k
			}
		}
		t.Fatal("the app keeps no sign-in")
		return ""
	}
	first, second, rotated := provisioned(t, config("one")), provisioned(t, config("one")), provisioned(t, config("two"))
	if signInOf(first) != signInOf(second) || signInOf(first) == signInOf(rotated) || references(signInOf(first)) != 2 {
		t.Error("sign-ins are not told apart by their config")
	}
	if strings.Contains(string(signInOf(first)), "one") {
		t.Error("the key shows the secret")
	}
	cleanUp(t, first)
	if references(signInOf(second)) != 1 {
		t.Error("the cleanup of the old config takes the sign-in with it")
	}
	cleanUp(t, second)
	cleanUp(t, rotated)
	if references(signInOf(first)) != 0 || references(signInOf(rotated)) != 0 {
		t.Error("a sign-in is kept that nobody uses")
	}
}

// What calls nobody, such as `caddy llm explain`, needs nothing of what signs in.
func TestOfflineCloudsNeedNothingToSignInWith(t *testing.T) {
	app := &App{withoutSecrets: true}
	if err := caddy.StrictUnmarshalJSON([]byte(`{"providers": {
		"az": {"kind": "azure", "base_url": "https://r.example.com", "deployments": {"gpt-5": "prod"},
			"entra": {"tenant": "{env.MULLIGAN_TEST_UNSET}", "client_id": "c", "client_secret": "{env.MULLIGAN_TEST_UNSET}"}},
		"v": {"kind": "vertex", "location": "us-east5", "credentials": "/nowhere/credentials.json"}
	}}`), app); err != nil {
		t.Fatal(err)
	}
	if err := app.Provision(testContext(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cleanUp(t, app) })
	if p := app.providers["az"]; p.WireModel("gpt-5") != "prod" {
		t.Errorf("the model is asked for as %s", p.WireModel("gpt-5"))
	}
}
