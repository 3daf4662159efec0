package provider

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/provider/demo"
)

func TestBaseURLs(t *testing.T) {
	for base, want := range map[string]string{
		"https://example.com/v1":           "https://example.com/v1/chat/completions",
		"https://example.com/v1/":          "https://example.com/v1/chat/completions",
		"https://example.com/v1///":        "https://example.com/v1/chat/completions",
		"https://example.com":              "https://example.com/chat/completions",
		"https://example.com/":             "https://example.com/chat/completions",
		"http://127.0.0.1:11434/v1":        "http://127.0.0.1:11434/v1/chat/completions",
		"http://[::1]:8000/v1":             "http://[::1]:8000/v1/chat/completions",
		"https://example.com/a%2Fb/v1/":    "https://example.com/a%2Fb/v1/chat/completions",
		"https://example.com/x/../v1":      "https://example.com/v1/chat/completions",
		"HTTPS://example.com/openai/chat/": "https://example.com/openai/chat/chat/completions",
	} {
		p, err := New(Config{Name: "house", Kind: KindCompatible, BaseURL: base})
		if err != nil {
			t.Errorf("%s: %v", base, err)
			continue
		}
		r, err := p.NewRequest(t.Context(), Call{Endpoint: llm.Chat})
		if err != nil || r.URL.String() != want || r.Host != r.URL.Host {
			t.Errorf("%s: got %s (host %s), %v; want %s", base, r.URL, r.Host, err, want)
		}
		if sent := r.URL.RequestURI(); !strings.HasPrefix(sent, "/") { // which String hides
			t.Errorf("%s: the request line would be of %s", base, sent)
		}
	}
}

func TestWrongBaseURLsSayWhatToDo(t *testing.T) {
	for base, says := range map[string]string{
		"":                                         "needs a base_url",
		"example.com/v1":                           "http:// or https://",
		"127.0.0.1:8000/v1":                        "cannot be read",
		"ftp://example.com/v1":                     "http:// or https://",
		"https:///v1":                              "no host",
		"https://:443/v1":                          "no host",
		"https:example.com":                        "no host",
		" https://example.com/v1":                  "cannot be read",
		"https://exa mple.com/v1":                  "cannot be read",
		"https://example.com:x/":                   "cannot be read",
		"https://u@example.com/":                   "user or password",
		"https://example.com/v1?":                  "without ? or #",
		"https://example.com/v1#":                  "without ? or #",
		"https://example.com/?k=":                  "without ? or #",
		"https://example.com/v1/chat/completions":  "must end before /chat/completions",
		"https://example.com/v1/chat/completions/": "must end before /chat/completions",
	} {
		if _, err := New(Config{Name: "house", Kind: KindCompatible, BaseURL: base}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: got %v, want it to say %q", base, err, says)
		}
	}
}

func TestTheConfigsBaseURLReplacesTheVendors(t *testing.T) {
	p, err := New(Config{Name: "eu", Kind: "openai", Keys: []string{"k"}, BaseURL: "https://eu.example.com/v1/"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.NewRequest(t.Context(), Call{Endpoint: llm.Speech, Key: "k"})
	if err != nil || r.URL.String() != "https://eu.example.com/v1/audio/speech" {
		t.Errorf("got %v, %v", r.URL, err)
	}
}

func TestNamesAndBoundsAreChecked(t *testing.T) {
	for _, c := range []struct {
		config Config
		says   string
	}{
		{Config{Kind: "demo"}, "must not be empty"},
		{Config{Name: "a/b", Kind: "demo"}, "slash"},
		{Config{Name: "deployment", Kind: "demo"}, "deployment/KEY"},
		{Config{Name: "a", Kind: "demo", MaxInFlight: -1}, "max_in_flight"},
		{Config{Name: "a", Kind: "opnai"}, `kind of provider "opnai"`},
		{Config{Name: "a", Kind: "demo", BaseURL: "https://example.com/v1"}, "answers by itself"},
	} {
		if _, err := New(c.config); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("got %v, want it to say %q", err, c.says)
		}
	}
}

func TestKeys(t *testing.T) {
	for _, c := range []struct {
		name   string
		config Config
		keys   []string // nil for an error
	}{
		{"several are used in turn", Config{Kind: "openai", Keys: []string{"a", "b"}}, []string{"a", "b"}},
		{"the same key twice is one", Config{Kind: "openai", Keys: []string{"a", "b", "a"}}, []string{"a", "b"}},
		{"a vendor needs one", Config{Kind: "openai"}, nil},
		{"unless it is never called", Config{Kind: "openai", Offline: true}, []string{""}},
		{"or a header signs in", Config{Kind: "openai", Header: http.Header{"authorization": {"Basic x"}}}, []string{""}},
		{"another header does not", Config{Kind: "openai", Header: http.Header{"X-Team": {"search"}}}, nil},
		{"what runs here needs none", Config{Kind: "ollama"}, []string{""}},
		{"but may have one", Config{Kind: "ollama", Keys: []string{"a"}}, []string{"a"}},
		{"an empty one is a mistake", Config{Kind: "ollama", Keys: []string{""}}, nil},
	} {
		c.config.Name = "mine"
		p, err := New(c.config)
		if c.keys == nil {
			if err == nil {
				t.Errorf("%s: accepted", c.name)
			}
			continue
		}
		if err != nil || !slices.Equal(p.Keys(), c.keys) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	_, err := New(Config{Name: "mine", Kind: "groq"})
	if err == nil || !strings.Contains(err.Error(), "api_key {env.GROQ_API_KEY}") {
		t.Errorf("a missing key: %v", err)
	}
}

func TestHeadersOfTheTransportCannotBeSet(t *testing.T) {
	for _, name := range []string{
		"Content-Length", "content-type", "TRANSFER-ENCODING", "Connection", "Host", "Te", "Trailer", "Upgrade", "Accept-Encoding",
		"Keep-Alive", "Proxy-Authorization", "Expect", "", "X Team", "X-Team:", "X\n",
	} {
		if _, err := New(Config{Name: "mine", Kind: "ollama", Header: http.Header{name: {"x"}}}); err == nil {
			t.Errorf("%q is accepted", name)
		}
	}
	if _, err := New(Config{Name: "mine", Kind: "ollama", Header: http.Header{"X-Team": {"a\nb"}}}); err == nil {
		t.Error("a line break in a value is accepted")
	}
}

func TestTransports(t *testing.T) {
	own := NewTransport()
	defer own.CloseIdleConnections()
	p, err := New(Config{Name: "mine", Kind: "ollama", Transport: own})
	if err != nil || p.Transport() != http.RoundTripper(own) {
		t.Errorf("the config's transport is not used: %v", err)
	}
	p, err = New(Config{Name: "mine", Kind: KindDemo, Transport: own})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := p.Transport().(*demo.Transport); !ok {
		t.Errorf("the demo sends with %T", p.Transport())
	}
}
