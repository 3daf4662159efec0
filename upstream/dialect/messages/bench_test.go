package messages

import (
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

const smallQuestion = `{"model":"x","messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"What's the weather in Florence, Italy?"}],"tools":[{"type":"function","function":{"name":"weather","description":"Get weather information for a location","parameters":{"type":"object","properties":{"location":{"type":"string","description":"the city"}},"required":["location"]}}}],"temperature":0.5,"max_tokens":1000,"stream":true}`

// hundred is a stream of a hundred events, nearly all of them text.
func hundred() []byte {
	var b strings.Builder
	b.WriteString(`data: {"type":"message_start","message":{"model":"claude-sonnet-4-20250514","id":"msg_01PSvJdjd5keNSD63VHjYzex","type":"message","role":"assistant","content":[],"stop_reason":null,"usage":{"input_tokens":502,"output_tokens":4}}}` + "\n\n" +
		`data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}           }` + "\n\n")
	for range 95 {
		b.WriteString(`data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" multiply the numbers"}           }` + "\n\n")
	}
	b.WriteString(`data: {"type":"content_block_stop","index":0            }` + "\n\n" +
		`data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":137}  }` + "\n\n" +
		`data: {"type":"message_stop"             }` + "\n\n")
	return []byte(b.String())
}

func BenchmarkQuestion(b *testing.B) {
	door := NewFrontDoor()
	there, err := New().Request(dialect.Question{Body: []byte(smallQuestion), Model: "claude-sonnet-4-20250514", Stream: true})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := door.Question(there.Body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEventsOf100(b *testing.B) {
	hub, err := dialecttest.Feed(New().Stream(), dialecttest.Events(hundred()))
	if err != nil {
		b.Fatal(err)
	}
	dialecttest.BenchStream(b, hub, NewFrontDoor().Events)
}
