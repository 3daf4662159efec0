package cohere

import (
	"testing"
	"time"

	"github.com/tidwall/gjson"
	"pgregory.net/rapid"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

// chatUnderTest is a translator whose replies are all made at one time.
var chatUnderTest = dialecttest.Plain{Dir: "testdata/chat", New: func(model string) dialect.Plain {
	return translator{model: model, now: func() time.Time { return time.Unix(1700000000, 0) }, newID: func() string { return "chatcmpl-1" }}
}}

func TestChat(t *testing.T)    { chatUnderTest.Run(t) }
func FuzzRequest(f *testing.F) { chatUnderTest.FuzzRequest(f) }
func FuzzReply(f *testing.F)   { chatUnderTest.FuzzReply(f) }
func FuzzEvents(f *testing.F)  { chatUnderTest.FuzzEvents(f) }

// An answer says the same in a stream, in any pieces, as it says whole.
func TestAnAnswerInPiecesIsTheWholeAnswer(t *testing.T) {
	quoted := func(s string) string { return string(llm.AppendString(nil, s)) }
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-zé"\\\n<> 😀]{1,12}`)
		thought, plan, said, input := text.Draw(t, "thought"), text.Draw(t, "plan"), text.Draw(t, "text"), `{"x":`+quoted(text.Draw(t, "input"))+`}`
		s := chatUnderTest.New("m").(dialect.Translator).Stream()
		var stream []byte
		say := func(event string) {
			var err error
			if stream, err = s.Event(stream, nil, []byte(event)); err != nil {
				t.Fatalf("%s: %v", event, err)
			}
		}
		pieces := func(s, before, after string) {
			for runes := []rune(s); len(runes) > 0; {
				n := rapid.IntRange(1, len(runes)).Draw(t, "piece")
				say(before + quoted(string(runes[:n])) + after)
				runes = runes[n:]
			}
		}
		say(`{"type":"message-start","id":"1"}`)
		pieces(thought, `{"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":`, `}}}}`)
		pieces(plan, `{"type":"tool-plan-delta","delta":{"message":{"tool_plan":`, `}}}`)
		pieces(said, `{"type":"content-delta","index":1,"delta":{"message":{"content":{"text":`, `}}}}`)
		say(`{"type":"tool-call-start","index":3,"delta":{"message":{"tool_calls":{"id":"c","function":{"name":"f","arguments":""}}}}}`)
		pieces(input, `{"type":"tool-call-delta","index":3,"delta":{"message":{"tool_calls":{"function":{"arguments":`, `}}}}}`)
		const used = `"usage":{"billed_units":{"input_tokens":3,"output_tokens":4}}`
		say(`{"type":"message-end","delta":{"finish_reason":"TOOL_CALL",` + used + `}}`)

		whole, err := chatUnderTest.New("m").Reply([]byte(`{"id":"1","finish_reason":"TOOL_CALL","message":{"tool_plan":` + quoted(plan) +
			`,"content":[{"type":"thinking","thinking":` + quoted(thought) + `},{"type":"text","text":` + quoted(said) +
			`}],"tool_calls":[{"id":"c","function":{"name":"f","arguments":` + quoted(input) + `}}]},` + used + `}`))
		if err != nil {
			t.Fatal(err)
		}
		one, many := heardOf(whole, "message"), heard{}
		for _, e := range dialecttest.Events(stream) {
			many = many.and(heardOf(e.Data, "delta"))
		}
		if want := (heard{plan + said, thought, thought, "c", "f", input, "tool_calls", 7}); one != want || many != want {
			t.Fatalf("%+v\n%+v\n%s", one, many, stream)
		}
	})
}

// heard is what a client of chat reads.
type heard struct {
	text, thought, detail, id, name, arguments, finish string
	tokens                                             int64
}

func heardOf(data []byte, from string) heard {
	get := func(path string) string { return gjson.GetBytes(data, "choices.0."+from+"."+path).String() }
	return heard{
		get("content"), get("reasoning_content"), get("reasoning_details.0.text"), get("tool_calls.0.id"), get("tool_calls.0.function.name"),
		get("tool_calls.0.function.arguments"), gjson.GetBytes(data, "choices.0.finish_reason").String(), gjson.GetBytes(data, "usage.total_tokens").Int(),
	}
}

func (h heard) and(o heard) heard {
	return heard{h.text + o.text, h.thought + o.thought, h.detail + o.detail, h.id + o.id, h.name + o.name, h.arguments + o.arguments, h.finish + o.finish, h.tokens + o.tokens}
}

func BenchmarkChat(b *testing.B) {
	chatUnderTest.Bench(b,
		`{"model":"m","messages":[{"role":"system","content":"You are a helpful assistant"},{"role":"user","content":"What's the weather in Florence?"}],"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":{"location":{"type":"string"}}}}}],"temperature":0.2,"max_tokens":400}`,
		`{"id":"1","finish_reason":"TOOL_CALL","message":{"role":"assistant","tool_plan":"I will look.","tool_calls":[{"id":"weather_1","type":"function","function":{"name":"weather","arguments":"{\"location\":\"Florence\"}"}}]},"usage":{"billed_units":{"input_tokens":12,"output_tokens":4}}}`)
}

// What a stream is made of: one event of a text after the first.
func BenchmarkEvent(b *testing.B) {
	s := chatUnderTest.New("m").(dialect.Translator).Stream()
	data := []byte(`{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":" and their product is 6"}}}}`)
	var out []byte
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if out, err = s.Event(out[:0], nil, data); err != nil {
			b.Fatal(err)
		}
	}
}
