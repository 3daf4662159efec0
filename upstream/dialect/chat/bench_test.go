package chat

import (
	"testing"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// What a stream is made of: one event of a text after the first, as OpenAI sends it.
func BenchmarkEvent(b *testing.B) {
	const (
		head = `{"id":"chatcmpl-DXs9rRHYdgSwXcNyvnBBMUy0OKZUo","object":"chat.completion.chunk","created":1776006831,"model":"gpt-5-mini-2025-08-07","service_tier":"default","system_fingerprint":null,"choices":[{"index":0,"delta":`
		tail = `,"finish_reason":null}],"usage":null,"obfuscation":"zqD3uTgLa"}`
	)
	for _, c := range []struct{ name, delta string }{
		{"text", `{"content":" wonderful"}`},
		{"tool call", `{"tool_calls":[{"index":0,"function":{"arguments":"{\"city\""}}]}`},
		{"text about errors", `{"content":" error failed \"error\" "}`},
	} {
		data := []byte(head + c.delta + tail)
		for _, hide := range []bool{false, true} {
			name := c.name
			if hide {
				name += ", usage hidden"
			}
			b.Run(name, func(b *testing.B) {
				w := NewWatcher(hide)
				e := dialect.Event{Data: data}
				if err := w.Event(&e); err != nil || !e.Output {
					b.Fatal(err, e.Output)
				}
				b.SetBytes(int64(len(data)))
				b.ReportAllocs()
				for b.Loop() {
					e := dialect.Event{Data: data}
					if err := w.Event(&e); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
