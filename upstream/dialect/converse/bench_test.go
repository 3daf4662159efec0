package converse

import (
	"bytes"
	"testing"
)

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
