package provider

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/provider/azure"
	"github.com/mulligan-gateway/mulligan/upstream/provider/bedrock"
	"github.com/mulligan-gateway/mulligan/upstream/provider/vertex"
)

// asks returns the request of a call with a JSON body, as it would be sent.
func asks(t *testing.T, p *Provider, c Call, body string) (url string, header http.Header, sent string) {
	t.Helper()
	adapted, err := p.Adapt(c.Endpoint, c.Model, llm.Payload{ContentType: "application/json", Parts: [][]byte{[]byte(body)}})
	if err != nil {
		t.Fatal(err)
	}
	c.Payload, c.Key = adapted, p.Keys()[0]
	r, err := p.NewRequest(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return r.URL.String(), r.Header, string(adapted.Bytes())
}

func mustNew(t *testing.T, c Config) *Provider {
	t.Helper()
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestVertexAsksEachPublishersModelsWhereTheyAre(t *testing.T) {
	const at = "https://us-east5-aiplatform.googleapis.com/v1/projects/my-project/locations/us-east5"
	const chat, said = `{"model":"m","messages":[]}`, `{"messages":[],"anthropic_version":"vertex-2023-10-16"}`
	p := mustNew(t, Config{Name: "v", Kind: KindVertex, Keys: []string{"key"}, Google: &vertex.Config{Project: "my-project", Location: "us-east5"}})
	for _, c := range []struct {
		endpoint              llm.Endpoint
		model                 string
		stream                bool
		dialect, path, body   string
		wireModel, acceptType string
	}{
		{llm.Chat, "gemini-2.5-pro", false, DialectGemini, "/publishers/google/models/gemini-2.5-pro:generateContent", chat, "gemini-2.5-pro", ""},
		{llm.Chat, "google/gemini-2.5-pro", true, DialectGemini, "/publishers/google/models/gemini-2.5-pro:streamGenerateContent?alt=sse", chat, "gemini-2.5-pro", "text/event-stream"},
		{llm.Chat, "endpoints/123", false, DialectGemini, "/endpoints/123:generateContent", chat, "endpoints/123", ""},
		{llm.Chat, "claude-sonnet-4-5@20250929", false, DialectMessages, "/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict", said, "claude-sonnet-4-5@20250929", ""},
		{llm.Messages, "anthropic/claude-haiku-4-5@20251001", true, "", "/publishers/anthropic/models/claude-haiku-4-5@20251001:streamRawPredict", said, "claude-haiku-4-5@20251001", "text/event-stream"},
		{llm.Chat, "meta/llama-3.3-70b-instruct-maas", true, "", "/endpoints/openapi/chat/completions", chat, "meta/llama-3.3-70b-instruct-maas", "text/event-stream"},
		{llm.Chat, "mistralai/mistral-medium-3", true, "", "/publishers/mistralai/models/mistral-medium-3:streamRawPredict", chat, "mistral-medium-3", "text/event-stream"},
		{llm.Chat, "../../x?y#z", false, "", "/endpoints/openapi/chat/completions", chat, "../../x?y#z", ""},
		{llm.Messages, "claude/../x", false, "", "/publishers/anthropic/models/claude%2F..%2Fx:rawPredict", said, "claude/../x", ""},
	} {
		if d := p.Dialect(c.endpoint, c.model); d != c.dialect || p.WireModel(c.model) != c.wireModel {
			t.Errorf("%s is spoken to in %q as %q", c.model, d, p.WireModel(c.model))
		}
		url, header, body := asks(t, p, Call{Endpoint: c.endpoint, Model: c.model, Stream: c.stream}, chat)
		if url != at+c.path || body != c.body || header.Get("X-Goog-Api-Key") != "key" || header.Get("Accept") != c.acceptType || header.Get("Authorization") != "" {
			t.Errorf("%s: %s %v %s", c.model, url, header, body)
		}
	}
	for _, model := range []string{"gemini-2.5-pro", "meta/llama-4", "mistralai/mistral-medium-3"} {
		if p.Serves(llm.Messages, model) {
			t.Errorf("%s speaks Anthropic's dialect", model)
		}
	}
}

func TestVertexIsWhereItsLocationSays(t *testing.T) {
	for location, want := range map[string]string{
		"global":       "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google/models/m:generateContent",
		"eu":           "https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu/publishers/google/models/m:generateContent",
		"europe-west4": "https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4/publishers/google/models/m:generateContent",
	} {
		p := mustNew(t, Config{Name: "v", Kind: KindVertex, Keys: []string{"key"}, Google: &vertex.Config{Project: "p", Location: location}})
		if url, _, _ := asks(t, p, Call{Endpoint: llm.Chat, Model: "m"}, `{}`); url != want {
			t.Errorf("%s: %s", location, url)
		}
	}
	own := mustNew(t, Config{Name: "v", Kind: KindVertex, BaseURL: "https://google.example.com/v1beta1/", Keys: []string{"key"}, Google: &vertex.Config{Project: "example.com:p", Location: "us"}})
	if url, _, _ := asks(t, own, Call{Endpoint: llm.Chat, Model: "m"}, `{}`); url != "https://google.example.com/v1beta1/projects/example.com:p/locations/us/publishers/google/models/m:generateContent" {
		t.Error(url)
	}
	express := mustNew(t, Config{Name: "v", Kind: KindVertex, Keys: []string{"key"}})
	if url, _, _ := asks(t, express, Call{Endpoint: llm.Chat, Model: "m"}, `{}`); url != "https://aiplatform.googleapis.com/v1/publishers/google/models/m:generateContent" {
		t.Error(url)
	}
}

const serviceAccount = `{"type":"service_account","project_id":"of-the-file","private_key":"` + canary + `"}`

func TestVertexReadsItsCredentialsWhenItIsBuilt(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("good.json", serviceAccount)
	for _, credentials := range []string{good, serviceAccount} {
		p := mustNew(t, Config{Name: "v", Kind: KindVertex, Google: &vertex.Config{Location: "us-east5", Credentials: credentials}})
		if url := p.of("m").urls[llm.Chat].String(); !strings.Contains(url, "/projects/of-the-file/") {
			t.Error(url)
		}
	}
	for name, g := range map[string]vertex.Config{
		"no location":    {Project: "p", Credentials: good},
		"no project":     {Location: "us-east5"},
		"bad location":   {Project: "p", Location: "us-east5.evil.example.com/"},
		"bad project":    {Project: "p/../q", Location: "us-east5"},
		"dots":           {Project: "..", Location: "us-east5"},
		"no such file":   {Project: "p", Location: "us-east5", Credentials: filepath.Join(dir, "none.json")},
		"not JSON":       {Project: "p", Location: "us-east5", Credentials: write("a", canary)},
		"unknown type":   {Project: "p", Location: "us-east5", Credentials: write("b", `{"type":"`+canary+`"}`)},
		"damaged inline": {Project: "p", Location: "us-east5", Credentials: `{"type":"` + canary},
	} {
		c := Config{Name: "v", Kind: KindVertex, Google: &g}
		_, err := New(c)
		if err == nil {
			t.Errorf("%s is accepted", name)
			continue
		}
		leaksNoSecret(t, err, c, g, &g)
	}
	// What is never called needs no credentials, nor the project that is in them.
	mustNew(t, Config{Name: "v", Kind: KindVertex, Offline: true, Google: &vertex.Config{Location: "us-east5", Credentials: filepath.Join(dir, "none.json")}})
	if _, err := New(Config{Name: "v", Kind: KindVertex, Keys: []string{canary}, Google: &vertex.Config{Project: "p", Location: "us-east5", Credentials: good}}); err == nil {
		t.Error("a key beside credentials is accepted")
	}
}

func TestAzureAsksDeploymentsWhereTheVersionHasThem(t *testing.T) {
	const chat, said = `{"model":"gpt-5","messages":[]}`, `{"messages":[],"model":"d-of-claude"}`
	deployments := map[string]string{"gpt-5": "my deployment/1", "claude-opus-4-5": "d-of-claude"}
	for _, c := range []struct {
		version  string
		endpoint llm.Endpoint
		model    string
		want     string
		body     string
	}{
		{"", llm.Chat, "gpt-5", "/openai/v1/chat/completions", chat},
		{"preview", llm.Responses, "gpt-5", "/openai/v1/responses?api-version=preview", chat},
		{"v1", llm.Embeddings, "text-embedding-3-small", "/openai/v1/embeddings?api-version=v1", chat},
		{"2024-10-21", llm.Chat, "gpt-5", "/openai/deployments/my%20deployment%2F1/chat/completions?api-version=2024-10-21", chat},
		{"2024-10-21", llm.Transcriptions, "whisper", "/openai/deployments/whisper/audio/transcriptions?api-version=2024-10-21", chat},
		{"2025-04-01-preview", llm.Responses, "gpt-5", "/openai/responses?api-version=2025-04-01-preview", chat},
		{"2024-10-21", llm.Chat, "..", "/openai/deployments/%2E%2E/chat/completions?api-version=2024-10-21", chat},
		{"2024-10-21", llm.Messages, "claude-opus-4-5", "/anthropic/v1/messages", said},
		{"", llm.Chat, "claude-opus-4-5", "/anthropic/v1/messages", said},
	} {
		p := mustNew(t, Config{
			Name: "az", Kind: KindAzure, BaseURL: "https://r.openai.azure.example.com/openai/v1/", Keys: []string{"key"},
			Azure: &azure.Config{APIVersion: c.version, Deployments: deployments},
		})
		url, header, body := asks(t, p, Call{Endpoint: c.endpoint, Model: c.model}, chat)
		if url != "https://r.openai.azure.example.com"+c.want || body != c.body || header.Get("Api-Key") != "key" || header.Get("Authorization") != "" {
			t.Errorf("%s %s: %s %v %s", c.version, c.model, url, header, body)
		}
		claude := strings.HasPrefix(c.model, "claude")
		if (header.Get(HeaderAnthropicVersion) != "") != claude || p.Serves(llm.Messages, c.model) != claude {
			t.Errorf("%s: %v", c.model, header)
		}
	}
	p := mustNew(t, Config{Name: "az", Kind: KindAzure, BaseURL: "https://r.example.com", Keys: []string{"key"}, Azure: &azure.Config{Deployments: deployments}})
	if p.WireModel("gpt-5") != "my deployment/1" || p.WireModel("gpt-4o") != "gpt-4o" {
		t.Error("a model is not at its deployment")
	}
	old := mustNew(t, Config{Name: "az", Kind: KindAzure, BaseURL: "https://r.example.com", Keys: []string{"key"}, Azure: &azure.Config{APIVersion: "2024-06-01"}})
	if old.ForcesUsage() || !slices.Contains(old.Drops(), "stream_options") || old.Serves(llm.Responses, "gpt-5") || !p.ForcesUsage() {
		t.Error("an old version is asked for what it does not have")
	}
}

func TestAzureTakesItsBaseURLHoweverMuchOfItIsThere(t *testing.T) {
	for _, base := range []string{"https://r.example.com", "https://r.example.com/", "https://r.example.com/openai", "https://r.example.com/openai/v1//"} {
		if got := azure.Root(base); got != "https://r.example.com" {
			t.Errorf("%s: %s", base, got)
		}
	}
	if got := azure.Root("https://gateway.example.com/team/v1"); got != "https://gateway.example.com/team/v1" {
		t.Error(got)
	}
}

func TestConfigsOfAzureThatContradictThemselvesAreRefused(t *testing.T) {
	for name, c := range map[string]Config{
		"no base_url":         {Keys: []string{canary}},
		"no key":              {BaseURL: "https://r.example.com"},
		"version":             {BaseURL: "https://r.example.com", Keys: []string{canary}, Azure: &azure.Config{APIVersion: "latest"}},
		"empty deployment":    {BaseURL: "https://r.example.com", Keys: []string{canary}, Azure: &azure.Config{Deployments: map[string]string{"m": ""}}},
		"key beside entra":    {BaseURL: "https://r.example.com", Keys: []string{canary}, Azure: &azure.Config{Entra: &azure.Entra{}}},
		"secret without id":   {BaseURL: "https://r.example.com", Azure: &azure.Config{Entra: &azure.Entra{Tenant: "t", ClientSecret: canary}}},
		"two ways":            {BaseURL: "https://r.example.com", Azure: &azure.Config{Entra: &azure.Entra{Tenant: "t", ClientID: "c", ClientSecret: canary, ManagedIdentity: true}}},
		"id alone":            {BaseURL: "https://r.example.com", Azure: &azure.Config{Entra: &azure.Entra{ClientID: "c"}}},
		"tenant":              {BaseURL: "https://r.example.com", Azure: &azure.Config{Entra: &azure.Entra{Tenant: "a/b", ClientID: "c", ClientSecret: canary}}},
		"authority, no https": {BaseURL: "https://r.example.com", Azure: &azure.Config{Entra: &azure.Entra{Authority: "http://login.example.com"}}},
	} {
		c.Name, c.Kind = "az", KindAzure
		_, err := New(c)
		if err == nil {
			t.Errorf("%s is accepted", name)
			continue
		}
		leaksNoSecret(t, err, c)
	}
}

func TestASecretOfEntraIsNoVendorsToQuote(t *testing.T) {
	entra := &azure.Entra{Tenant: "t", ClientID: "c", ClientSecret: canary}
	c := Config{Name: "az", Kind: KindAzure, BaseURL: "https://r.example.com", Azure: &azure.Config{Entra: entra}}
	p := mustNew(t, c)
	leaksNoSecret(t, c, &c, p, *p, entra, *entra, c.Azure)
	if !slices.Contains(p.Secrets(), canary) {
		t.Error("the secret may be repeated")
	}
}

func TestBedrockKnowsClaudeByItsID(t *testing.T) {
	p := mustNew(t, Config{Name: "aws", Kind: KindBedrock, Keys: []string{"key"}, AWS: &bedrock.Config{Region: "us-east-1"}})
	for model, claude := range map[string]bool{
		"anthropic.claude-sonnet-4-5-20250929-v1:0":                                              true,
		"eu.anthropic.claude-haiku-4-5-20251001-v1:0":                                            true,
		"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-4-5": true,
		"arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0":   true,
		"arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3":            false,
		"amazon.nova-lite-v1:0": false, "": false,
	} {
		if p.Serves(llm.Messages, model) != claude || p.Dialect(llm.Chat, model) != DialectConverse {
			t.Errorf("%s: is Claude %v", model, p.Serves(llm.Messages, model))
		}
	}
}

// Two providers of one config, or one before and after a reload, have one sign-in.
func TestSignInsAreShared(t *testing.T) {
	kept := map[string]any{}
	shared := func(key string, build func() any) any {
		if strings.Contains(key, canary) {
			t.Errorf("the key shows a secret: %s", key)
		}
		if kept[key] == nil {
			kept[key] = build()
		}
		return kept[key]
	}
	azureOf := func(secret string) *Provider {
		return mustNew(t, Config{
			Name: "az", Kind: KindAzure, BaseURL: "https://r.example.com", Shared: shared,
			Azure: &azure.Config{Entra: &azure.Entra{Tenant: "t", ClientID: "c", ClientSecret: secret}},
		})
	}
	vertexOf := func(content string) *Provider {
		return mustNew(t, Config{Name: "v", Kind: KindVertex, Shared: shared, Google: &vertex.Config{Location: "us-east5", Credentials: content}})
	}
	a, b, other := azureOf(canary), azureOf(canary), azureOf("rotated")
	if a.signer != b.signer || a.signer == other.signer {
		t.Error("the sign-ins of Azure are not shared by their config")
	}
	v, w, moved := vertexOf(serviceAccount), vertexOf(serviceAccount), vertexOf(strings.ReplaceAll(serviceAccount, "of-the-file", "other"))
	if v.signer != w.signer || v.signer == moved.signer {
		t.Error("the sign-ins of Vertex AI are not shared by their credentials")
	}
}
