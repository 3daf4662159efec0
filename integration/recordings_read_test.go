package integration

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect/messages"
)

// The readers below know nothing of Mulligan's own: what was recorded is read once more, in the
// vendor's words.

// calls gathers the calls of an answer, whose arguments come in pieces.
type calls struct {
	names  []string
	pieces []string
}

// at returns the place of the call with that index.
func (c *calls) at(index int) int {
	for len(c.names) <= index {
		c.names, c.pieces = append(c.names, ""), append(c.pieces, "")
	}
	return index
}

func (c *calls) add(name, arguments string) {
	c.names, c.pieces = append(c.names, name), append(c.pieces, arguments)
}

// whole returns the calls, with the arguments as values. None at all are an empty object.
func (c *calls) whole() (all []called) {
	for i, name := range c.names {
		var v any
		if err := json.Unmarshal([]byte(c.pieces[i]), &v); err != nil {
			v = map[string]any{}
		}
		all = append(all, called{name, v})
	}
	return all
}

func saidInChat(all []gjson.Result) (s said) {
	var c calls
	for _, d := range all {
		choice := d.Get("choices.0")
		for _, m := range []gjson.Result{choice.Get("message"), choice.Get("delta")} {
			s.Text += m.Get("content").String()
			for position, call := range m.Get("tool_calls").Array() {
				if index := call.Get("index"); index.Exists() {
					position = int(index.Int())
				}
				at := c.at(position)
				c.names[at] += call.Get("function.name").String()
				c.pieces[at] += call.Get("function.arguments").String()
			}
		}
		if finish := choice.Get("finish_reason").String(); finish != "" {
			s.Finish = finish
		}
		u := d.Get("usage")
		if !u.IsObject() {
			u = d.Get("x_groq.usage")
		}
		if u.IsObject() {
			input := u.Get("prompt_tokens").Int()
			s.Usage = usage{
				// The total includes reasoning also where a vendor counts it beside the completion.
				Input: input, Output: u.Get("total_tokens").Int() - input,
				Cached:    max(u.Get("prompt_tokens_details.cached_tokens").Int(), u.Get("prompt_cache_hit_tokens").Int(), u.Get("cached_tokens").Int()),
				Reasoning: u.Get("completion_tokens_details.reasoning_tokens").Int(),
			}
		}
	}
	s.Calls = c.whole()
	return s
}

func saidInResponses(all []gjson.Result) (s said) {
	for _, d := range all {
		r := d.Get("response")
		if d.Get("object").String() == "response" {
			r = d
		}
		status := r.Get("status").String()
		if status == "" || status == "in_progress" || status == "queued" {
			continue
		}
		var c calls
		s = said{Finish: status}
		for _, item := range r.Get("output").Array() {
			switch item.Get("type").String() {
			case "message":
				for _, part := range item.Get("content").Array() {
					s.Text += part.Get("text").String()
				}
			case "function_call":
				c.add(item.Get("name").String(), item.Get("arguments").String())
			}
		}
		s.Calls = c.whole()
		u := r.Get("usage")
		s.Usage = usage{
			u.Get("input_tokens").Int(), u.Get("output_tokens").Int(),
			u.Get("input_tokens_details.cached_tokens").Int(), u.Get("output_tokens_details.reasoning_tokens").Int(),
		}
	}
	return s
}

func saidInMessages(all []gjson.Result) (s said) {
	var c calls
	counts := make(map[string]int64)
	use := func(u gjson.Result) {
		u.ForEach(func(name, n gjson.Result) bool {
			if n.Type == gjson.Number {
				counts[name.String()] = n.Int()
			}
			return true
		})
	}
	stop := ""
	for _, d := range all {
		switch d.Get("type").String() {
		case "message":
			for _, block := range d.Get("content").Array() {
				s.Text += block.Get("text").String()
				if block.Get("type").String() == "tool_use" {
					c.add(block.Get("name").String(), block.Get("input").Raw)
				}
			}
			stop = d.Get("stop_reason").String()
			use(d.Get("usage"))
		case "message_start":
			use(d.Get("message.usage"))
		case "content_block_start":
			if block := d.Get("content_block"); block.Get("type").String() == "tool_use" {
				c.add(block.Get("name").String(), "")
			}
		case "content_block_delta":
			s.Text += d.Get("delta.text").String()
			if piece := d.Get("delta.partial_json").String(); piece != "" && len(c.pieces) > 0 {
				c.pieces[len(c.pieces)-1] += piece
			}
		case "message_delta":
			stop = d.Get("delta.stop_reason").String()
			use(d.Get("usage"))
		}
	}
	s.Finish = map[string]string{"end_turn": "stop", "stop_sequence": "stop", "tool_use": "tool_calls", "max_tokens": "length"}[stop]
	s.Calls = c.whole()
	s.Usage = usage{
		Input:  counts["input_tokens"] + counts["cache_read_input_tokens"] + counts["cache_creation_input_tokens"],
		Output: counts["output_tokens"], Cached: counts["cache_read_input_tokens"],
	}
	return s
}

func saidInGemini(all []gjson.Result) (s said) {
	var c calls
	for _, d := range all {
		candidate := d.Get("candidates.0")
		for _, part := range candidate.Get("content.parts").Array() {
			if call := part.Get("functionCall"); call.Exists() {
				c.add(call.Get("name").String(), call.Get("args").Raw)
			} else if !part.Get("thought").Bool() {
				s.Text += part.Get("text").String()
			}
		}
		if reason := candidate.Get("finishReason").String(); reason != "" {
			s.Finish = map[string]string{"STOP": "stop", "MAX_TOKENS": "length"}[reason]
		}
		if u := d.Get("usageMetadata"); u.Get("promptTokenCount").Exists() {
			thoughts := u.Get("thoughtsTokenCount").Int()
			s.Usage = usage{
				u.Get("promptTokenCount").Int() + u.Get("toolUsePromptTokenCount").Int(), u.Get("candidatesTokenCount").Int() + thoughts,
				u.Get("cachedContentTokenCount").Int(), thoughts,
			}
		}
	}
	s.Calls = c.whole()
	if len(s.Calls) > 0 && s.Finish == "stop" {
		s.Finish = "tool_calls"
	}
	return s
}

// chatOfMessages is the request as the front door for Anthropic's clients reads it.
// What it cannot read has no words in chat, such as a search by Anthropic: then a greeting is
// asked, as the answer that is replayed is the same.
func chatOfMessages(t *testing.T, r *recorded) string {
	t.Helper()
	q, err := messages.NewFrontDoor().Question([]byte(r.replayed.Request.Body))
	if err != nil {
		t.Logf("%s: asked with a greeting, as %v", r.name, err)
		return chatBody(r.stream, []any{map[string]any{"role": "user", "content": "Hi"}}, nil)
	}
	body := string(q.Body)
	if r.stream && !gjson.Get(body, "stream").Bool() { // Vertex AI says it by the path
		body = `{"stream":true,"stream_options":{"include_usage":true},` + body[1:]
	}
	return body
}

// messagesOfInvoke is a request to Bedrock with what its path has said.
func messagesOfInvoke(_ *testing.T, r *recorded) string {
	return fmt.Sprintf(`{"model":"claude","stream":%t,`, r.stream) + strings.TrimPrefix(r.replayed.Request.Body, "{")
}

// chatOfGemini is the conversation of a request to Google, with its tools and its schema.
func chatOfGemini(_ *testing.T, r *recorded) string {
	body := r.replayed.Request.Body
	var history []any
	for _, part := range gjson.Get(body, "systemInstruction.parts").Array() {
		history = append(history, map[string]any{"role": "system", "content": part.Get("text").String()})
	}
	ids, answered := 0, 0
	for _, content := range gjson.Get(body, "contents").Array() {
		for _, part := range content.Get("parts").Array() {
			switch call, result := part.Get("functionCall"), part.Get("functionResponse"); {
			case call.Exists():
				ids++
				history = append(history, map[string]any{"role": "assistant", "tool_calls": []any{map[string]any{
					"id": callID(ids), "type": "function", "function": map[string]any{"name": call.Get("name").String(), "arguments": call.Get("args").Raw},
				}}})
			case result.Exists():
				answered++
				history = append(history, map[string]any{"role": "tool", "tool_call_id": callID(answered), "content": result.Get("response").Raw})
			case part.Get("inlineData").Exists():
				history = append(history, map[string]any{"role": "user", "content": []any{map[string]any{
					"type": "image_url", "image_url": map[string]any{"url": "data:" + part.Get("inlineData.mimeType").String() + ";base64," + part.Get("inlineData.data").String()},
				}}})
			case content.Get("role").String() == "model":
				history = append(history, map[string]any{"role": "assistant", "content": part.Get("text").String()})
			default:
				history = append(history, map[string]any{"role": "user", "content": part.Get("text").String()})
			}
		}
	}
	more := make(map[string]any)
	var tools []any
	for _, f := range gjson.Get(body, "tools.#.functionDeclarations|@flatten").Array() {
		tools = append(tools, map[string]any{"type": "function", "function": map[string]any{
			"name": f.Get("name").String(), "description": f.Get("description").String(),
			"parameters": json.RawMessage(strings.NewReplacer(`"OBJECT"`, `"object"`, `"STRING"`, `"string"`, `"INTEGER"`, `"integer"`,
				`"NUMBER"`, `"number"`, `"ARRAY"`, `"array"`, `"BOOLEAN"`, `"boolean"`).Replace(f.Get("parameters").Raw)),
		}})
	}
	if tools != nil {
		more["tools"] = tools
	}
	if schema := gjson.Get(body, "generationConfig.responseJsonSchema"); schema.Exists() {
		more["response_format"] = map[string]any{"type": "json_schema", "json_schema": map[string]any{"name": "x", "schema": json.RawMessage(schema.Raw)}}
	}
	return chatBody(r.stream, history, more)
}

func callID(n int) string { return "call_" + string(rune('0'+n%10)) + string(rune('0'+n/10)) }

// chatBody is a request of chat.
func chatBody(stream bool, history []any, more map[string]any) string {
	body := map[string]any{"messages": history}
	if stream {
		body["stream"], body["stream_options"] = true, map[string]any{"include_usage": true}
	}
	for name, v := range more {
		body[name] = v
	}
	return text(body)
}
