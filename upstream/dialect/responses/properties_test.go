package responses

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
	"pgregory.net/rapid"

	_ "github.com/mulligan-gateway/mulligan/internal/rapidseed" // the same inputs in each run
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

// spoken is one thing that is said in a conversation, in whichever API.
type spoken struct{ Role, Text, ID, Name, Arguments string }

// conversation draws the items of an input and says what is in them. Each call has its output.
func conversation(t *rapid.T) (items []any, want []spoken) {
	for i := range rapid.IntRange(1, 4).Draw(t, "rounds") {
		question := dialecttest.Words(t, "question")
		items = append(items, map[string]any{"role": "user", "content": []any{map[string]any{"type": "input_text", "text": question}}})
		want = append(want, spoken{Role: "user", Text: question})
		if rapid.Bool().Draw(t, "thinks") {
			text := dialecttest.Words(t, "thought")
			items = append(items, map[string]any{"type": "reasoning", "id": "rs_1", "summary": []any{map[string]any{"type": "summary_text", "text": text}}})
			want = append(want, spoken{Role: "thought", Text: text})
		}
		n := rapid.IntRange(0, 3).Draw(t, "calls")
		if n == 0 || rapid.Bool().Draw(t, "speaks") {
			text := dialecttest.Words(t, "answer")
			items = append(items, map[string]any{"type": "message", "role": "assistant", "content": []any{map[string]any{"type": "output_text", "text": text}}})
			want = append(want, spoken{Role: "assistant", Text: text})
		}
		var results []any
		var outputs []spoken
		for j := range n {
			id := "call_" + strconv.Itoa(i) + strconv.Itoa(j)
			input, result := dialecttest.Words(t, "input"), dialecttest.Words(t, "result")
			kind := rapid.SampledFrom([]string{"function_call", "custom_tool_call"}).Draw(t, "kind")
			if kind == "function_call" {
				input = `{"x": ` + quote(input) + `}`
				items = append(items, map[string]any{"type": kind, "call_id": id, "name": "f", "arguments": input})
			} else {
				items = append(items, map[string]any{"type": kind, "call_id": id, "name": "c", "input": input})
			}
			want = append(want, spoken{Role: "assistant", ID: id, Name: kind[:1], Arguments: input})
			results = append(results, map[string]any{"type": kind + "_output", "call_id": id, "output": result})
			outputs = append(outputs, spoken{Role: "tool", ID: id, Text: result})
		}
		items, want = append(items, results...), append(want, outputs...)
	}
	return items, want
}

// quote returns a text as JSON.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// hubSays reads a conversation of chat.
func hubSays(t *rapid.T, body []byte) (got []spoken) {
	if !json.Valid(body) {
		t.Fatalf("no JSON: %s", body)
	}
	gjson.GetBytes(body, "messages").ForEach(func(_, m gjson.Result) bool {
		if thought := m.Get("reasoning_content"); thought.Exists() {
			got = append(got, spoken{Role: "thought", Text: decoded(thought)})
		}
		if text := m.Get("content"); text.Type == gjson.String {
			got = append(got, spoken{Role: m.Get("role").Str, Text: decoded(text), ID: m.Get("tool_call_id").Str})
		}
		m.Get("tool_calls").ForEach(func(_, c gjson.Result) bool {
			s := spoken{Role: "assistant", ID: c.Get("id").Str, Name: c.Get("function.name").Str, Arguments: decoded(c.Get("function.arguments"))}
			if s.Name == "c" {
				s.Arguments = decoded(gjson.Get(s.Arguments, freeformInput))
			}
			got = append(got, s)
			return true
		})
		return true
	})
	return got
}

func decoded(v gjson.Result) (s string) {
	if json.Unmarshal([]byte(v.Raw), &s) != nil {
		return "no text: " + v.Raw
	}
	return s
}

func TestAConversationKeepsWhatIsSaidInItsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items, want := conversation(t)
		body, err := json.Marshal(map[string]any{"model": "m", "input": items})
		if err != nil {
			t.Fatal(err)
		}
		got, err := NewFrontDoor().Question(body)
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if said := hubSays(t, got.Body); !reflect.DeepEqual(said, want) {
			t.Fatalf("%s\nbecomes %s\nwhich says %q\nand not %q", body, got.Body, said, want)
		}
	})
}

// pieces cuts a text at random.
func pieces(t *rapid.T, s string) (all []string) {
	for runes := []rune(s); len(runes) > 0; {
		n := rapid.IntRange(1, len(runes)).Draw(t, "piece")
		all, runes = append(all, string(runes[:n])), runes[n:]
	}
	return all
}

// hubAnswer draws an answer of the hub's: the whole message, and the deltas of a stream of it.
// The pieces of parallel calls are mixed.
func hubAnswer(t *rapid.T) (message map[string]any, deltas []map[string]any) {
	message = map[string]any{"role": "assistant", "content": nil}
	texts := func(name string) {
		if rapid.Bool().Draw(t, name) {
			text := dialecttest.Words(t, "text")
			message[name] = text
			for _, piece := range pieces(t, text) {
				deltas = append(deltas, map[string]any{name: piece})
			}
		}
	}
	texts("reasoning_content")
	if rapid.Bool().Draw(t, "signed") {
		detail := map[string]any{"type": "reasoning.encrypted", "data": "c2ln", "format": "x"}
		message["reasoning_details"] = []any{detail}
		deltas = append(deltas, map[string]any{"reasoning_details": []any{detail}})
	}
	texts("content")
	texts("refusal")
	var calls []any
	var waiting [][]string
	for i := range rapid.IntRange(0, 3).Draw(t, "calls") {
		arguments := rapid.SampledFrom([]string{`{"x": `, `{"` + freeformInput + `": `, "{ \"" + freeformInput + "\"\n:"}).Draw(t, "kind") + quote(dialecttest.Words(t, "input")) + "}"
		if rapid.IntRange(0, 9).Draw(t, "broken") == 0 {
			arguments = dialecttest.Words(t, "arguments")
		}
		call := func(arguments string) map[string]any {
			return map[string]any{"index": i, "id": "call_" + strconv.Itoa(i), "type": "function", "function": map[string]any{"name": "f", "arguments": arguments}}
		}
		calls = append(calls, call(arguments))
		deltas = append(deltas, map[string]any{"tool_calls": []any{call("")}})
		waiting = append(waiting, pieces(t, arguments))
	}
	for left := len(waiting); left > 0; {
		i := rapid.IntRange(0, len(waiting)-1).Draw(t, "whose")
		if len(waiting[i]) == 0 {
			left = 0
			for _, w := range waiting {
				left += len(w)
			}
			continue
		}
		deltas = append(deltas, map[string]any{"tool_calls": []any{map[string]any{"index": i, "function": map[string]any{"arguments": waiting[i][0]}}}})
		waiting[i] = waiting[i][1:]
	}
	if len(calls) > 0 {
		message["tool_calls"] = calls
	}
	return message, deltas
}

// An answer of the hub's says the same when a client of responses has it whole or in any pieces.
func TestAnAnswerInPiecesIsTheWholeAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		message, deltas := hubAnswer(t)
		finish := rapid.SampledFrom([]string{"stop", "length", "content_filter"}).Draw(t, "finish")
		usage := map[string]any{"prompt_tokens": 3, "completion_tokens": 4}
		reply := func(name string, choice map[string]any) []byte {
			choice["index"] = 0
			b, err := json.Marshal(map[string]any{"id": "1", "created": 7, "model": "m", name: []any{choice}, "usage": usage})
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		want, err := NewFrontDoor().Answer(reply("choices", map[string]any{"message": message, "finish_reason": finish}))
		if err != nil {
			t.Fatal(err)
		}
		var stream strings.Builder
		for _, delta := range append(deltas, map[string]any{}) {
			choice := map[string]any{"delta": delta, "finish_reason": nil}
			if len(delta) == 0 {
				choice["finish_reason"] = finish
			}
			stream.WriteString("data: " + string(reply("choices", choice)) + "\n\n")
		}
		stream.WriteString("data: [DONE]\n\n")
		events, err := dialecttest.Feed(NewFrontDoor().Events(), dialecttest.Events([]byte(stream.String())))
		if err != nil {
			t.Fatal(err)
		}
		all := dialecttest.Events(events)
		got := gjson.GetBytes(all[len(all)-1].Data, "response").Raw
		if got != string(want) {
			t.Fatalf("%s\nin pieces is %s\nand whole %s", stream.String(), got, want)
		}
		said := replay(t, all)
		if !reflect.DeepEqual(said, itemsOf(got)) {
			t.Fatalf("the events say %q\nand the response %q", said, itemsOf(got))
		}
	})
}

// itemsOf reads what the items of a response say: their parts, joined.
func itemsOf(response string) (said []string) {
	gjson.Get(response, "output").ForEach(func(_, item gjson.Result) bool {
		text := ""
		for _, path := range []string{"summary.#.text", "content.#.text", "content.#.refusal"} {
			item.Get(path).ForEach(func(_, v gjson.Result) bool {
				text += decoded(v)
				return true
			})
		}
		for _, name := range []string{"arguments", "input"} {
			if v := item.Get(name); v.Exists() {
				text += decoded(v)
			}
		}
		said = append(said, text)
		return true
	})
	return said
}

// replay joins the deltas of a stream by their items, and checks the order of its events: their
// numbers, that an item begins before its deltas and ends once, and that what is done is what
// came in deltas.
func replay(t *rapid.T, all []dialect.Event) (said []string) {
	done := map[int64]bool{}
	for i, e := range all {
		data := gjson.ParseBytes(e.Data)
		if data.Get("sequence_number").Int() != int64(i) || data.Get("type").Str != string(e.Name) || !json.Valid(e.Data) {
			t.Fatalf("event %d is %s", i, e.Data)
		}
		at := data.Get("output_index").Int()
		switch kind := string(e.Name); {
		case kind == "response.output_item.added":
			if at != int64(len(said)) {
				t.Fatalf("item %d begins as %d", len(said), at)
			}
			said = append(said, "")
		case kind == "response.output_item.done":
			if done[at] || itemsOf(`{"output":[` + data.Get("item").Raw + `]}`)[0] != said[at] {
				t.Fatalf("%s ends %q", e.Data, said[at])
			}
			done[at] = true
		case strings.HasSuffix(kind, ".delta"):
			if at >= int64(len(said)) || done[at] {
				t.Fatalf("%s is of no open item", e.Data)
			}
			said[at] += decoded(data.Get("delta"))
		}
	}
	if len(done) != len(said) {
		t.Fatalf("%d of %d items end", len(done), len(said))
	}
	return said
}
