package gemini

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// word draws a text that is not empty, with what JSON and events could trip over.
func word(t *rapid.T) string {
	return rapid.SampledFrom([]string{"a", "\"", "\\", "\n\n", "data: ", "é😀", "\u2028", "{}", " ", "null", "</s>", "\x00\x1f"}).Draw(t, "word") +
		rapid.StringMatching(`[a-z"\\ ]{0,5}`).Draw(t, "rest")
}

// object draws the arguments of a call.
func object(t *rapid.T) map[string]any {
	return rapid.MapOfN(rapid.Custom(word), rapid.OneOf(
		rapid.Custom(func(t *rapid.T) any { return word(t) }),
		rapid.Custom(func(t *rapid.T) any { return float64(rapid.IntRange(-9, 9).Draw(t, "n")) }),
		rapid.Just(any(map[string]any{"deep": []any{nil, true}})),
	), 0, 3).Draw(t, "arguments")
}

// conversed is what a conversation comes to: texts by role, calls and results in their order.
type conversed struct{ user, model, system, calls, results []string }

// drawConversation draws messages of the hub, and what must come of them. Results are in any
// order of their calls.
func drawConversation(t *rapid.T) (messages []hubMessage, want conversed) {
	id := 0
	for range rapid.IntRange(1, 6).Draw(t, "turns") {
		switch rapid.SampledFrom([]string{"system", "user", "assistant", "calls"}).Draw(t, "turn") {
		case "system":
			text := word(t)
			messages = append(messages, hubMessage{Role: "developer", Content: text})
			want.system = append(want.system, text)
		case "user":
			a, b := word(t), word(t)
			messages = append(messages, hubMessage{Role: "user", Content: []any{
				map[string]any{"type": "text", "text": a}, map[string]any{"type": "text", "text": b},
			}})
			want.user = append(want.user, a, b)
		case "assistant":
			text := word(t)
			messages = append(messages, hubMessage{Role: "assistant", Content: text})
			want.model = append(want.model, text)
		case "calls":
			m := hubMessage{Role: "assistant"}
			var results []hubMessage
			for range rapid.IntRange(1, 3).Draw(t, "calls") {
				var call hubCall
				call.ID = rapid.SampledFrom([]string{"call_", callPrefix}).Draw(t, "id") + string(rune('a'+id))
				call.Type, call.Function.Name = "function", "f"+string(rune('a'+id))
				args, _ := json.Marshal(object(t))
				call.Function.Arguments = string(args)
				id++
				m.ToolCalls = append(m.ToolCalls, call)
				want.calls = append(want.calls, call.Function.Name+string(args))
				text := word(t)
				results = append(results, hubMessage{Role: "tool", ToolCallID: call.ID, Content: text})
				if json.Valid([]byte(text)) && strings.HasPrefix(text, "{") { // an object is itself the response
					text = strings.TrimSpace(text)
				}
				want.results = append(want.results, call.Function.Name+text)
			}
			messages = append(append(messages, m), rapid.Permutation(results).Draw(t, "order")...)
		}
	}
	return messages, want
}

// conversedIn reads a request of Google's.
func conversedIn(t *rapid.T, g googleRequest) (got conversed) {
	role := ""
	for _, c := range g.Contents {
		if c.Role == role || len(c.Parts) == 0 || c.Role != "user" && c.Role != "model" {
			t.Fatalf("a content of %q follows one of %q, with %d parts", c.Role, role, len(c.Parts))
		}
		role = c.Role
		for _, p := range c.Parts {
			switch {
			case p.FunctionCall != nil:
				args, _ := json.Marshal(p.FunctionCall.Args)
				got.calls = append(got.calls, p.FunctionCall.Name+string(args))
			case p.FunctionResponse != nil:
				text, _ := json.Marshal(p.FunctionResponse.Response)
				if output, ok := p.FunctionResponse.Response["output"].(string); ok {
					text = []byte(output)
				}
				got.results = append(got.results, p.FunctionResponse.Name+string(text))
			case role == "user":
				got.user = append(got.user, *p.Text)
			default:
				got.model = append(got.model, *p.Text)
			}
		}
	}
	for _, p := range g.SystemInstruction.Parts {
		got.system = append(got.system, *p.Text)
	}
	return got
}

func TestConversationsKeepTheirTextsCallsAndResults(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		messages, want := drawConversation(t)
		raw, err := json.Marshal(map[string]any{"messages": messages})
		if err != nil {
			t.Fatal(err)
		}
		translated, err := New().Request(question(raw))
		if err != nil {
			t.Fatal(err)
		}
		var g googleRequest
		if err := json.Unmarshal(translated.Body, &g); err != nil {
			t.Fatalf("%s: %v", translated.Body, err)
		}
		got := conversedIn(t, g)
		if want.user == nil && want.model == nil && want.calls == nil { // system messages alone
			want.user, want.system = want.system, nil
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\nbecomes %s:\n%q\nwant\n%q", raw, translated.Body, got, want)
		}
	})
}

// drawParts draws the parts of an answer in the order in which Gemini writes them.
func drawParts(t *rapid.T) (parts []map[string]any) {
	for range rapid.IntRange(0, 2).Draw(t, "thoughts") {
		parts = append(parts, map[string]any{"text": word(t), "thought": true})
	}
	for range rapid.IntRange(0, 3).Draw(t, "texts") {
		parts = append(parts, map[string]any{"text": word(t)})
	}
	if n := len(parts); n > 0 && rapid.Bool().Draw(t, "signed") {
		parts[n-1]["thoughtSignature"] = "c2ln" + string(rune('a'+n))
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "calls") {
		call := map[string]any{"name": "f" + string(rune('a'+i)), "args": object(t)}
		part := map[string]any{"functionCall": call}
		if rapid.Bool().Draw(t, "id") {
			call["id"] = "id" + string(rune('a'+i))
		}
		if i == 0 && rapid.Bool().Draw(t, "signed call") {
			part["thoughtSignature"] = "Y2FsbA=="
		}
		parts = append(parts, part)
	}
	return parts
}

func TestAStreamSaysWhatThePlainReplySays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := drawParts(t)
		reason := rapid.SampledFrom([]string{"STOP", "MAX_TOKENS", "SAFETY", "OTHER"}).Draw(t, "reason")
		wrap := func(parts []map[string]any, reason string) []byte {
			candidate := map[string]any{"content": map[string]any{"role": "model", "parts": parts}}
			if reason != "" {
				candidate["finishReason"] = reason
			}
			b, err := json.Marshal(map[string]any{
				"candidates": []any{candidate}, "responseId": "r1", "modelVersion": "m",
				"usageMetadata": map[string]any{"promptTokenCount": 3, "candidatesTokenCount": 4},
			})
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		plain, err := New().Reply(wrap(parts, reason))
		if err != nil {
			t.Fatal(err)
		}
		var events [][]byte
		for rest := parts; ; {
			n := rapid.IntRange(0, len(rest)).Draw(t, "cut")
			if n == len(rest) {
				events = append(events, wrap(rest, reason))
				break
			}
			events = append(events, wrap(rest[:n], ""))
			rest = rest[n:]
		}
		want := decode[hubChunk](t, plain)
		g := gather(t, translate(t, events))
		m := want.Choices[0].Message
		// A client joins the details of a stream by their index, and those of a reply are whole.
		if g.message.text() != m.text() || g.message.Reasoning != m.Reasoning || !sameCalls(g.message.ToolCalls, m.ToolCalls) ||
			g.message.ExtraContent.signature() != m.ExtraContent.signature() || !slices.Equal(g.finish, []string{*want.Choices[0].FinishReason}) ||
			!reflect.DeepEqual(g.usage[0].Usage, want.Usage) || thoughts(g.message.Details) != thoughts(m.Details) {
			t.Fatalf("the stream of %d events says %+v %q, the reply %s", len(events), g.message, g.finish, plain)
		}
	})
}

func thoughts(details []map[string]any) string {
	var all strings.Builder
	for _, d := range details {
		for _, name := range []string{"text", "signature", "data"} {
			s, _ := d[name].(string)
			all.WriteString(s)
		}
	}
	return all.String()
}

func sameCalls(a, b []hubCall) bool {
	return slices.EqualFunc(a, b, func(a, b hubCall) bool {
		return a.ID == b.ID && a.Function == b.Function && a.ExtraContent.signature() == b.ExtraContent.signature()
	})
}

// An answer that is sent back as it came has the same texts, calls and signatures.
func TestAnswersGoBackAsTheyCame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := drawParts(t)
		raw, err := json.Marshal(map[string]any{"candidates": []any{map[string]any{
			"content": map[string]any{"parts": parts}, "finishReason": "STOP",
		}}, "responseId": "r1"})
		if err != nil {
			t.Fatal(err)
		}
		reply, err := New().Reply(raw)
		if err != nil {
			t.Fatal(err)
		}
		var r struct {
			Choices []struct{ Message json.RawMessage }
		}
		if err := json.Unmarshal(reply, &r); err != nil {
			t.Fatal(err)
		}
		body := append(append([]byte(`{"messages":[{"role":"user","content":"hi"},`), r.Choices[0].Message...), `]}`...)
		translated, err := New().Request(question(body))
		if err != nil {
			t.Fatal(err)
		}
		var g googleRequest
		if err := json.Unmarshal(translated.Body, &g); err != nil {
			t.Fatal(err)
		}
		var came googleChunk
		if err := json.Unmarshal(raw, &came); err != nil {
			t.Fatal(err)
		}
		var back []googlePart
		if len(g.Contents) > 1 {
			back = g.Contents[1].Parts
		}
		if got, want := flat(back), flat(came.Candidates[0].Content.Parts); got != want {
			t.Fatalf("%s goes back as %s:\n%q\nwant\n%q", raw, translated.Body, got, want)
		}
	})
}

// flat is what parts say: the texts joined, and thoughts only where they are signed.
func flat(parts []googlePart) string {
	var text, rest strings.Builder
	for _, p := range parts {
		switch {
		case p.FunctionCall != nil:
			call, _ := json.Marshal(p.FunctionCall)
			rest.Write(append(call, p.ThoughtSignature...))
		case p.Thought && p.ThoughtSignature != "":
			rest.WriteString("thought " + *p.Text + p.ThoughtSignature)
		case p.Thought:
		default:
			text.WriteString(*p.Text)
			rest.WriteString(p.ThoughtSignature)
		}
	}
	return text.String() + "|" + rest.String()
}
