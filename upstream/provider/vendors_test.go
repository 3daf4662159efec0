package provider

import (
	"net"
	"net/url"
	"regexp"
	"slices"
	"testing"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/provider/bedrock"
	"github.com/mulligan-gateway/mulligan/upstream/provider/vertex"
)

// configOf returns a config that a kind accepts, with one key and one header that are secret.
func configOf(v Vendor) Config {
	c := Config{Name: "mine", Kind: v.Kind, Keys: []string{canary}, Header: map[string][]string{"X-Secret": {canaryHeader}}}
	switch {
	case v.Kind == KindBedrock:
		c.AWS = &bedrock.Config{Region: "us-east-1"}
	case v.Kind == KindVertex:
		c.Google = &vertex.Config{Project: "my-project", Location: "us-east5"}
	case v.Kind == KindAzure:
		c.BaseURL = "https://resource.openai.azure.example.com"
	case v.BaseURL == "":
		c.BaseURL = "http://127.0.0.1:9/v1"
	}
	return c
}

func TestEveryVendorIsWhole(t *testing.T) {
	kind := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	seen := map[string]bool{}
	for _, v := range Vendors() {
		t.Run(v.Kind, func(t *testing.T) {
			if !kind.MatchString(v.Kind) || seen[v.Kind] || v.Title == "" || v.GenAIName() == "" {
				t.Errorf("its names are not whole, or taken: %+v", v)
			}
			seen[v.Kind] = true
			checkBaseURL(t, v)
			source, err := url.Parse(v.Source)
			if v.Kind != KindDemo && (err != nil || source.Scheme != "https" || source.Host == "") {
				t.Errorf("its source is %q", v.Source)
			}
			if len(v.Endpoints) == 0 || !isSet(v.Endpoints) {
				t.Errorf("its endpoints are %v", v.Endpoints)
			}
			for _, e := range v.Endpoints {
				if !slices.Contains(llm.Endpoints(), e) || e.Path() == "" {
					t.Errorf("there is no endpoint %q", e)
				}
			}
			if !isSet(v.Drops) || slices.ContainsFunc(v.Drops, func(name string) bool { return name == "" || name == "model" || name == "messages" }) {
				t.Errorf("it drops %v", v.Drops)
			}
			// Where usage cannot be asked for, the question must not reach the vendor either.
			if !v.Usage != slices.Contains(v.Drops, "stream_options") {
				t.Errorf("usage %v, but it drops %v", v.Usage, v.Drops)
			}
			p, err := New(configOf(v))
			if err != nil {
				t.Fatal(err)
			}
			if p.Kind() != v.Kind || p.Transport() == nil || p.GenAIName() != v.GenAIName() || p.ForcesUsage() != v.Usage || !slices.Equal(p.Drops(), v.Drops) {
				t.Errorf("the provider differs from its row")
			}
			for _, e := range llm.Endpoints() {
				if p.Serves(e, "m") != slices.Contains(v.Endpoints, e) {
					t.Errorf("it serves %s: %v", e, p.Serves(e, "m"))
				}
			}
		})
	}
}

// checkBaseURL wants https, or an address of this machine for what runs on it.
func checkBaseURL(t *testing.T, v Vendor) {
	t.Helper()
	switch v.Kind {
	case KindCompatible, KindDemo: // the first has none, and nothing is ever sent to the second's
		return
	case KindAzure, KindBedrock, KindVertex: // they have one per resource, region or location
		return
	}
	u, err := url.Parse(v.BaseURL)
	if err != nil {
		t.Fatal(err)
	}
	local := net.ParseIP(u.Hostname()).IsLoopback()
	switch {
	case local && (u.Scheme != "http" || v.KeyEnv != ""), !local && (u.Scheme != "https" || v.KeyEnv == ""):
		t.Errorf("%s with the key %q", v.BaseURL, v.KeyEnv)
	case u.Path != "" && u.Path[len(u.Path)-1] == '/':
		t.Errorf("%s ends with a slash", v.BaseURL)
	}
}

func isSet[T comparable](list []T) bool {
	seen := map[T]bool{}
	for _, v := range list {
		if seen[v] {
			return false
		}
		seen[v] = true
	}
	return true
}

func TestAllVendorsOfTheTableAreThere(t *testing.T) {
	for _, kind := range []string{
		"openai_compatible", "openai", "mistral", "groq", "deepseek", "xai", "openrouter", "together", "fireworks", "perplexity",
		"cerebras", "nvidia", "deepinfra", "huggingface", "moonshot", "zai", "ollama", "vllm", "lmstudio", "llamacpp", "anthropic", "google", "cohere", "vertex", "azure", "bedrock", "demo",
	} {
		if v, ok := LookupVendor(kind); !ok || v.Kind != kind {
			t.Errorf("there is no kind %s", kind)
		}
	}
	if _, ok := LookupVendor("OpenAI"); ok {
		t.Error("a kind is found by another name")
	}
}

// A vendor that stores responses unless told not to must be told.
func TestStoreReachesVendorsThatStore(t *testing.T) {
	for _, v := range Vendors() {
		serves := slices.Contains(v.Endpoints, llm.Responses)
		if serves && v.Kind != "groq" && slices.Contains(v.Drops, "store") {
			t.Errorf("%s does not see store", v.Kind)
		}
	}
}

func TestMetadataReachesOnlyOpenAI(t *testing.T) {
	for _, v := range Vendors() {
		own := v.Kind == "openai" || v.Kind == KindDemo
		if slices.Contains(v.Drops, "metadata") == own {
			t.Errorf("%s: metadata is dropped: %v", v.Kind, !own)
		}
	}
}

func TestTheTableCannotBeChangedThroughACopy(t *testing.T) {
	Vendors()[0].Kind = "changed"
	if _, ok := LookupVendor("openai"); !ok {
		t.Error("the table has changed")
	}
}
