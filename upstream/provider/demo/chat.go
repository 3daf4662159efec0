package demo

import "strings"

// Limits on what a small request can ask for.
const (
	maxChoices = 128     // OpenAI's own limit on n
	maxText    = 1 << 20 // bytes in all choices, when there are several
	maxPieces  = 256     // of a choice in a stream; the last one holds the rest of the text
)

func chatUsage(in, out int) object {
	return object{
		"prompt_tokens": in, "completion_tokens": out, "total_tokens": in + out,
		"prompt_tokens_details": object{"cached_tokens": 0}, "completion_tokens_details": object{"reasoning_tokens": 0},
	}
}

// wantsUsage says whether the request asks for usage in its stream.
func (q *question) wantsUsage() bool { return q.body.Get("stream_options.include_usage").Bool() }

// chatAnswer is what a chat completion says, in each of its choices.
type chatAnswer struct {
	text    string // or the call's arguments
	tool    string // the called tool's name
	calls   bool
	finish  string
	choices int
	usage   object
}

func (q *question) chat() *reply {
	a := chatAnswer{finish: "stop", choices: max(int(q.body.Get("n").Int()), 1)}
	if name, arguments, ok := q.toolCall(); ok {
		a.tool, a.text, a.calls, a.finish = name, arguments, true, "tool_calls"
	} else {
		a.text = q.formatted("response_format")
	}
	if a.choices > maxChoices || a.choices > 1 && a.choices*len(a.text) > maxText {
		return tooMuch("The demo does not answer that often at once.")
	}
	a.usage = chatUsage(q.promptWords(), a.choices*words(a.text))
	if q.stream {
		return q.chatStream(a)
	}
	message := object{"role": "assistant", "content": a.text, "refusal": nil}
	if a.calls {
		message["content"] = nil
		message["tool_calls"] = []any{object{"id": "call_demo", "type": "function", "function": object{"name": a.tool, "arguments": a.text}}}
	}
	choices := make([]any, a.choices)
	for i := range choices {
		choices[i] = object{"index": i, "message": message, "logprobs": nil, "finish_reason": a.finish}
	}
	return jsonReply(object{
		"id": "chatcmpl-demo", "object": "chat.completion", "created": created, "model": q.model,
		"choices": choices, "usage": a.usage,
	})
}

// chatStream streams the answer a word at a time, or a tool call in two parts, one choice
// after the other.
func (q *question) chatStream(a chatAnswer) *reply {
	var e events
	chunk := func(choices []any, usage any) {
		c := object{"id": "chatcmpl-demo", "object": "chat.completion.chunk", "created": created, "model": q.model, "choices": choices}
		if q.wantsUsage() {
			c["usage"] = usage
		}
		e.add("", c)
	}
	for i := range a.choices {
		delta := func(d object, finish any) {
			chunk([]any{object{"index": i, "delta": d, "logprobs": nil, "finish_reason": finish}}, nil)
		}
		delta(object{"role": "assistant", "content": ""}, nil)
		if a.calls {
			call := func(members object) { delta(object{"tool_calls": []any{members}}, nil) }
			call(object{"index": 0, "id": "call_demo", "type": "function", "function": object{"name": a.tool, "arguments": ""}})
			call(object{"index": 0, "function": object{"arguments": a.text}})
		} else {
			for _, piece := range pieces(a.text) {
				delta(object{"content": piece}, nil)
			}
		}
		delta(object{}, a.finish)
	}
	if q.wantsUsage() {
		chunk([]any{}, a.usage)
	}
	e.done()
	return e.reply()
}

// pieces cuts a text behind each space.
func pieces(text string) []string {
	p := strings.SplitAfterN(text, " ", maxPieces)
	if p[len(p)-1] == "" {
		p = p[:len(p)-1]
	}
	return p
}

func (q *question) completion() *reply {
	text := q.sentence()
	usage := chatUsage(q.promptWords(), words(text))
	whole := func(text string, finish any) object {
		return object{
			"id": "cmpl-demo", "object": "text_completion", "created": created, "model": q.model,
			"choices": []any{object{"index": 0, "text": text, "logprobs": nil, "finish_reason": finish}},
		}
	}
	if !q.stream {
		o := whole(text, "stop")
		o["usage"] = usage
		return jsonReply(o)
	}
	var e events
	for _, piece := range pieces(text) {
		e.add("", whole(piece, nil))
	}
	e.add("", whole("", "stop"))
	if q.wantsUsage() {
		o := whole("", nil)
		o["choices"], o["usage"] = []any{}, usage
		e.add("", o)
	}
	e.done()
	return e.reply()
}

// streamError is a stream that says an error before anything else.
func (q *question) streamError() *reply {
	if q.endpoint == "/responses" {
		var s sequence
		s.add("error", object{"code": serverError, "message": asAsked, "param": nil})
		return s.reply()
	}
	var e events
	e.add("", object{"error": object{"message": asAsked, "type": serverError, "param": nil, "code": nil}})
	return e.reply()
}
