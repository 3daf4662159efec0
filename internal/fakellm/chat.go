package fakellm

import (
	"fmt"
	"maps"
)

func (u Usage) chat() object {
	return object{
		"prompt_tokens": u.Input, "completion_tokens": u.Output, "total_tokens": u.Input + u.Output,
		"prompt_tokens_details":     object{"cached_tokens": u.Cached, "audio_tokens": 0},
		"completion_tokens_details": object{"reasoning_tokens": u.Reasoning, "audio_tokens": 0},
	}
}

func (c *Call) id(prefix string) string { return fmt.Sprintf("%s-fake-%d", prefix, c.Number) }

func (r Reply) chat(c *Call) object {
	message := object{"role": "assistant", "content": r.Text, "refusal": nil}
	if len(r.ToolCalls) > 0 {
		calls := make([]any, len(r.ToolCalls))
		for i, t := range r.ToolCalls {
			calls[i] = object{"id": t.ID, "type": "function", "function": object{"name": t.Name, "arguments": t.Arguments}}
		}
		message["tool_calls"] = calls
		if r.Text == "" {
			message["content"] = nil
		}
	}
	return object{
		"id": c.id("chatcmpl"), "object": "chat.completion", "created": created, "model": r.Model,
		"system_fingerprint": "fp_fake",
		"choices":            []any{object{"index": 0, "message": message, "logprobs": nil, "finish_reason": r.Finish}},
		"usage":              r.Usage.chat(),
	}
}

func (r Reply) completion(c *Call) object {
	return object{
		"id": c.id("cmpl"), "object": "text_completion", "created": created, "model": r.Model,
		"choices": []any{object{"index": 0, "text": r.Text, "logprobs": nil, "finish_reason": r.Finish}},
		"usage":   r.Usage.chat(),
	}
}

// chatStream writes chat completion chunks. Where usage was asked for, every chunk but the
// last says "usage":null, as OpenAI's do.
type chatStream struct{ c *Call }

func (s *chatStream) chunk(members object) {
	v := object{
		"id": s.c.id("chatcmpl"), "object": "chat.completion.chunk", "created": created,
		"model": s.c.Model(), "system_fingerprint": "fp_fake",
	}
	if s.c.WantsUsage() {
		v["usage"] = nil
	}
	maps.Copy(v, members)
	s.c.event("", mustJSON(v))
}

func (s *chatStream) delta(delta object, reason any) {
	s.chunk(object{"choices": []any{object{"index": 0, "delta": delta, "logprobs": nil, "finish_reason": reason}}})
}

func (s *chatStream) preamble()            { s.delta(object{"role": "assistant", "content": ""}, nil) }
func (s *chatStream) text(piece string)    { s.delta(object{"content": piece}, nil) }
func (s *chatStream) finish(reason string) { s.delta(object{}, reason) }
func (s *chatStream) done()                { s.c.event("", []byte("[DONE]")) }

func (s *chatStream) tool(index int, t ToolCall) {
	s.delta(object{"tool_calls": []any{object{
		"index": index, "id": t.ID, "type": "function", "function": object{"name": t.Name, "arguments": ""},
	}}}, nil)
	for _, piece := range halves(t.Arguments) {
		s.delta(object{"tool_calls": []any{object{"index": index, "function": object{"arguments": piece}}}}, nil)
	}
}

func (s *chatStream) usage(u Usage) {
	if s.c.WantsUsage() {
		s.chunk(object{"choices": []any{}, "usage": u.chat()})
	}
}

func (s *chatStream) malformed() { s.c.malformed() }

func (s *chatStream) fail(p *problem) {
	s.c.event("", mustJSON(object{"error": errorObject(p.status, p.code, p.message)}))
}

// completionsStream writes the chunks of the older completions endpoint.
type completionsStream struct{ chatStream }

func (s *completionsStream) piece(text string, reason any) {
	s.chunk(object{
		"id": s.c.id("cmpl"), "object": "text_completion",
		"choices": []any{object{"index": 0, "text": text, "logprobs": nil, "finish_reason": reason}},
	})
}

func (s *completionsStream) preamble()            {}
func (s *completionsStream) text(piece string)    { s.piece(piece, nil) }
func (s *completionsStream) tool(int, ToolCall)   {}
func (s *completionsStream) finish(reason string) { s.piece("", reason) }

func (s *completionsStream) usage(u Usage) {
	if s.c.WantsUsage() {
		s.chunk(object{"id": s.c.id("cmpl"), "object": "text_completion", "choices": []any{}, "usage": u.chat()})
	}
}
