package fakellm

import (
	"encoding/json"
)

// messages is the usage as Anthropic counts: what was read from the cache is beside the input.
func (u Usage) messages() object {
	return object{
		"input_tokens": u.Input - u.Cached, "cache_read_input_tokens": u.Cached, "cache_creation_input_tokens": 0,
		"output_tokens": u.Output, "output_tokens_details": object{"thinking_tokens": u.Reasoning},
	}
}

var messagesFinish = map[string]string{
	"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal",
}

func (r Reply) message(c *Call) object {
	content := []any{}
	if r.Text != "" {
		content = append(content, object{"type": "text", "text": r.Text})
	}
	for _, t := range r.ToolCalls {
		content = append(content, object{"type": "tool_use", "id": t.ID, "name": t.Name, "input": json.RawMessage(t.Arguments)})
	}
	return object{
		"id": c.id("msg"), "type": "message", "role": "assistant", "model": r.Model, "content": content,
		"stop_reason": inVendorsWords(r.Finish, messagesFinish), "stop_sequence": nil, "usage": r.Usage.messages(),
	}
}

// messagesStream writes Anthropic's events
// (source: https://platform.claude.com/docs/en/build-with-claude/streaming).
type messagesStream struct {
	c      *Call
	blocks int // that have begun
	open   int // the open block of text, -1 for none
	reason string
	spent  Usage
}

func (s *messagesStream) preamble() {
	usage := s.c.promised().messages()
	usage["output_tokens"] = 1
	delete(usage, "output_tokens_details")
	s.c.typed(object{"type": "message_start", "message": object{
		"id": s.c.id("msg"), "type": "message", "role": "assistant", "model": s.c.Model(), "content": []any{},
		"stop_reason": nil, "stop_sequence": nil, "usage": usage,
	}})
	s.c.typed(object{"type": "ping"})
}

func (s *messagesStream) begin(block object) {
	s.c.typed(object{"type": "content_block_start", "index": s.blocks, "content_block": block})
	s.blocks++
}

func (s *messagesStream) delta(delta object) {
	s.c.typed(object{"type": "content_block_delta", "index": s.blocks - 1, "delta": delta})
}

func (s *messagesStream) end() {
	s.c.typed(object{"type": "content_block_stop", "index": s.blocks - 1})
}

func (s *messagesStream) text(piece string) {
	if s.open < 0 {
		s.open = s.blocks
		s.begin(object{"type": "text", "text": ""})
	}
	s.delta(object{"type": "text_delta", "text": piece})
}

func (s *messagesStream) closeText() {
	if s.open >= 0 {
		s.end()
		s.open = -1
	}
}

func (s *messagesStream) tool(_ int, t ToolCall) {
	s.closeText()
	s.begin(object{"type": "tool_use", "id": t.ID, "name": t.Name, "input": object{}})
	for _, piece := range halves(t.Arguments) {
		s.delta(object{"type": "input_json_delta", "partial_json": piece})
	}
	s.end()
}

func (s *messagesStream) finish(reason string) {
	s.closeText()
	s.reason = inVendorsWords(reason, messagesFinish)
}

func (s *messagesStream) usage(u Usage) { s.spent = u }

func (s *messagesStream) done() {
	s.c.typed(object{
		"type": "message_delta", "delta": object{"stop_reason": s.reason, "stop_sequence": nil}, "usage": s.spent.messages(),
	})
	s.c.typed(object{"type": "message_stop"})
}

func (s *messagesStream) fail(p *problem) {
	s.c.typed(messagesFailure(p, nil).(object))
}

func (s *messagesStream) malformed() {
	s.c.event("content_block_delta", []byte(`{"type":"content_block_delta","index":0,"delta":{"type":"te`))
}

func messagesResults(r *Request) (all []ToolResult) {
	messages := r.Get("messages").Array()
	if len(messages) == 0 {
		return nil
	}
	for _, block := range messages[len(messages)-1].Get("content").Array() {
		if block.Get("type").String() == "tool_result" {
			all = append(all, ToolResult{ID: block.Get("tool_use_id").String(), Text: textIn(block.Get("content"))})
		}
	}
	return all
}
