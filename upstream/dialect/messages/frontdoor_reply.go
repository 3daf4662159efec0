package messages

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// Answer implements dialect.FrontDoor. Its error is dialect.ErrMalformed, or a
// *dialect.ReportedError for a reply that is an error. Of several choices the first counts.
//
// Thinking without a signature of Anthropic's, as other vendors' models give it, becomes
// blocks with an empty signature: people can read it, and when it comes back it stays out.
func (frontDoor) Answer(body []byte) ([]byte, error) {
	var doc llm.Document
	if err := dialect.Read(&doc, body); err != nil {
		return nil, err
	}
	root := gjson.ParseBytes(body)
	choice := root.Get("choices.0")
	message := choice.Get("message")
	if !message.IsObject() {
		return nil, dialect.ErrMalformed
	}
	b := make([]byte, 0, len(body)+256)
	b = append(b, `{"id":`...)
	b = appendMessageID(b, root.Get("id"))
	b = append(b, `,"type":"message","role":"assistant","model":`...)
	b = append(b, hub.StringOr(root.Get("model"), `""`)...)
	b = append(b, `,"content":[`...)
	b = appendThinking(b, message)
	content := message.Get("content")
	b = textBlock(b, content, gjson.Result{})
	if content.IsArray() {
		content.ForEach(func(_, part gjson.Result) bool {
			b = textBlock(b, part.Get("text"), gjson.Result{})
			return true
		})
	}
	b = textBlock(b, message.Get("refusal"), gjson.Result{})
	calls := 0
	hub.Each(message.Get("tool_calls"), func(call gjson.Result) bool {
		b = appendToolUse(b, call)
		calls++
		return true
	})
	b = append(b, `],"stop_reason":"`...)
	b = append(b, stopReason(choice.Get("finish_reason").Str, calls > 0)...)
	b = append(b, `","stop_sequence":null,"usage":`...)
	var u llm.Usage
	hub.ReadUsage(&doc, &u)
	return append(appendMessages(b, u), '}'), nil
}

// appendMessageID appends an id as Anthropic's begin.
func appendMessageID(b []byte, id gjson.Result) []byte {
	if strings.HasPrefix(id.Str, "msg_") {
		return append(b, id.Raw...)
	}
	return append(append(append(b, `"msg_`...), hub.Inside(id)...), '"')
}

// appendThinking appends what a message of the hub says of its reasoning, in the form that
// keeps the signatures where there is one.
func appendThinking(b []byte, message gjson.Result) []byte {
	before := len(b)
	hub.Each(message.Get("reasoning_details"), func(d gjson.Result) bool {
		switch d.Get("type").Str {
		case "reasoning.text":
			b = append(hub.Comma(b), `{"type":"thinking","thinking":`...)
			b = append(b, hub.StringOr(d.Get("text"), `""`)...)
			b = append(hub.Member(b, "signature", hub.StringOr(d.Get("signature"), `""`)), '}')
		case "reasoning.encrypted":
			b = append(hub.Comma(b), `{"type":"redacted_thinking","data":`...)
			b = append(append(b, hub.StringOr(d.Get("data"), `""`)...), '}')
		case "reasoning.summary":
			b = append(hub.Comma(b), `{"type":"thinking","thinking":`...)
			b = append(append(b, hub.StringOr(d.Get("summary"), `""`)...), `,"signature":""}`...)
		}
		return true
	})
	if len(b) > before {
		return b
	}
	for _, name := range [...]string{"reasoning_content", "reasoning"} {
		if text := message.Get(name); hub.Inside(text) != "" {
			b = append(hub.Comma(b), `{"type":"thinking","thinking":`...)
			return append(append(b, text.Raw...), `,"signature":""}`...)
		}
	}
	return b
}

// appendToolUse appends a call of the hub's. Arguments that are no JSON object become what
// Anthropic's documentation asks to send for such input, an object around the text
// (source: https://platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming).
func appendToolUse(b []byte, call gjson.Result) []byte {
	b = append(hub.Comma(b), `{"type":"tool_use","id":`...)
	b = append(b, hub.StringOr(call.Get("id"), `""`)...)
	b = append(b, `,"name":`...)
	b = append(b, hub.StringOr(call.Get("function.name"), `""`)...)
	b = append(b, `,"input":`...)
	arguments := call.Get("function.arguments")
	if input, ok := hub.ArgumentsObject(arguments); ok {
		return append(append(b, input...), '}')
	}
	b = append(b, `{"INVALID_JSON":`...)
	return append(append(b, hub.StringOr(arguments, `""`)...), "}}"...)
}

// stopReason is the stop reason for a finish reason of the hub; one that is not known is the
// end of the turn. Some vendors say stop when the model calls tools.
func stopReason(finish string, called bool) string {
	switch finish {
	case "length":
		return "max_tokens"
	case "content_filter":
		return "refusal"
	}
	if called {
		return "tool_use"
	}
	return "end_turn"
}
