package messages

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

// words draws a text that is not empty. Its end is no white space, which is cut where the
// model is to go on.
func words(t *rapid.T, label string) string {
	return rapid.StringMatching(`[a-zé"\\\n<> 😀]{0,8}[a-z"é]`).Draw(t, label)
}

// turn is one thing that is said in a conversation, in whichever API.
type turn struct {
	Role, Text, ID, Name string
	Arguments            any
}

// chatTurns draws a conversation of chat and says what is in it. Roles alternate, and each
// call has its result, as both APIs want it.
func chatTurns(t *rapid.T) (messages []any, turns []turn) {
	say := func(role, text string) {
		messages = append(messages, map[string]any{"role": role, "content": text})
		turns = append(turns, turn{Role: role, Text: text})
	}
	if rapid.Bool().Draw(t, "system") {
		say("system", words(t, "system"))
	}
	for i := range rapid.IntRange(1, 4).Draw(t, "rounds") {
		say("user", words(t, "question"))
		n := rapid.IntRange(0, 3).Draw(t, "calls")
		message := map[string]any{"role": "assistant", "content": nil}
		if n == 0 || rapid.Bool().Draw(t, "speaks") {
			text := words(t, "answer")
			message["content"] = text
			turns = append(turns, turn{Role: "assistant", Text: text})
		}
		var calls []any
		var results []turn
		for j := range n {
			id := "call_" + string(rune('a'+i)) + string(rune('a'+j))
			arguments := map[string]any{"x": words(t, "argument"), "n": float64(rapid.IntRange(-9, 9).Draw(t, "number"))}
			raw, _ := json.Marshal(arguments)
			calls = append(calls, map[string]any{"id": id, "type": "function", "function": map[string]any{"name": "f", "arguments": string(raw)}})
			turns = append(turns, turn{Role: "assistant", ID: id, Name: "f", Arguments: arguments})
			results = append(results, turn{Role: "tool", ID: id, Text: words(t, "result")})
		}
		if n > 0 {
			message["tool_calls"] = calls
		}
		messages = append(messages, message)
		for _, r := range results {
			messages = append(messages, map[string]any{"role": "tool", "tool_call_id": r.ID, "content": r.Text})
		}
		turns = append(turns, results...)
		if n > 0 && i > 0 && rapid.Bool().Draw(t, "answered") {
			say("assistant", words(t, "conclusion"))
		}
	}
	return messages, turns
}

// hubTurns reads a conversation of chat.
func hubTurns(t *rapid.T, body []byte) (turns []turn) {
	var request struct {
		Messages []struct {
			Role    string
			Content any
			ID      string `json:"tool_call_id"`
			Calls   []struct {
				ID       string
				Function struct{ Name, Arguments string }
			} `json:"tool_calls"`
		}
	}
	if err := json.Unmarshal(body, &request); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	for _, m := range request.Messages {
		switch c := m.Content.(type) {
		case string:
			turns = append(turns, turn{Role: m.Role, Text: c, ID: m.ID})
		case []any:
			for _, part := range c {
				text, _ := part.(map[string]any)["text"].(string)
				turns = append(turns, turn{Role: m.Role, Text: text})
			}
		}
		for _, call := range m.Calls {
			var arguments any
			if err := json.Unmarshal([]byte(call.Function.Arguments), &arguments); err != nil {
				t.Fatalf("%s: %v", call.Function.Arguments, err)
			}
			turns = append(turns, turn{Role: "assistant", ID: call.ID, Name: call.Function.Name, Arguments: arguments})
		}
	}
	return turns
}

func TestAConversationGoesToMessagesAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		messages, want := chatTurns(t)
		body, err := json.Marshal(map[string]any{"messages": messages})
		if err != nil {
			t.Fatal(err)
		}
		there, err := New().Request(dialect.Question{Body: body, Model: "claude-opus-4-6"})
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		back, err := NewFrontDoor().Question(there.Body)
		if err != nil {
			t.Fatalf("%s: %v", there.Body, err)
		}
		if got := hubTurns(t, back.Body); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\nbecomes %s\nand %s", body, there.Body, back.Body)
		}
	})
}

// An answer of the hub's says the same when a client of messages has it, whole or in any pieces.
func TestAnAnswerInPiecesIsTheWholeAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, id := words(t, "text"), "toolu_1"
		input := `{"x":` + string(must(json.Marshal(words(t, "input")))) + `}`
		pieces := func(s string) (all []string) {
			for runes := []rune(s); len(runes) > 0; {
				n := rapid.IntRange(1, len(runes)).Draw(t, "piece")
				all, runes = append(all, string(runes[:n])), runes[n:]
			}
			return all
		}
		var events strings.Builder
		event := func(data string) { events.WriteString("data: " + data + "\n\n") }
		event(`{"type":"message_start","message":{"id":"msg_1","model":"m","usage":{"input_tokens":3,"output_tokens":1}}}`)
		event(`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`)
		for _, piece := range pieces(text) {
			event(`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":` + string(must(json.Marshal(piece))) + `}}`)
		}
		event(`{"type":"content_block_stop","index":0}`)
		event(`{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"` + id + `","name":"f","input":{}}}`)
		for _, piece := range pieces(input) {
			event(`{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":` + string(must(json.Marshal(piece))) + `}}`)
		}
		event(`{"type":"content_block_stop","index":1}`)
		event(`{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}}`)
		event(`{"type":"message_stop"}`)
		hub, err := feed(New().Stream(), []byte(events.String()))
		if err != nil {
			t.Fatal(err)
		}
		back, err := feed(NewFrontDoor().Events(), hub)
		if err != nil {
			t.Fatal(err)
		}
		got := struct{ text, input string }{}
		for _, e := range dialecttest.Events(back) {
			var data struct {
				Delta struct {
					Text string
					JSON string `json:"partial_json"`
				}
			}
			if err := json.Unmarshal(e.Data, &data); err != nil {
				t.Fatal(err)
			}
			got.text += data.Delta.Text
			got.input += data.Delta.JSON
		}
		if got.text != text || got.input != input || !strings.HasSuffix(string(back), "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n") {
			t.Fatalf("%q %q became %s", text, input, back)
		}
	})
}

func TestEventsThatAreCutAreMalformedAndNothingElse(t *testing.T) {
	for _, data := range []string{
		`{"type":"message_start","message":{"id":"msg_1","model":"m","usage":{"input_tokens":3}}}`,
		`{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"f","input":{}}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"é\n"}}`,
		`{"id":"1","choices":[{"index":0,"delta":{"content":"x","tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}]}`,
	} {
		for n := range len(data) {
			for _, s := range []dialect.Stream{New().Stream(), NewFrontDoor().Events()} {
				if b, err := s.Event(nil, nil, []byte(data[:n])); !errors.Is(err, dialect.ErrMalformed) || len(b) > 0 {
					t.Errorf("%s: %q and %v", data[:n], b, err)
				}
			}
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
