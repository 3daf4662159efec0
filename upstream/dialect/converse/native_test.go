package converse

import (
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

// What follows reads and writes Converse with encoding/json, so that it shares nothing with the
// translation.

type object = map[string]any

type nativeBlock struct {
	Text      string
	Reasoning struct {
		Text struct{ Text, Signature string } `json:"reasoningText"`
	} `json:"reasoningContent"`
	Use *struct {
		ID    string `json:"toolUseId"`
		Name  string
		Input any
	} `json:"toolUse"`
	Result *struct {
		ID      string `json:"toolUseId"`
		Content []struct{ Text string }
	} `json:"toolResult"`
}

type nativeUsage struct{ InputTokens, OutputTokens, CacheReadInputTokens, CacheWriteInputTokens int64 }

// asked reads the conversation in a request, whose roles have to alternate.
func asked(t dialecttest.T, body []byte) (turns []dialecttest.Turn) {
	t.Helper()
	q := dialecttest.Decode[struct {
		System   []struct{ Text string }
		Messages []struct {
			Role    string
			Content []nativeBlock
		}
		Tools struct{ Tools []any } `json:"toolConfig"`
	}](t, body)
	for _, s := range q.System {
		turns = append(turns, dialecttest.Turn{Role: "system", Text: s.Text})
	}
	role, calls := "", 0
	for _, m := range q.Messages {
		if m.Role == role || len(m.Content) == 0 {
			t.Fatalf("two messages of one role, or an empty one: %s", body)
		}
		role = m.Role
		for _, b := range m.Content {
			turn := dialecttest.Turn{Role: m.Role, Text: b.Text}
			switch {
			case b.Use != nil:
				calls++
				turn.ID, turn.Name, turn.Arguments = b.Use.ID, b.Use.Name, b.Use.Input
			case b.Result != nil:
				turn = dialecttest.Turn{Role: "tool", ID: b.Result.ID, Text: b.Result.Content[0].Text}
			case b.Text == "":
				turn = dialecttest.Turn{Role: "thought", Text: b.Reasoning.Text.Text, ID: b.Reasoning.Text.Signature}
			}
			turns = append(turns, turn)
		}
	}
	if (calls > 0) != (len(q.Tools.Tools) > 0) {
		t.Errorf("%d calls and %d tools, which Bedrock refuses: %s", calls, len(q.Tools.Tools), body)
	}
	return turns
}

var stopReasons = map[string]string{"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens", "content_filter": "guardrail_intervened"}

func finishOf(stop string) string {
	if stop == "stop_sequence" {
		return "stop"
	}
	for hub, s := range stopReasons {
		if s == stop {
			return hub
		}
	}
	return ""
}

func nativeReply(s dialecttest.Said) []byte {
	var content []any
	if s.Thought != "" {
		content = append(content, object{"reasoningContent": object{"reasoningText": object{"text": s.Thought, "signature": s.Signatures[0]}}})
	}
	if s.Text != "" {
		content = append(content, object{"text": s.Text})
	}
	for _, c := range s.Calls {
		content = append(content, object{"toolUse": object{"toolUseId": c.ID, "name": c.Name, "input": c.Input}})
	}
	return dialecttest.JSON(object{
		"output": object{"message": object{"role": "assistant", "content": content}}, "stopReason": stopReasons[s.Finish],
		"usage": object{"inputTokens": s.Prompt, "outputTokens": s.Completion},
	})
}

func nativeStream(s dialecttest.Said, cut func(string) []string) (events []dialect.Event) {
	event := func(name string, v any) {
		events = append(events, dialect.Event{Name: []byte(name), Data: dialecttest.JSON(v)})
	}
	at := -1
	delta := func(d any) { event("contentBlockDelta", object{"contentBlockIndex": at, "delta": d, "p": "ab"}) }
	stop := func() { event("contentBlockStop", object{"contentBlockIndex": at}) }
	event("messageStart", object{"role": "assistant"})
	if s.Thought != "" {
		at++
		for _, piece := range cut(s.Thought) {
			delta(object{"reasoningContent": object{"text": piece}})
		}
		delta(object{"reasoningContent": object{"signature": s.Signatures[0]}})
		stop()
	}
	if s.Text != "" {
		at++
		for _, piece := range cut(s.Text) {
			delta(object{"text": piece})
		}
	}
	for _, c := range s.Calls {
		at++
		event("contentBlockStart", object{"contentBlockIndex": at, "start": object{"toolUse": object{"toolUseId": c.ID, "name": c.Name}}})
		for _, piece := range cut(string(dialecttest.JSON(c.Input))) {
			delta(object{"toolUse": object{"input": piece}})
		}
		if len(s.Calls) != 2 { // some models end their blocks with the message alone
			stop()
		}
	}
	event("messageStop", object{"stopReason": stopReasons[s.Finish]})
	event("metadata", object{"usage": object{"inputTokens": s.Prompt, "outputTokens": s.Completion}})
	return events
}

func usage(s *dialecttest.Said, u nativeUsage) {
	s.Prompt, s.Completion = u.InputTokens+u.CacheReadInputTokens+u.CacheWriteInputTokens, u.OutputTokens
	s.Cached, s.CacheWrite = u.CacheReadInputTokens, u.CacheWriteInputTokens
}

func replySays(t dialecttest.T, body []byte) (s dialecttest.Said) {
	t.Helper()
	r := dialecttest.Decode[struct {
		Output struct {
			Message struct{ Content []nativeBlock }
		}
		StopReason string
		Usage      nativeUsage
	}](t, body)
	for _, b := range r.Output.Message.Content {
		s.Text += b.Text
		s.Thought += b.Reasoning.Text.Text
		if b.Reasoning.Text.Signature != "" {
			s.Signatures = append(s.Signatures, b.Reasoning.Text.Signature)
		}
		if u := b.Use; u != nil {
			s.Calls = append(s.Calls, dialecttest.Called{ID: u.ID, Name: u.Name, Input: u.Input})
		}
	}
	s.Finish = finishOf(r.StopReason)
	usage(&s, r.Usage)
	return s
}

func streamSays(t dialecttest.T, events []dialect.Event) (s dialecttest.Said) {
	t.Helper()
	inputs := map[int]string{}
	blocks := map[int]int{} // calls by their blocks
	for _, event := range events {
		e := dialecttest.Decode[struct {
			ContentBlockIndex int
			Start             struct {
				Use *struct {
					ID   string `json:"toolUseId"`
					Name string
				} `json:"toolUse"`
			}
			Delta struct {
				Text             string
				ToolUse          struct{ Input string }
				ReasoningContent struct{ Text, Signature string }
			}
			StopReason string
			Usage      *nativeUsage
		}](t, event.Data)
		if u := e.Start.Use; u != nil {
			blocks[e.ContentBlockIndex] = len(s.Calls)
			s.Calls = append(s.Calls, dialecttest.Called{ID: u.ID, Name: u.Name})
		}
		s.Text += e.Delta.Text
		s.Thought += e.Delta.ReasoningContent.Text
		if signature := e.Delta.ReasoningContent.Signature; signature != "" {
			s.Signatures = append(s.Signatures, signature)
		}
		if e.Delta.ToolUse.Input != "" {
			inputs[blocks[e.ContentBlockIndex]] += e.Delta.ToolUse.Input
		}
		if e.StopReason != "" {
			s.Finish = finishOf(e.StopReason)
		}
		if e.Usage != nil {
			usage(&s, *e.Usage)
		}
	}
	for i := range s.Calls {
		if inputs[i] == "" || inputs[i] == "null" {
			inputs[i] = "{}"
		}
		s.Calls[i].Input = dialecttest.Decode[any](t, []byte(inputs[i]))
	}
	return s
}
