package responses

import (
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

const smallRequest = `{"max_output_tokens":4000,"store":false,"input":[{"content":"You are a helpful assistant","role":"developer"},{"content":[{"text":"What's the weather in Florence, Italy?","type":"input_text"}],"role":"user"}],"model":"gpt-5","reasoning":{"effort":"high","summary":"auto"},"tool_choice":"auto","tools":[{"strict":false,"parameters":{"properties":{"location":{"description":"the city","type":"string"}},"required":["location"],"type":"object"},"name":"weather","description":"Get weather information for a location","type":"function"}],"stream":true}`

const smallAnswer = `{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"Let me look at the weather in Florence for you.","refusal":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"location\":\"Florence, Italy\"}"}}]},"logprobs":null,"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":454,"completion_tokens":67,"total_tokens":521}}`

// hundred is a stream of a hundred events, nearly all of them text.
func hundred() []byte {
	var b strings.Builder
	event := func(choices string) {
		b.WriteString(`data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o","service_tier":"default","choices":[` + choices + `]}` + "\n\n")
	}
	event(`{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}`)
	for range 97 {
		event(`{"index":0,"delta":{"content":" multiply the numbers"},"logprobs":null,"finish_reason":null}`)
	}
	event(`{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}`)
	b.WriteString("data: [DONE]\n\n")
	return []byte(b.String())
}

func BenchmarkQuestion(b *testing.B) {
	body := []byte(smallRequest)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewFrontDoor().Question(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAnswer(b *testing.B) {
	body := []byte(smallAnswer)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewFrontDoor().Answer(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEventsOf100(b *testing.B) {
	dialecttest.BenchStream(b, hundred(), NewFrontDoor().Events)
}
