package demo

import "maps"

// responses answers the Responses API, plain or with its full sequence of events
// (source: https://platform.openai.com/docs/api-reference/responses-streaming).
func (q *question) responses() *reply {
	text := q.formatted("text.format")
	name, arguments, calls := q.toolCall()
	item := object{
		"id": "msg_demo", "type": "message", "role": "assistant", "status": "completed",
		"content": []any{object{"type": "output_text", "text": text, "annotations": []any{}}},
	}
	if calls {
		text = arguments
		item = object{"id": "fc_demo", "type": "function_call", "call_id": "call_demo", "name": name, "arguments": arguments, "status": "completed"}
	}
	in, out := q.promptWords(), words(text)
	whole := func(status string, output []any, usage any) object {
		return object{
			"id": "resp_demo", "object": "response", "created_at": created, "status": status, "model": q.model,
			"output": output, "usage": usage, "error": nil, "incomplete_details": nil, "instructions": nil, "metadata": object{},
			"parallel_tool_calls": true, "temperature": 1, "tool_choice": "auto", "tools": []any{}, "top_p": 1,
		}
	}
	usage := object{
		"input_tokens": in, "output_tokens": out, "total_tokens": in + out,
		"input_tokens_details": object{"cached_tokens": 0}, "output_tokens_details": object{"reasoning_tokens": 0},
	}
	completed := whole("completed", []any{item}, usage)
	if !q.stream {
		return jsonReply(completed)
	}
	var s sequence
	s.add("response.created", object{"response": whole("in_progress", []any{}, nil)})
	s.add("response.in_progress", object{"response": whole("in_progress", []any{}, nil)})
	if calls {
		begun := object{"id": "fc_demo", "type": "function_call", "call_id": "call_demo", "name": name, "arguments": "", "status": "in_progress"}
		at := object{"item_id": "fc_demo", "output_index": 0}
		s.add("response.output_item.added", object{"output_index": 0, "item": begun})
		s.add("response.function_call_arguments.delta", with(at, "delta", arguments))
		s.add("response.function_call_arguments.done", with(at, "arguments", arguments))
	} else {
		begun := object{"id": "msg_demo", "type": "message", "role": "assistant", "status": "in_progress", "content": []any{}}
		at := object{"item_id": "msg_demo", "output_index": 0, "content_index": 0}
		part := object{"type": "output_text", "text": text, "annotations": []any{}}
		s.add("response.output_item.added", object{"output_index": 0, "item": begun})
		s.add("response.content_part.added", with(at, "part", object{"type": "output_text", "text": "", "annotations": []any{}}))
		for _, word := range pieces(text) {
			s.add("response.output_text.delta", with(with(at, "delta", word), "logprobs", []any{}))
		}
		s.add("response.output_text.done", with(with(at, "text", text), "logprobs", []any{}))
		s.add("response.content_part.done", with(at, "part", part))
	}
	s.add("response.output_item.done", object{"output_index": 0, "item": item})
	s.add("response.completed", object{"response": completed})
	return s.reply()
}

// sequence numbers the events of a Responses stream.
type sequence struct {
	events
	n int
}

func (s *sequence) add(name string, v object) {
	v["type"], v["sequence_number"] = name, s.n
	s.n++
	s.events.add(name, v)
}

// with returns a copy of o with a member more.
func with(o object, name string, value any) object {
	c := maps.Clone(o)
	c[name] = value
	return c
}
