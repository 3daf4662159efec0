package dialecttest

import (
	"encoding/json"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// Door is a dialect that clients speak, under test. Run is the contract.
type Door struct {
	Door dialect.FrontDoor
	// Dir holds the fixtures:
	//
	//	request        what the client asks
	//	hub request    what the hub asks
	//	dropped        the hints that are left out, one a line
	//	unsupported    the refusal, instead of a hub request
	//	hub reply      what the hub answers, plain
	//	reply          what the client gets
	//	error          the error, instead of a reply
	//	hub stream     what the hub answers, in events
	//	stream         what the client gets, until there is an error
	//	stream error   the error
	Dir string
	// ReplySays and StreamSays read what a client is answered, by encoding/json. What a client of
	// the dialect cannot hear is left out of what is said by Heard.
	ReplySays  func(t T, body []byte) Said
	StreamSays func(t T, events []dialect.Event) Said
	Heard      func(s Said) Said
}

// Run checks the contract.
func (d Door) Run(t *testing.T) {
	t.Helper()
	t.Run("fixtures", d.fixtures)
	t.Run("an answer is heard as it was said, whole and in pieces", d.answers)
	t.Run("what is cut is malformed and nothing else", d.cut)
	t.Run("hostile", d.hostile)
}

func (d Door) fixtures(t *testing.T) {
	eachFixture(t, d.Dir, func(f *fixture) {
		if body, ok := f.get("request"); ok {
			got, err := d.Door.Question(body)
			f.asked("hub request", got, err)
		}
		if body, ok := f.get("hub reply"); ok {
			got, err := d.Door.Answer(body)
			f.check("reply", got)
			f.check("error", []byte(failed(f.t, err)))
		}
		if body, ok := f.get("hub stream"); ok {
			got, err := Feed(d.Door.Events(), Events(body))
			f.check("stream", got)
			f.check("stream error", []byte(failed(f.t, err)))
		}
	})
}

// chatReply writes the hub's plain reply that says s.
func chatReply(s Said) []byte {
	message := nulls(map[string]any{"role": "assistant", "content": s.Text})
	if s.Text == "" {
		message["content"] = nil
	}
	if s.Thought != "" {
		message["reasoning_content"] = s.Thought
		message["reasoning_details"] = []any{chatDetail(s.Thought, s.Signatures[0])}
	}
	var calls []any
	for _, c := range s.Calls {
		calls = append(calls, hubCall(c.ID, c.Name, c.Input))
	}
	if calls != nil {
		message["tool_calls"] = calls
	}
	return JSON(chatEnvelope(s, map[string]any{"index": 0, "message": message, "logprobs": nil, "finish_reason": s.Finish}, true))
}

// nulls adds what many servers say of what they do not say.
func nulls(message map[string]any) map[string]any {
	for _, name := range []string{"content", "refusal", "tool_calls", "function_call", "reasoning_content", "reasoning_details", "annotations", "audio"} {
		if _, said := message[name]; !said {
			message[name] = nil
		}
	}
	return message
}

func chatDetail(text, signature string) map[string]any {
	d := map[string]any{"type": "reasoning.text", "format": "anthropic-claude-v1", "index": 0}
	if text != "" {
		d["text"] = text
	}
	if signature != "" {
		d["signature"] = signature
	}
	return d
}

func chatEnvelope(s Said, choice any, usage bool) map[string]any {
	reply := map[string]any{"id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": "m", "choices": []any{choice}}
	if choice == nil {
		reply["choices"] = []any{}
	}
	if usage {
		reply["usage"] = map[string]any{"prompt_tokens": s.Prompt, "completion_tokens": s.Completion, "total_tokens": s.Prompt + s.Completion}
	}
	return reply
}

// chatStream writes the hub's events that say s, texts in pieces as cut cuts them.
func chatStream(s Said, cut func(text string) []string) (events []dialect.Event) {
	chunk := func(v any) { events = append(events, dialect.Event{Data: JSON(v)}) }
	delta := func(d map[string]any) {
		chunk(chatEnvelope(s, map[string]any{"index": 0, "delta": nulls(d), "finish_reason": nil}, false))
	}
	delta(map[string]any{"role": "assistant", "content": ""})
	for _, piece := range cut(s.Thought) {
		delta(map[string]any{"reasoning_content": piece, "reasoning_details": []any{chatDetail(piece, "")}})
	}
	for _, signature := range s.Signatures {
		delta(map[string]any{"reasoning_details": []any{chatDetail("", signature)}})
	}
	for _, piece := range cut(s.Text) {
		delta(map[string]any{"content": piece})
	}
	for i, c := range s.Calls {
		call := hubCall(c.ID, c.Name, c.Input)
		call["index"], call["function"] = i, map[string]any{"name": c.Name, "arguments": ""}
		delta(map[string]any{"tool_calls": []any{call}})
		for _, piece := range cut(string(JSON(c.Input))) {
			delta(map[string]any{"tool_calls": []any{map[string]any{"index": i, "function": map[string]any{"arguments": piece}}}})
		}
	}
	chunk(chatEnvelope(s, map[string]any{"index": 0, "delta": map[string]any{}, "finish_reason": s.Finish}, false))
	chunk(chatEnvelope(s, nil, true))
	return append(events, dialect.Event{Data: []byte("[DONE]")})
}

func (d Door) answers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		said := drawSaid(t)
		want := d.Heard(said)
		body := chatReply(said)
		answer, err := d.Door.Answer(body)
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if diff := differ(want, d.ReplySays(t, answer)); diff != "" {
			t.Fatalf("%s\nbecomes %s\n%s", body, answer, diff)
		}
		events, err := Feed(d.Door.Events(), chatStream(said, pieces(t)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := differ(want, d.StreamSays(t, Events(events))); diff != "" {
			t.Fatalf("%s\nin pieces becomes %s\n%s", body, events, diff)
		}
	})
}

func (d Door) cut(t *testing.T) {
	for _, e := range chatStream(example(), uncut) {
		for n := range len(e.Data) {
			if b, err := d.Door.Events().Event(nil, nil, e.Data[:n]); !errors.Is(err, dialect.ErrMalformed) || len(b) > 0 {
				t.Errorf("%s: %q and %v", e.Data[:n], b, err)
			}
		}
	}
	body := chatReply(example())
	for n := range body {
		if _, err := d.Door.Answer(body[:n]); !errors.Is(err, dialect.ErrMalformed) {
			t.Errorf("%s: %v", body[:n], err)
		}
	}
	for _, request := range sections(t, d.Dir, "request") {
		for n := range request {
			var e *llm.Error
			if _, err := d.Door.Question(request[:n]); json.Valid(request) && !errors.As(err, &e) {
				t.Errorf("%s: %v", request[:n], err)
			}
		}
	}
}
