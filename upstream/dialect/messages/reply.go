package messages

import (
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/claude"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// Reply implements dialect.Translator.
//
// The texts of a reply are joined. Thinking comes back twice: as reasoning_content, which
// people read, and as reasoning_details, which a client sends back with the message so that
// the model can go on thinking. Calls of tools that Anthropic runs itself, their results and
// citations are left out; the text that was written with them stays.
func (t translator) Reply(body []byte) ([]byte, error) {
	var doc llm.Document
	if err := dialect.Read(&doc, body); err != nil {
		return nil, err
	}
	root := gjson.ParseBytes(body)
	content := root.Get("content")
	if !content.IsArray() {
		return nil, dialect.ErrMalformed
	}
	a := hub.Reply{Refusal: hub.StringOr(root.Get("stop_details.explanation"), "")}
	content.ForEach(func(_, block gjson.Result) bool {
		addBlock(&a, block)
		return true
	})
	var usage counted
	usage.add(root.Get("usage"))
	reason := finish(root.Get("stop_reason").Str, a.Called())
	return a.Append(make([]byte, 0, len(body)+512), t.head(root), reason, usage.Usage()), nil
}

// head returns how a reply is known, from a message.
func (t translator) head(message gjson.Result) hub.Head {
	return hub.Head{
		ID: hub.StringOr(message.Get("id"), `""`), Model: hub.StringOr(message.Get("model"), `""`), Created: t.now().Unix(),
	}
}

// addBlock adds one block to what a reply says.
func addBlock(a *hub.Reply, block gjson.Result) {
	switch block.Get("type").Str {
	case "text":
		a.AddText(hub.Inside(block.Get("text")))
	case "thinking", "redacted_thinking":
		addThinking(a, block)
	case "tool_use":
		a.AddCall(hub.StringOr(block.Get("id"), `""`), hub.StringOr(block.Get("name"), `""`), input(block))
	}
}

// addThinking adds a block of thinking.
func addThinking(a *hub.Reply, block gjson.Result) {
	d := hub.Detail[string]{Format: claude.DetailFormat}
	if block.Get("type").Str == "redacted_thinking" {
		d.Data = hub.StringOr(block.Get("data"), `""`)
	} else {
		text := block.Get("thinking")
		a.Thought = append(a.Thought, hub.Inside(text)...)
		d.Text = hub.StringOr(text, `""`)
		if signature := block.Get("signature"); hub.Inside(signature) != "" {
			d.Signature = signature.Raw
		}
	}
	a.AddDetail(d)
}

// input returns what a tool is called with.
func input(block gjson.Result) string {
	if v := block.Get("input"); v.IsObject() {
		return v.Raw
	}
	return "{}"
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
