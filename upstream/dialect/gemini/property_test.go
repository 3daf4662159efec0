package gemini

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	_ "github.com/mulligan-gateway/mulligan/internal/rapidseed" // the same inputs in each run
)

// word draws a text that is not empty, with what JSON and events could trip over.
func word(t *rapid.T) string {
	return rapid.SampledFrom([]string{"a", "\"", "\\", "\n\n", "data: ", "é😀", "\u2028", "{}", " ", "null", "</s>", "\x00\x1f"}).Draw(t, "word") +
		rapid.StringMatching(`[a-z"\\ ]{0,5}`).Draw(t, "rest")
}

// arguments draws the arguments of a call.
func arguments(t *rapid.T) map[string]any {
	return rapid.MapOfN(rapid.Custom(word), rapid.OneOf(
		rapid.Custom(func(t *rapid.T) any { return word(t) }),
		rapid.Custom(func(t *rapid.T) any { return float64(rapid.IntRange(-9, 9).Draw(t, "n")) }),
		rapid.Just(any(map[string]any{"deep": []any{nil, true}})),
	), 0, 3).Draw(t, "arguments")
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
		call := map[string]any{"name": "f" + string(rune('a'+i)), "args": arguments(t)}
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
