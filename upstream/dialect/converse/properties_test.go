package converse

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

// words draws a text that is not blank, and whose end is no white space.
func words(t *rapid.T, label string) string {
	return rapid.StringMatching(`[a-zé"\\\n<> 😀]{0,8}[a-z"é]`).Draw(t, label)
}

// turn is one thing that is said in a conversation, in whichever API.
type turn struct {
	Role, Text, ID, Name string
	Arguments            any
}

// conversation draws a conversation of chat and says what is in it, each call with its result.
func conversation(t *rapid.T) (messages []any, turns []turn) {
	say := func(role, text string) {
		messages = append(messages, map[string]any{"role": role, "content": text})
		if strings.TrimSpace(text) != "" {
			turns = append(turns, turn{Role: role, Text: text})
		}
	}
	if rapid.Bool().Draw(t, "system") {
		say("system", words(t, "system"))
	}
	for i := range rapid.IntRange(1, 4).Draw(t, "rounds") {
		say("user", words(t, "question"))
		if rapid.Bool().Draw(t, "blank") {
			say("assistant", " \n")
			say("user", words(t, "question"))
		}
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
			results = append(results, turn{Role: "user", ID: id, Text: words(t, "result")})
		}
		if n > 0 {
			message["tool_calls"] = calls
		}
		messages = append(messages, message)
		for _, r := range results {
			messages = append(messages, map[string]any{"role": "tool", "tool_call_id": r.ID, "content": r.Text})
		}
		turns = append(turns, results...)
	}
	return messages, turns
}

// asked is a request as Bedrock reads it.
type asked struct {
	System   []struct{ Text string }
	Messages []struct {
		Role    string
		Content []struct {
			Text string
			Use  *struct {
				ID    string `json:"toolUseId"`
				Name  string
				Input any
			} `json:"toolUse"`
			Result *struct {
				ID      string `json:"toolUseId"`
				Content []struct{ Text string }
			} `json:"toolResult"`
		}
	}
	Tools struct{ Tools []any } `json:"toolConfig"`
}

func TestAConversationIsAskedAsItWasSaid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		messages, want := conversation(t)
		body, err := json.Marshal(map[string]any{"messages": messages})
		if err != nil {
			t.Fatal(err)
		}
		there, err := New().Request(dialect.Question{Body: body, Model: "us.anthropic.claude-opus-4-6-v1"})
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		var q asked
		if err := json.Unmarshal(there.Body, &q); err != nil {
			t.Fatalf("%s: %v", there.Body, err)
		}
		var got []turn
		calls, role := 0, ""
		for _, s := range q.System {
			got = append(got, turn{Role: "system", Text: s.Text})
		}
		for _, m := range q.Messages {
			if m.Role == role || len(m.Content) == 0 {
				t.Fatalf("two messages of one role, or an empty one: %s", there.Body)
			}
			role = m.Role
			texts := false
			for _, c := range m.Content {
				switch {
				case c.Use != nil:
					calls++
					got = append(got, turn{Role: m.Role, ID: c.Use.ID, Name: c.Use.Name, Arguments: c.Use.Input})
				case c.Result != nil:
					if texts {
						t.Fatalf("a result behind a text: %s", there.Body)
					}
					got = append(got, turn{Role: m.Role, ID: c.Result.ID, Text: c.Result.Content[0].Text})
				default:
					texts = true
					got = append(got, turn{Role: m.Role, Text: c.Text})
				}
			}
		}
		if !reflect.DeepEqual(got, want) || (calls > 0) != (len(q.Tools.Tools) > 0) {
			t.Fatalf("%s\nbecomes %s", body, there.Body)
		}
	})
}

// pieces cuts a text in any way.
func pieces(t *rapid.T, s string) (all []string) {
	for runes := []rune(s); len(runes) > 0; {
		n := rapid.IntRange(1, len(runes)).Draw(t, "piece")
		all, runes = append(all, string(runes[:n])), runes[n:]
	}
	return all
}

// An answer says the same in a stream, in any pieces, with blocks that have a beginning and an
// end or have not, as it says whole.
func TestAnAnswerInPiecesIsTheWholeAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		thought, text, input := words(t, "thought"), words(t, "text"), `{"x":`+quote(words(t, "input"))+`}`
		bare := rapid.Bool().Draw(t, "bare")
		var events []dialect.Event
		say := func(name, data string) {
			events = append(events, dialect.Event{Name: []byte(name), Data: []byte(data)})
		}
		stop := func(at string) {
			if !bare {
				say("contentBlockStop", `{"contentBlockIndex":`+at+`,"p":"ab"}`)
			}
		}
		say("messageStart", `{"role":"assistant"}`)
		for _, piece := range pieces(t, thought) {
			say("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":`+quote(piece)+`}}}`)
		}
		say("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"c2ln"}}}`)
		stop("0")
		for _, piece := range pieces(t, text) {
			say("contentBlockDelta", `{"contentBlockIndex":1,"delta":{"text":`+quote(piece)+`}}`)
		}
		stop("1")
		say("contentBlockStart", `{"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"t","name":"f"}}}`)
		for _, piece := range pieces(t, input) {
			say("contentBlockDelta", `{"contentBlockIndex":2,"delta":{"toolUse":{"input":`+quote(piece)+`}}}`)
		}
		stop("2")
		say("messageStop", `{"stopReason":"tool_use"}`)
		say("metadata", `{"usage":{"inputTokens":3,"outputTokens":4,"cacheReadInputTokens":5}}`)
		stream, err := feed(New().Stream(), events)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := New().Reply([]byte(`{"output":{"message":{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":` + quote(thought) +
			`,"signature":"c2ln"}}},{"text":` + quote(text) + `},{"toolUse":{"toolUseId":"t","name":"f","input":` + input +
			`}}]}},"stopReason":"tool_use","usage":{"inputTokens":3,"outputTokens":4,"cacheReadInputTokens":5}}`))
		if err != nil {
			t.Fatal(err)
		}
		var one, many heard
		one.add(t, whole)
		for _, e := range dialecttest.Events(stream) {
			if string(e.Data) != "[DONE]" {
				many.add(t, e.Data)
			}
		}
		if !reflect.DeepEqual(one, many) || one.Text != text || one.Thought != thought || one.Prompt != 8 || one.Arguments[0] != input {
			t.Fatalf("%+v\n%+v\n%s", one, many, stream)
		}
	})
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestEventsThatAreCutAreMalformedAndNothingElse(t *testing.T) {
	for name, data := range map[string]string{
		"messageStart":      `{"role":"assistant"}`,
		"contentBlockStart": `{"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"a","name":"f"}}}`,
		"contentBlockDelta": `{"contentBlockIndex":0,"delta":{"text":"é\n"}}`,
		"messageStop":       `{"stopReason":"end_turn"}`,
		"metadata":          `{"usage":{"inputTokens":1}}`,
	} {
		for n := range len(data) {
			if b, err := New().Stream().Event(nil, []byte(name), []byte(data[:n])); !errors.Is(err, dialect.ErrMalformed) || len(b) > 0 {
				t.Errorf("%s: %q and %v", data[:n], b, err)
			}
		}
	}
}

// heard gathers what a client of chat reads.
type heard struct {
	Text, Thought, Finish      string
	Signatures, IDs, Names     []string
	Arguments                  []string
	Prompt, Completion, Cached int64
}

func (h *heard) add(t interface{ Fatalf(string, ...any) }, data []byte) {
	type message struct {
		Content   string
		Reasoning string                       `json:"reasoning_content"`
		More      []struct{ Signature string } `json:"reasoning_details"`
		Calls     []struct {
			Index    *int
			ID       string
			Function struct{ Name, Arguments string }
		} `json:"tool_calls"`
	}
	var c struct {
		Choices []struct {
			Delta, Message message
			Finish         string `json:"finish_reason"`
		}
		Usage *struct {
			Prompt     int64 `json:"prompt_tokens"`
			Completion int64 `json:"completion_tokens"`
			Details    struct {
				Cached int64 `json:"cached_tokens"`
			} `json:"prompt_tokens_details"`
		}
	}
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	for _, choice := range c.Choices {
		if choice.Finish != "" {
			h.Finish = choice.Finish
		}
		for _, m := range []message{choice.Delta, choice.Message} {
			h.Text += m.Content
			h.Thought += m.Reasoning
			for _, d := range m.More {
				if d.Signature != "" {
					h.Signatures = append(h.Signatures, d.Signature)
				}
			}
			for i, call := range m.Calls {
				if call.Index != nil {
					i = *call.Index
				}
				if i == len(h.IDs) {
					h.IDs, h.Names, h.Arguments = append(h.IDs, call.ID), append(h.Names, call.Function.Name), append(h.Arguments, "")
				}
				h.Arguments[i] += call.Function.Arguments
			}
		}
	}
	if u := c.Usage; u != nil {
		h.Prompt, h.Completion, h.Cached = u.Prompt, u.Completion, u.Details.Cached
	}
}
