package converse

import (
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// Reply implements dialect.Translator.
//
// The texts of a reply are joined, also those with citations. Reasoning comes back twice: as
// reasoning_content, which people read, and as reasoning_details, which a client sends back
// with the message so that the model can go on reasoning. Calls of tools that Bedrock runs
// itself and their results are left out.
func (t translator) Reply(body []byte) ([]byte, error) {
	var doc llm.Document
	if llm.ParseReplyInto(&doc, body) != nil {
		return nil, dialect.ErrMalformed
	}
	if err := dialect.ReadError(body); err != nil {
		return nil, err
	}
	root := gjson.ParseBytes(body)
	content := root.Get("output.message.content")
	if !content.IsArray() {
		return nil, dialect.ErrMalformed
	}
	var a answer
	content.ForEach(func(_, block gjson.Result) bool {
		a.block(block)
		return true
	})
	b := t.appendHead(make([]byte, 0, len(body)+512), "chat.completion")
	b = append(b, `{"index":0,"message":{"role":"assistant","content":`...)
	b = a.appendTo(b)
	b = append(b, `},"logprobs":null,"finish_reason":"`...)
	b = append(b, finish(root.Get("stopReason").Str, a.calls > 0)...)
	b = append(b, `"}]`...)
	var usage counted
	if usage.add(root.Get("usage")); usage.known {
		b = usage.appendHub(append(b, `,"usage":`...))
	}
	return append(b, '}'), nil
}

// answer gathers the blocks of a reply. Texts are kept as they stand in JSON.
type answer struct {
	text, thought  []byte
	details, tools []byte // elements, with commas between them
	parts, calls   int    // how many of each
	said           bool   // there was a text, be it empty
}

// block adds one block, whose only member says what it is.
func (a *answer) block(block gjson.Result) {
	block.ForEach(func(key, v gjson.Result) bool {
		switch key.Str {
		case "text":
			a.said = true
			a.text = append(a.text, inside(v)...)
		case "citationsContent":
			v.Get("content").ForEach(func(_, part gjson.Result) bool {
				a.said = true
				a.text = append(a.text, inside(part.Get("text"))...)
				return true
			})
		case "reasoningContent":
			a.reasoning(v)
		case "toolUse":
			a.call(v)
		}
		return true
	})
}

func (a *answer) reasoning(v gjson.Result) {
	if content := v.Get("redactedContent"); content.Type == gjson.String {
		a.details = appendRedacted(comma(a.details), content, a.parts)
		a.parts++
		return
	}
	thought := v.Get("reasoningText")
	text := inside(thought.Get("text"))
	a.thought = append(a.thought, text...)
	a.details = append(comma(a.details), `{"type":"reasoning.text","text":"`...)
	a.details = append(append(a.details, text...), '"')
	if signature := thought.Get("signature"); inside(signature) != "" {
		a.details = member(a.details, "signature", signature.Raw)
		a.details = member(a.details, "format", `"`+claudeFormat+`"`)
	}
	a.details = appendIndex(a.details, a.parts)
	a.parts++
}

// serverTool is the type of calls that Bedrock answers itself.
const serverTool = "server_tool_use"

func (a *answer) call(v gjson.Result) {
	if v.Get("type").Str == serverTool {
		return
	}
	input := "{}"
	if v := v.Get("input"); v.IsObject() {
		input = v.Raw
	}
	if v.Get("name").Str == answerTool {
		a.said = true
		quoted := llm.AppendString(nil, input)
		a.text = append(a.text, quoted[1:len(quoted)-1]...)
		return
	}
	a.tools = append(comma(a.tools), `{"id":`...)
	a.tools = append(a.tools, orEmpty(v.Get("toolUseId"))...)
	a.tools = append(a.tools, `,"type":"function","function":{"name":`...)
	a.tools = append(a.tools, orEmpty(v.Get("name"))...)
	a.tools = append(a.tools, `,"arguments":`...)
	a.tools = append(llm.AppendString(a.tools, input), "}}"...)
	a.calls++
}

// appendTo appends the rest of the hub's message from the value of its content on.
func (a *answer) appendTo(b []byte) []byte {
	if a.said || a.calls == 0 {
		b = append(append(append(b, '"'), a.text...), '"')
	} else {
		b = append(b, "null"...)
	}
	b = member(b, "refusal", "null")
	if len(a.thought) > 0 {
		b = append(b, `,"reasoning_content":"`...)
		b = append(append(b, a.thought...), '"')
	}
	b = list(b, "reasoning_details", a.details)
	return list(b, "tool_calls", a.tools)
}

// finish is the hub's finish reason for a stop reason; one that is not known is a stop. A
// model that was made to call the gateway's own tool has answered, and called nothing. The
// model's malformed_model_output and malformed_tool_use have no counterpart.
// Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_MessageStopEvent.html.
func finish(stopReason string, called bool) string {
	switch stopReason {
	case "max_tokens", "model_context_window_exceeded":
		return "length"
	case "content_filtered", "guardrail_intervened", "refusal":
		return "content_filter"
	case "tool_use", "":
		if called {
			return "tool_calls"
		}
	}
	return "stop"
}
