package provider

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/provider/bedrock"
)

// Secrets that no text may hold.
const (
	canary       = "sk-canary-0123456789"
	canaryHeader = "canary-in-a-header"
)

// leaksNoSecret prints values in all ways that Go has and fails when a secret shows. Every
// kind of provider must pass it, with all that belongs to it: config, provider, calls, errors.
// The verb %w is left out: for what is no error go vet refuses it.
func leaksNoSecret(t *testing.T, values ...any) {
	t.Helper()
	for _, v := range values {
		var texts []string
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%o", "%e", "%U"} {
			texts = append(texts, fmt.Sprintf(verb, v))
		}
		texts = append(texts, fmt.Sprint(v), fmt.Sprintf("%+v", []any{v}), fmt.Sprintf("%#v", map[string]any{"v": v}))
		if s, ok := v.(fmt.Stringer); ok {
			texts = append(texts, s.String())
		}
		if s, ok := v.(fmt.GoStringer); ok {
			texts = append(texts, s.GoString())
		}
		if err, ok := v.(error); ok {
			for ; err != nil; err = errors.Unwrap(err) {
				texts = append(texts, err.Error())
			}
		}
		if b, err := json.Marshal(v); err == nil {
			texts = append(texts, string(b))
		}
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("", "v", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("", "v", v)
		for _, text := range append(texts, log.String()) {
			for _, secret := range []string{canary, canaryHeader, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary)} {
				if strings.Contains(text, secret) {
					t.Errorf("%T shows a secret: %s", v, text)
				}
			}
		}
	}
}

func TestNoKindShowsItsSecrets(t *testing.T) {
	for _, v := range Vendors() {
		t.Run(v.Kind, func(t *testing.T) {
			c := configOf(v)
			p, err := New(c)
			if err != nil {
				t.Fatal(err)
			}
			call := Call{Endpoint: v.Endpoints[0], Key: canary, Payload: llm.Payload{ContentType: canaryHeader}}
			leaksNoSecret(t, c, &c, p, *p, call, &call, struct {
				Config   Config
				Provider *Provider
			}{c, p})
			if p.String() != "mine" || fmt.Sprintf("%v", p) != "mine" {
				t.Errorf("the provider prints as %v", p)
			}
			_, err = p.NewRequest(t.Context(), Call{Endpoint: v.Endpoints[0], Key: canary + "-of-another"})
			if err == nil {
				t.Error("the key of another provider is sent")
			}
			_, unserved := p.NewRequest(t.Context(), Call{Endpoint: "nothing", Key: canary})
			leaksNoSecret(t, err, unserved)
		})
	}
}

func TestStaticKeysOfAWSAreNotShown(t *testing.T) {
	keys := &bedrock.Config{Region: "us-east-1", AccessKeyID: canary + "-id", SecretAccessKey: canary, SessionToken: canary + "-token"}
	c := Config{Name: "mine", Kind: KindBedrock, AWS: keys}
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	leaksNoSecret(t, c, &c, keys, p, *p)
	for _, secret := range []string{keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken} {
		if !slices.Contains(p.Secrets(), secret) {
			t.Error("a vendor's words may repeat a static key")
		}
	}
	keys.SessionToken = ""
	if p, err = New(c); err != nil || slices.Contains(p.Secrets(), "") {
		t.Errorf("nothing is a secret, or %v", err)
	}
	c.Keys = []string{canary}
	_, err = New(c)
	if err == nil {
		t.Error("an API key beside static keys is accepted")
	}
	leaksNoSecret(t, err)
}

func TestConfigErrorsShowNoSecret(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"white space in a key":     func(c *Config) { c.Keys = []string{"Bearer " + canary} },
		"control character in key": func(c *Config) { c.Keys = []string{canary + "\x00"} },
		"key beside an empty one":  func(c *Config) { c.Keys = []string{canary, ""} },
		"key in the URL":           func(c *Config) { c.BaseURL = "https://user:" + canary + "@example.com/v1" },
		"key in a broken URL":      func(c *Config) { c.BaseURL = "https://user:" + canary + "@exa mple.com/v1" },
		"key in the query":         func(c *Config) { c.BaseURL = "https://example.com/v1?key=" + canary },
		"key as a URL":             func(c *Config) { c.BaseURL = canary },
		"header in one word":       func(c *Config) { c.Header = map[string][]string{"Authorization: Bearer " + canary: {""}} },
		"line break in a header":   func(c *Config) { c.Header = map[string][]string{"X-Key": {canary + "\r\nX-Other: x"}} },
		"header of the transport":  func(c *Config) { c.Header = map[string][]string{"Host": {canary}} },
		"kind":                     func(c *Config) { c.Kind = "openia" },
		"name":                     func(c *Config) { c.Name = "a/b" },
		"bound":                    func(c *Config) { c.MaxInFlight = -1 },
	} {
		c := Config{Name: "mine", Kind: "openai", Keys: []string{canary}}
		change(&c)
		p, err := New(c)
		if err == nil || p != nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		leaksNoSecret(t, err)
	}
}
