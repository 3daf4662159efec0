package cohere

import (
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

// What follows reads and writes Cohere's JSON with encoding/json, so that it shares nothing with
// the translation.

type object = map[string]any

type nativePart struct{ Type, Text, Thinking string }

type nativeCall struct {
	ID       string
	Function struct{ Name, Arguments string }
}

type nativeMessage struct {
	Role    string
	Plan    string       `json:"tool_plan"`
	CallID  string       `json:"tool_call_id"`
	Calls   []nativeCall `json:"tool_calls"`
	Content []nativePart
}

type nativeUsage struct {
	Billed struct {
		Input  int64 `json:"input_tokens"`
		Output int64 `json:"output_tokens"`
	} `json:"billed_units"`
}

// asked reads the conversation in a request.
func asked(t dialecttest.T, body []byte) (turns []dialecttest.Turn) {
	t.Helper()
	for _, m := range dialecttest.Decode[struct{ Messages []nativeMessage }](t, body).Messages {
		for _, part := range m.Content {
			turn := dialecttest.Turn{Role: m.Role, ID: m.CallID, Text: part.Text}
			if part.Type == "thinking" {
				turn = dialecttest.Turn{Role: "thought", Text: part.Thinking}
			}
			turns = append(turns, turn)
		}
		if m.Plan != "" {
			turns = append(turns, dialecttest.Turn{Role: m.Role, Text: m.Plan})
		}
		for _, c := range m.Calls {
			turns = append(turns, dialecttest.Turn{Role: m.Role, ID: c.ID, Name: c.Function.Name, Arguments: dialecttest.Decode[any](t, []byte(c.Function.Arguments))})
		}
	}
	return turns
}

var finishReasons = map[string]string{"stop": "COMPLETE", "tool_calls": "TOOL_CALL", "length": "MAX_TOKENS", "content_filter": "ERROR_TOXIC"}

func usageOf(s dialecttest.Said) object {
	return object{"billed_units": object{"input_tokens": s.Prompt, "output_tokens": s.Completion}}
}

// nativeReply writes the text of an answer that calls tools as the plan for them.
func nativeReply(s dialecttest.Said) []byte {
	message := object{"role": "assistant"}
	var content, calls []any
	if s.Thought != "" {
		content = append(content, object{"type": "thinking", "thinking": s.Thought})
	}
	switch {
	case len(s.Calls) > 0 && s.Text != "":
		message["tool_plan"] = s.Text
	case s.Text != "":
		content = append(content, object{"type": "text", "text": s.Text})
	}
	for _, c := range s.Calls {
		calls = append(calls, object{"id": c.ID, "type": "function", "function": object{"name": c.Name, "arguments": string(dialecttest.JSON(c.Input))}})
	}
	message["content"], message["tool_calls"] = content, calls
	return dialecttest.JSON(object{"id": "1", "finish_reason": finishReasons[s.Finish], "message": message, "usage": usageOf(s)})
}

func nativeStream(s dialecttest.Said, cut func(string) []string) (events []dialect.Event) {
	index := 0
	event := func(kind string, delta any) {
		e := object{"type": kind, "index": index}
		if delta != nil {
			e["delta"] = delta
		}
		if kind == "message-start" {
			e["id"] = "1"
		}
		events = append(events, dialect.Event{Data: dialecttest.JSON(e)})
	}
	message := func(v object) object { return object{"message": v} }
	event("message-start", message(object{"role": "assistant"}))
	for _, piece := range cut(s.Thought) {
		event("content-delta", message(object{"content": object{"thinking": piece}}))
	}
	index++
	for _, piece := range cut(s.Text) {
		if len(s.Calls) > 0 {
			event("tool-plan-delta", message(object{"tool_plan": piece}))
		} else {
			event("content-delta", message(object{"content": object{"text": piece}}))
		}
	}
	for _, c := range s.Calls {
		index++
		event("tool-call-start", message(object{"tool_calls": object{"id": c.ID, "type": "function", "function": object{"name": c.Name, "arguments": ""}}}))
		for _, piece := range cut(string(dialecttest.JSON(c.Input))) {
			event("tool-call-delta", message(object{"tool_calls": object{"function": object{"arguments": piece}}}))
		}
		event("tool-call-end", nil)
	}
	event("message-end", object{"finish_reason": finishReasons[s.Finish], "usage": usageOf(s)})
	return events
}

func finishOf(reason string) string {
	for hub, r := range finishReasons {
		if r == reason {
			return hub
		}
	}
	return ""
}

func replySays(t dialecttest.T, body []byte) (s dialecttest.Said) {
	t.Helper()
	r := dialecttest.Decode[struct {
		Message nativeMessage
		Finish  string `json:"finish_reason"`
		Usage   nativeUsage
	}](t, body)
	s.Text = r.Message.Plan
	for _, part := range r.Message.Content {
		s.Text += part.Text
		s.Thought += part.Thinking
	}
	for _, c := range r.Message.Calls {
		s.Calls = append(s.Calls, dialecttest.Called{ID: c.ID, Name: c.Function.Name, Input: dialecttest.Decode[any](t, []byte(c.Function.Arguments))})
	}
	s.Finish, s.Prompt, s.Completion = finishOf(r.Finish), r.Usage.Billed.Input, r.Usage.Billed.Output
	return s
}

func streamSays(t dialecttest.T, events []dialect.Event) (s dialecttest.Said) {
	t.Helper()
	var inputs []string
	for _, event := range events {
		e := dialecttest.Decode[struct {
			Type  string
			Delta struct {
				Message struct {
					Plan    string `json:"tool_plan"`
					Content nativePart
					Calls   nativeCall `json:"tool_calls"`
				}
				Finish string `json:"finish_reason"`
				Usage  nativeUsage
			}
		}](t, event.Data)
		m := e.Delta.Message
		s.Text += m.Plan + m.Content.Text
		s.Thought += m.Content.Thinking
		switch e.Type {
		case "tool-call-start":
			s.Calls = append(s.Calls, dialecttest.Called{ID: m.Calls.ID, Name: m.Calls.Function.Name})
			inputs = append(inputs, m.Calls.Function.Arguments)
		case "tool-call-delta":
			inputs[len(inputs)-1] += m.Calls.Function.Arguments
		case "message-end":
			s.Finish, s.Prompt, s.Completion = finishOf(e.Delta.Finish), e.Delta.Usage.Billed.Input, e.Delta.Usage.Billed.Output
		}
	}
	for i, input := range inputs {
		s.Calls[i].Input = dialecttest.Decode[any](t, []byte(input))
	}
	return s
}
