package caddymodule

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
)

var update = flag.Bool("update", false, "write what the goldens expect anew")

const goldenBorder = "----------\n"

// golden is a .caddyfiletest: a Caddyfile, a line of dashes, and the JSON that it is adapted
// to, or the error that it is refused with, from the
// position on.
type golden struct {
	path, caddyfile, want string
}

func goldens(t *testing.T) []golden {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.caddyfiletest")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	var all []golden
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(raw), "\r\n", "\n")
		caddyfile, want, ok := strings.Cut(text, goldenBorder)
		if !ok {
			t.Fatalf("%s has no line of dashes", path)
		}
		all = append(all, golden{path, caddyfile, strings.TrimSpace(want)})
	}
	return all
}

func (g golden) isError() bool { return !strings.HasPrefix(g.want, "{") }

// adapt turns a Caddyfile into JSON. An untidy Caddyfile fails the test.
func adapt(t *testing.T, caddyfile string) ([]byte, error) {
	t.Helper()
	raw, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), nil)
	for _, w := range warnings {
		t.Errorf("warning: %s", w)
	}
	return raw, err
}

// validate does what `caddy validate` does: everything but starting.
func validate(raw []byte) error {
	var config caddy.Config
	if err := caddy.StrictUnmarshalJSON(raw, &config); err != nil {
		return err
	}
	return caddy.Validate(&config)
}

// setKeys sets the variables that the goldens' placeholders name.
func setKeys(t *testing.T) {
	t.Helper()
	for _, name := range []string{"OPENAI_API_KEY", "OPENAI_API_KEY_2", "GROQ_API_KEY", "ANTHROPIC_API_KEY",
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_OPENAI_API_KEY", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"} {
		t.Setenv(name, "sk-test-"+strings.ToLower(name))
	}
}

func TestGoldens(t *testing.T) {
	setKeys(t)
	for _, g := range goldens(t) {
		t.Run(strings.TrimSuffix(filepath.Base(g.path), ".caddyfiletest"), func(t *testing.T) {
			got := g.run(t)
			if *update {
				if err := os.WriteFile(g.path, []byte(g.caddyfile+goldenBorder+got+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != g.want {
				t.Errorf("got\n%s\nwant\n%s", got, g.want)
			}
		})
	}
}

// run returns the JSON of a golden, or the error that it is refused with from where Mulligan
// begins to speak.
func (g golden) run(t *testing.T) string {
	t.Helper()
	raw, err := adapt(t, g.caddyfile)
	if err == nil {
		err = validate(raw)
	}
	if err != nil {
		text := err.Error()
		if at := strings.Index(text, "Caddyfile:"); at >= 0 {
			return text[at:]
		}
		return text
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, raw, "", "\t"); err != nil {
		t.Fatal(err)
	}
	return pretty.String()
}
