package gemini

import (
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

const (
	textEvent = `{"candidates": [{"content": {"parts": [{"text": "The sum of 2 and 3 is 5, and their product is 6"}],"role": "model"},"index": 0}],"usageMetadata": {"promptTokenCount": 211,"candidatesTokenCount": 18,"totalTokenCount": 249,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 211}],"thoughtsTokenCount": 20},"modelVersion": "gemini-3.1-pro-preview","responseId": "VgCzafjWBa_Qz7IP1KnJoQk"}`
	chat      = `{"model":"x","messages":[{"role":"system","content":"You are a helpful assistant"},{"role":"user","content":"What's the weather in Florence?"},{"role":"assistant","content":null,"tool_calls":[{"id":"1wzw08fx","type":"function","function":{"name":"weather","arguments":"{\"location\":\"Florence\"}"},"extra_content":{"google":{"thought_signature":"EsEDCr4D"}}}]},{"role":"tool","tool_call_id":"1wzw08fx","content":"40 C"}],"tools":[{"type":"function","function":{"name":"weather","description":"Get weather information","parameters":{"type":"object","properties":{"location":{"type":"string"}},"required":["location"]}}}],"temperature":0.2,"max_tokens":4000,"stream":true,"stream_options":{"include_usage":true}}`
)

// What a stream is made of: one event of a text after the first.
func BenchmarkEvent(b *testing.B) {
	s := New().Stream()
	data := []byte(textEvent)
	out, err := s.Event(nil, nil, data)
	if err != nil || len(out) == 0 {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if out, err = s.Event(out[:0], nil, data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRequest(b *testing.B) {
	for name, body := range map[string]string{
		"tools": chat,
		"image": `{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,` + strings.Repeat("A", 1<<20) + `"}}]}]}`,
	} {
		b.Run(name, func(b *testing.B) {
			q := dialect.Question{Body: []byte(body), Model: "gemini-3-pro-preview", Stream: true}
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := New().Request(q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
