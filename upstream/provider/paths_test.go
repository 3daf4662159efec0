package provider

import (
	"testing"

	"github.com/mulligan-gateway/mulligan/llm"
)

// TestAModelInAPathStaysOneSegment is about models that clients name: whatever an id holds, it
// must not lead to another path of the vendor's, with our key.
func TestAModelInAPathStaysOneSegment(t *testing.T) {
	p, err := New(Config{Name: "google", Kind: "google", BaseURL: "https://generative.example.com/v1beta/", Keys: []string{"key"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		model  string
		stream bool
		want   string
	}{
		{"gemini-2.5-flash", false, "/v1beta/models/gemini-2.5-flash:generateContent"},
		{"gemini-2.5-flash", true, "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"},
		{"models/gemini-2.5-flash", false, "/v1beta/models/gemini-2.5-flash:generateContent"},
		{"gemini-2.0-flash@001", false, "/v1beta/models/gemini-2.0-flash@001:generateContent"},
		{"../../a?b#c", true, "/v1beta/models/..%2F..%2Fa%3Fb%23c:streamGenerateContent?alt=sse"},
		{"..", false, "/v1beta/models/..:generateContent"},
	} {
		r, err := p.NewRequest(t.Context(), Call{Endpoint: llm.Chat, Model: c.model, Stream: c.stream, Key: "key"})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.URL.RequestURI(); got != c.want || r.URL.Host != "generative.example.com" {
			t.Errorf("%q: %q, want %q", c.model, got, c.want)
		}
	}
}

func TestVendorsWithTheirOwnHeaderGetTheKeyThereAlone(t *testing.T) {
	for kind, header := range map[string]string{"anthropic": "X-Api-Key", "google": "X-Goog-Api-Key"} {
		p, err := New(Config{Name: "p", Kind: kind, Keys: []string{"the-key"}})
		if err != nil {
			t.Fatal(err)
		}
		r, err := p.NewRequest(t.Context(), Call{Endpoint: llm.Chat, Model: "m", Key: "the-key"})
		if err != nil {
			t.Fatal(err)
		}
		if r.Header.Get(header) != "the-key" || r.Header.Get("Authorization") != "" {
			t.Errorf("%s: %v", kind, r.Header)
		}
		if version := r.Header.Get(HeaderAnthropicVersion); (version == "2023-06-01") != (kind == "anthropic") {
			t.Errorf("%s: version %q", kind, version)
		}
	}
}
