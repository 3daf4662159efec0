package provider

import (
	"net/http"
	"testing"

	"github.com/mulligan-gateway/mulligan/llm"
)

// BenchmarkNewRequest makes small requests for net/http's own transport, which share what they
// have in common, and for another one.
func BenchmarkNewRequest(b *testing.B) {
	for name, transport := range map[string]http.RoundTripper{"shared": &http.Transport{}, "own": rewriting{}} {
		b.Run(name, func(b *testing.B) {
			p, err := New(Config{Name: "mine", Kind: "openai", Keys: []string{"a"}, Transport: transport})
			if err != nil {
				b.Fatal(err)
			}
			c := Call{Endpoint: llm.Chat, Key: "a", Payload: llm.Payload{ContentType: "application/json", Parts: [][]byte{make([]byte, 1000)}}}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.NewRequest(b.Context(), c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
