package converse

import (
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/claude"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// Reply implements dialect.Translator.
//
// The texts of a reply are joined, also those with citations. Reasoning comes back twice: as
// reasoning_content, which people read, and as reasoning_details, which a client sends back
// with the message so that the model can go on reasoning. Calls of tools that Bedrock runs
// itself and their results are left out.
func (t translator) Reply(body []byte) ([]byte, error) {
	var doc llm.Document
	if err := dialect.Read(&doc, body); err != nil {
		return nil, err
	}
	root := gjson.ParseBytes(body)
	content := root.Get("output.message.content")
	if !content.IsArray() {
		return nil, dialect.ErrMalformed
	}
	var a hub.Reply
	content.ForEach(func(_, block gjson.Result) bool {
		addBlock(&a, block)
		return true
	})
	var usage counted
	usage.add(root.Get("usage"))
	reason := finish(root.Get("stopReason").Str, a.Called())
	return a.Append(make([]byte, 0, len(body)+512), t.head(), reason, usage.Usage()), nil
}

// addBlock adds one block, whose only member says what it is.
func addBlock(a *hub.Reply, block gjson.Result) {
	block.ForEach(func(key, v gjson.Result) bool {
		switch key.Str {
		case "text":
			a.AddText(hub.Inside(v))
		case "citationsContent":
			v.Get("content").ForEach(func(_, part gjson.Result) bool {
				a.AddText(hub.Inside(part.Get("text")))
				return true
			})
		case "reasoningContent":
			addReasoning(a, v)
		case "toolUse":
			addCall(a, v)
		}
		return true
	})
}

func addReasoning(a *hub.Reply, v gjson.Result) {
	if content := v.Get("redactedContent"); content.Type == gjson.String {
		a.AddDetail(redactedDetail(content))
		return
	}
	thought := v.Get("reasoningText")
	text := thought.Get("text")
	a.Thought = append(a.Thought, hub.Inside(text)...)
	d := hub.Detail[string]{Text: hub.StringOr(text, `""`)}
	if signature := thought.Get("signature"); hub.Inside(signature) != "" {
		d.Signature, d.Format = signature.Raw, claude.DetailFormat
	}
	a.AddDetail(d)
}

// serverTool is the type of calls that Bedrock answers itself.
const serverTool = "server_tool_use"

func addCall(a *hub.Reply, v gjson.Result) {
	if v.Get("type").Str == serverTool {
		return
	}
	input := "{}"
	if v := v.Get("input"); v.IsObject() {
		input = v.Raw
	}
	a.AddCall(hub.StringOr(v.Get("toolUseId"), `""`), hub.StringOr(v.Get("name"), `""`), input)
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
