package messages

import (
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// Reply implements dialect.Translator.
//
// The texts of a reply are joined. Thinking comes back twice: as reasoning_content, which
// people read, and as reasoning_details, which a client sends back with the message so that
// the model can go on thinking. Calls of tools that Anthropic runs itself, their results and
// citations are left out; the text that was written with them stays.
func (t translator) Reply(body []byte) ([]byte, error) {
	var doc llm.Document
	if llm.ParseReplyInto(&doc, body) != nil {
		return nil, dialect.ErrMalformed
	}
	if err := dialect.ReadError(body); err != nil {
		return nil, err
	}
	root := gjson.ParseBytes(body)
	content := root.Get("content")
	if !content.IsArray() {
		return nil, dialect.ErrMalformed
	}
	var a answer
	content.ForEach(func(_, block gjson.Result) bool {
		a.block(block)
		return true
	})
	b := make([]byte, 0, len(body)+512)
	b = append(b, `{"id":`...)
	b = append(b, stringOr(root.Get("id"), `""`)...)
	b = append(b, `,"object":"chat.completion","created":`...)
	b = strconv.AppendInt(b, t.now().Unix(), 10)
	b = append(b, `,"model":`...)
	b = append(b, stringOr(root.Get("model"), `""`)...)
	b = append(b, `,"choices":[{"index":0,"message":{"role":"assistant","content":`...)
	b = a.appendTo(b, stringOr(root.Get("stop_details.explanation"), "null"))
	b = append(b, `},"logprobs":null,"finish_reason":"`...)
	b = append(b, finish(root.Get("stop_reason").Str, a.calls > 0)...)
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

func (a *answer) block(block gjson.Result) {
	switch block.Get("type").Str {
	case "text":
		a.said = true
		a.text = append(a.text, inside(block.Get("text"))...)
	case "thinking":
		text := inside(block.Get("thinking"))
		a.thought = append(a.thought, text...)
		a.details = append(comma(a.details), `{"type":"reasoning.text","text":"`...)
		a.details = append(append(a.details, text...), '"')
		if signature := block.Get("signature"); inside(signature) != "" {
			a.details = member(a.details, "signature", signature.Raw)
		}
		a.details = appendFormat(a.details, a.parts)
		a.parts++
	case "redacted_thinking":
		a.details = append(comma(a.details), `{"type":"reasoning.encrypted","data":`...)
		a.details = append(a.details, stringOr(block.Get("data"), `""`)...)
		a.details = appendFormat(a.details, a.parts)
		a.parts++
	case "tool_use":
		a.call(block)
	}
}

// appendFormat appends the end of a reasoning detail.
func appendFormat(b []byte, index int) []byte {
	b = append(b, `,"format":"`+detailFormat+`","index":`...)
	return append(strconv.AppendInt(b, int64(index), 10), '}')
}

func (a *answer) call(block gjson.Result) {
	input := "{}"
	if v := block.Get("input"); v.IsObject() {
		input = v.Raw
	}
	if block.Get("name").Str == answerTool {
		a.said = true
		quoted := llm.AppendString(nil, input)
		a.text = append(a.text, quoted[1:len(quoted)-1]...)
		return
	}
	a.tools = append(comma(a.tools), `{"id":`...)
	a.tools = append(a.tools, stringOr(block.Get("id"), `""`)...)
	a.tools = append(a.tools, `,"type":"function","function":{"name":`...)
	a.tools = append(a.tools, stringOr(block.Get("name"), `""`)...)
	a.tools = append(a.tools, `,"arguments":`...)
	a.tools = append(llm.AppendString(a.tools, input), "}}"...)
	a.calls++
}

// appendTo appends the rest of the hub's message from the value of its content on.
func (a *answer) appendTo(b []byte, refusal string) []byte {
	if a.said || a.calls == 0 {
		b = append(append(append(b, '"'), a.text...), '"')
	} else {
		b = append(b, "null"...)
	}
	b = member(b, "refusal", refusal)
	if len(a.thought) > 0 {
		b = append(b, `,"reasoning_content":"`...)
		b = append(append(b, a.thought...), '"')
	}
	b = list(b, "reasoning_details", a.details)
	return list(b, "tool_calls", a.tools)
}

// finish is the hub's finish reason for a stop reason; one that is not known is a stop. A
// model that was made to call the gateway's own tool has answered, and called nothing.
// Source: https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons.
func finish(stopReason string, called bool) string {
	switch stopReason {
	case "max_tokens", "model_context_window_exceeded":
		return "length"
	case "refusal":
		return "content_filter"
	case "tool_use", "":
		if called {
			return "tool_calls"
		}
	}
	return "stop"
}
