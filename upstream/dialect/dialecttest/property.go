package dialecttest

import (
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	_ "github.com/mulligan-gateway/mulligan/internal/rapidseed" // the same inputs in each run
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// Turn is one thing that is said in a conversation, in whichever dialect. Its role is system,
// user, assistant, tool for the result of a call, or thought.
type Turn struct {
	Role, Text string
	// ID is that of a call or of the call that a result is of, and the signature of a thought.
	ID string
	// Name and Arguments are those of a call.
	Name      string
	Arguments any
}

// Words draws a text that is not blank, with what JSON and events could trip over. Its end is
// no white space, which some vendors refuse where the model is to go on.
func Words(t *rapid.T, label string) string {
	return rapid.OneOf(
		rapid.StringMatching(`[a-zé"\\\n<> 😀\x{0}\x{2028}]{0,8}[a-z"é]`),
		rapid.SampledFrom([]string{"\\", "\\u0041", "data: x", "</s>", "\x1f.", "[DONE]", "null.", "{\"a\":1}."}),
	).Draw(t, label)
}

// arguments draws what a tool is called with.
func arguments(t *rapid.T) any {
	all := map[string]any{}
	for i := range rapid.IntRange(0, 2).Draw(t, "arguments") {
		var v any = Words(t, "argument")
		if rapid.Bool().Draw(t, "number") {
			v = float64(rapid.IntRange(-9, 9).Draw(t, "n"))
		}
		all["x"+strconv.Itoa(i)] = v
	}
	if rapid.IntRange(0, 3).Draw(t, "deep") == 0 {
		all["deep"] = map[string]any{"list": []any{nil, true, map[string]any{}}}
	}
	return all
}

// drawConversation draws messages of chat and says what is in them, each call with its result.
func drawConversation(t *rapid.T) (messages []any, turns []Turn) {
	say := func(role, text string) {
		var content any = text
		if rapid.Bool().Draw(t, "as parts") {
			content = []any{map[string]any{"type": "text", "text": text}}
		}
		messages = append(messages, map[string]any{"role": role, "content": content})
		turns = append(turns, Turn{Role: role, Text: text})
	}
	if rapid.Bool().Draw(t, "system") {
		say("system", Words(t, "system"))
	}
	for i := range rapid.IntRange(1, 4).Draw(t, "rounds") {
		say("user", Words(t, "question"))
		n := rapid.IntRange(0, 3).Draw(t, "calls")
		message := nulls(map[string]any{"role": "assistant"})
		if n == 0 || rapid.Bool().Draw(t, "speaks") {
			text := Words(t, "answer")
			message["content"] = text
			turns = append(turns, Turn{Role: "assistant", Text: text})
		}
		var calls []any
		var results []Turn
		for j := range n {
			id := "call_" + strconv.Itoa(i) + strconv.Itoa(j)
			input := arguments(t)
			calls = append(calls, hubCall(id, "f", input))
			turns = append(turns, Turn{Role: "assistant", ID: id, Name: "f", Arguments: input})
			results = append(results, Turn{Role: "tool", ID: id, Text: Words(t, "result")})
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

func hubCall(id, name string, input any) map[string]any {
	return map[string]any{"id": id, "type": "function", "function": map[string]any{"name": name, "arguments": string(JSON(input))}}
}

// ask translates messages of chat and reads what the vendor is asked.
func (p Provider) ask(t T, messages []any) []Turn {
	t.Helper()
	body := JSON(map[string]any{"messages": messages})
	there, err := p.Translator.Request(dialect.Question{Body: body, Model: p.Model})
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return p.Asked(t, there.Body)
}

func (p Provider) conversations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		messages, want := drawConversation(t)
		if got := p.ask(t, messages); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\nis asked as %s\nand not    %s", JSON(messages), JSON(got), JSON(want))
		}
	})
}

// drawSaid draws what an answer says.
func drawSaid(t *rapid.T) Said {
	s := Said{Finish: rapid.SampledFrom([]string{"stop", "length"}).Draw(t, "finish")}
	if rapid.Bool().Draw(t, "thinks") {
		s.Thought, s.Signatures = Words(t, "thought"), []string{"c2lnbmF0dXJl"}
	}
	n := rapid.IntRange(0, 3).Draw(t, "calls")
	if n == 0 || rapid.Bool().Draw(t, "speaks") {
		s.Text = Words(t, "text")
	}
	for i := range n {
		s.Calls = append(s.Calls, Called{ID: "id_" + strconv.Itoa(i), Name: "f" + strconv.Itoa(i), Input: arguments(t)})
	}
	if n > 0 && s.Finish == "stop" {
		s.Finish = "tool_calls"
	}
	s.Prompt, s.Completion = rapid.Int64Range(1, 999).Draw(t, "prompt"), rapid.Int64Range(1, 999).Draw(t, "completion")
	return s
}

// draw draws what an answer of the dialect says.
func (p Provider) draw(t *rapid.T) Said {
	s := drawSaid(t)
	if p.Unsigned {
		s.Signatures = nil
	}
	return s
}

// pieces cuts texts in any way, but not characters.
func pieces(t *rapid.T) func(text string) []string {
	return func(text string) (all []string) {
		for runes := []rune(text); len(runes) > 0; {
			n := rapid.IntRange(1, len(runes)).Draw(t, "piece")
			all, runes = append(all, string(runes[:n])), runes[n:]
		}
		return all
	}
}

func (p Provider) replies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		said := p.draw(t)
		whole := p.Reply(said)
		reply, err := p.Translator.Reply(whole)
		if err != nil {
			t.Fatalf("%s: %v", whole, err)
		}
		if d := differ(said, Hear(t, reply)); d != "" {
			t.Fatalf("%s\nbecomes %s\n%s", whole, reply, d)
		}
		if d := differ(said, p.ReplySays(t, whole)); d != "" {
			t.Fatalf("the test reads its own reply %s wrongly: %s", whole, d)
		}
		events := p.Stream(said, pieces(t))
		if d := differ(said, hear(t, p.Translator, events)); d != "" {
			t.Fatalf("%s\nin pieces: %s", whole, d)
		}
		passedOver(t, events, p.Translator.Stream)
		if d := differ(said, p.StreamSays(t, events)); d != "" {
			t.Fatalf("the test reads its own stream wrongly: %s", d)
		}
	})
}

// answersBack sends answers back as the history of the next request, as clients do.
func (p Provider) answersBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		said := p.draw(t)
		reply, err := p.Translator.Reply(p.Reply(said))
		if err != nil {
			t.Fatal(err)
		}
		var r struct {
			Choices []struct{ Message json.RawMessage }
		}
		if err := json.Unmarshal(reply, &r); err != nil {
			t.Fatal(err)
		}
		messages := []any{map[string]any{"role": "user", "content": "hi"}, r.Choices[0].Message}
		want := []Turn{{Role: "user", Text: "hi"}}
		if said.Thought != "" {
			want = append(want, Turn{Role: "thought", Text: said.Thought, ID: strings.Join(said.Signatures, "")})
		}
		if said.Text != "" {
			want = append(want, Turn{Role: "assistant", Text: said.Text})
		}
		for _, c := range said.Calls {
			want = append(want, Turn{Role: "assistant", ID: c.ID, Name: c.Name, Arguments: c.Input})
		}
		for _, c := range said.Calls {
			messages = append(messages, map[string]any{"role": "tool", "tool_call_id": c.ID, "content": "done"})
			want = append(want, Turn{Role: "tool", ID: c.ID, Text: "done"})
		}
		if got := p.ask(t, messages); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\ngoes back as %s\nand not      %s", reply, JSON(got), JSON(want))
		}
	})
}

// example is an answer with everything in it.
func example() Said {
	return Said{
		Thought: "I think.", Signatures: []string{"c2ln"}, Text: "It is é\n\"5\".", Finish: "tool_calls", Prompt: 3, Completion: 4,
		Calls: []Called{{ID: "id_0", Name: "f", Input: map[string]any{"x": "y"}}, {ID: "id_1", Name: "g", Input: map[string]any{}}},
	}
}

// uncut leaves a text whole.
func uncut(text string) []string { return []string{text} }

// cut gives a stream events that end too early.
func (p Provider) cut(t *testing.T) {
	for _, e := range p.Stream(example(), uncut) {
		for n := range len(e.Data) {
			if b, err := p.Translator.Stream().Event(nil, e.Name, e.Data[:n]); !errors.Is(err, dialect.ErrMalformed) || len(b) > 0 {
				t.Errorf("%s: %q and %v", e.Data[:n], b, err)
			}
		}
	}
}
