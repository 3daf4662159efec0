package converse

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

const smallQuestion = `{"model":"x","messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"What's the weather in Florence, Italy?"}],"tools":[{"type":"function","function":{"name":"weather","description":"Get weather information for a location","parameters":{"type":"object","properties":{"location":{"type":"string","description":"the city"}},"required":["location"]}}}],"temperature":0.5,"max_tokens":1000,"stream":true}`

const smallReply = `{"metrics":{"latencyMs":1200},"output":{"message":{"content":[{"text":"Let me look at the weather in Florence for you."},{"toolUse":{"input":{"location":"Florence, Italy"},"name":"weather","toolUseId":"tooluse_lYKOXHgZwE67ZIbFINPr6d"}}],"role":"assistant"}},"stopReason":"tool_use","usage":{"inputTokens":454,"outputTokens":67,"serverToolUsage":{},"totalTokens":521}}`

// hundred is a stream of a hundred frames, nearly all of them text.
func hundred(b *testing.B) []byte {
	b.Helper()
	stream := event(b, "messageStart", `{"p":"abcdefghijklmn","role":"assistant"}`)
	for range 96 {
		stream = append(stream, event(b, "contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":" multiply the numbers"},"p":"abcdefghijklmnopq"}`)...)
	}
	stream = append(stream, event(b, "contentBlockStop", `{"contentBlockIndex":0,"p":"abc"}`)...)
	stream = append(stream, event(b, "messageStop", `{"p":"abcdef","stopReason":"end_turn"}`)...)
	return append(stream, event(b, "metadata", `{"metrics":{"latencyMs":3145},"p":"abc","usage":{"inputTokens":92,"outputTokens":173,"totalTokens":265}}`)...)
}

func BenchmarkRequest(b *testing.B) {
	t, q := New(), dialect.Question{Body: []byte(smallQuestion), Model: "us.anthropic.claude-sonnet-4-5-20250929-v1:0", Stream: true}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := t.Request(q); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReply(b *testing.B) {
	t, body := New(), []byte(smallReply)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := t.Reply(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStreamOf100(b *testing.B) {
	events, err := all(bytes.NewReader(hundred(b)))
	if !errors.Is(err, io.EOF) {
		b.Fatal(err)
	}
	t := New()
	var buffer []byte
	b.ReportAllocs()
	for b.Loop() {
		s := t.Stream()
		for i := range events {
			if buffer, err = s.Event(buffer[:0], events[i].Name, events[i].Data); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/event")
}

func BenchmarkFramesOf100(b *testing.B) {
	stream := hundred(b)
	b.ReportAllocs()
	for b.Loop() {
		f := NewFrames(bytes.NewReader(stream))
		for {
			if _, _, err := f.Next(); err != nil {
				break
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*100), "ns/frame")
}
