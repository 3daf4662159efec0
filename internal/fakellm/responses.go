package fakellm

import (
	"fmt"
	"strings"
)

func (u Usage) responses() object {
	return object{
		"input_tokens": u.Input, "output_tokens": u.Output, "total_tokens": u.Input + u.Output,
		"input_tokens_details":  object{"cached_tokens": u.Cached},
		"output_tokens_details": object{"reasoning_tokens": u.Reasoning},
	}
}

func (r Reply) response(c *Call) object {
	var output []any
	if r.Text != "" {
		output = append(output, messageItem(r.Text, "completed"))
	}
	for i, t := range r.ToolCalls {
		output = append(output, callItem(i, t, "completed"))
	}
	v := responseObject(c, "completed", output)
	v["model"], v["usage"] = r.Model, r.Usage.responses()
	return v
}

// responseObject is the response itself, as the plain answer and several events carry it.
func responseObject(c *Call, status string, output []any) object {
	if output == nil {
		output = []any{}
	}
	return object{
		"id": c.id("resp"), "object": "response", "created_at": created, "status": status, "model": c.Model(),
		"output": output, "error": nil, "incomplete_details": nil, "instructions": nil, "metadata": object{},
		"parallel_tool_calls": true, "temperature": 1, "tool_choice": "auto", "tools": []any{}, "top_p": 1,
		"max_output_tokens": nil, "previous_response_id": nil, "usage": nil,
	}
}

func messageItem(text, status string) object {
	content := []any{}
	if status == "completed" {
		content = append(content, textPart(text))
	}
	return object{"id": "msg_fake", "type": "message", "role": "assistant", "status": status, "content": content}
}

func textPart(text string) object {
	return object{"type": "output_text", "text": text, "annotations": []any{}, "logprobs": []any{}}
}

func callItem(index int, t ToolCall, status string) object {
	return object{
		"id": fmt.Sprintf("fc_fake_%d", index), "type": "function_call", "call_id": t.ID,
		"name": t.Name, "arguments": t.Arguments, "status": status,
	}
}

// responsesStream writes the typed events of /responses
// (source: https://platform.openai.com/docs/api-reference/responses-streaming).
type responsesStream struct {
	c        *Call
	sequence int
	said     strings.Builder
	speaking bool  // a message item is open
	output   []any // finished items
	reason   string
	spent    object
}

func (s *responsesStream) send(kind string, members object) {
	members["type"], members["sequence_number"] = kind, s.sequence
	s.sequence++
	s.c.typed(members)
}

func (s *responsesStream) preamble() {
	s.send("response.created", object{"response": responseObject(s.c, "in_progress", nil)})
	s.send("response.in_progress", object{"response": responseObject(s.c, "in_progress", nil)})
}

func (s *responsesStream) text(piece string) {
	at := len(s.output)
	if !s.speaking {
		s.speaking = true
		s.send("response.output_item.added", object{"output_index": at, "item": messageItem("", "in_progress")})
		s.send("response.content_part.added", object{"output_index": at, "content_index": 0, "item_id": "msg_fake", "part": textPart("")})
	}
	s.said.WriteString(piece)
	s.send("response.output_text.delta", object{
		"output_index": at, "content_index": 0, "item_id": "msg_fake", "delta": piece, "logprobs": []any{},
	})
}

func (s *responsesStream) closeMessage() {
	if !s.speaking {
		return
	}
	s.speaking = false
	at, text := len(s.output), s.said.String()
	item := messageItem(text, "completed")
	s.send("response.output_text.done", object{
		"output_index": at, "content_index": 0, "item_id": "msg_fake", "text": text, "logprobs": []any{},
	})
	s.send("response.content_part.done", object{"output_index": at, "content_index": 0, "item_id": "msg_fake", "part": textPart(text)})
	s.send("response.output_item.done", object{"output_index": at, "item": item})
	s.output = append(s.output, item)
}

func (s *responsesStream) tool(index int, t ToolCall) {
	s.closeMessage()
	at, id := len(s.output), fmt.Sprintf("fc_fake_%d", index)
	begun := t
	begun.Arguments = ""
	s.send("response.output_item.added", object{"output_index": at, "item": callItem(index, begun, "in_progress")})
	for _, piece := range halves(t.Arguments) {
		s.send("response.function_call_arguments.delta", object{"output_index": at, "item_id": id, "delta": piece})
	}
	s.send("response.function_call_arguments.done", object{"output_index": at, "item_id": id, "name": t.Name, "arguments": t.Arguments})
	item := callItem(index, t, "completed")
	s.send("response.output_item.done", object{"output_index": at, "item": item})
	s.output = append(s.output, item)
}

func (s *responsesStream) finish(reason string) {
	s.closeMessage()
	s.reason = reason
}

func (s *responsesStream) usage(u Usage) { s.spent = u.responses() }

func (s *responsesStream) done() {
	kind, status := "response.completed", "completed"
	if s.reason == "length" || s.reason == "content_filter" {
		kind, status = "response.incomplete", "incomplete"
	}
	v := responseObject(s.c, status, s.output)
	switch s.reason {
	case "length":
		v["incomplete_details"] = object{"reason": "max_output_tokens"}
	case "content_filter":
		v["incomplete_details"] = object{"reason": "content_filter"}
	}
	if s.spent != nil {
		v["usage"] = s.spent
	}
	s.send(kind, object{"response": v})
}

func (s *responsesStream) malformed() { s.c.malformed() }

func (s *responsesStream) fail(p *problem) {
	s.send("error", object{"code": p.code, "message": p.message, "param": nil})
	s.failed(p)
}

// failed sends what says of the whole response that it has failed.
func (s *responsesStream) failed(p *problem) {
	v := responseObject(s.c, "failed", s.output)
	v["error"] = object{"code": p.code, "message": p.message}
	s.send("response.failed", object{"response": v})
}

// ResponseFailed sends an error inside a stream of responses as OpenAI does when the model
// fails: by response.failed alone.
func ResponseFailed(code, message string) Step {
	return func(c *Call) { c.dialect().(*responsesStream).failed(&problem{code: code, message: message}) }
}
