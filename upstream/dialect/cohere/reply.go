package cohere

import (
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/failure"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// Reply implements dialect.Translator.
//
// The model's plan for its tools is the text of the message, and what it thinks comes back as
// reasoning_content and reasoning_details. Citations are a member of the message, in Cohere's
// form: chat has none for sources that are no pages of the web.
func (t translator) Reply(body []byte) ([]byte, error) {
	var doc llm.Document
	if err := dialect.Read(&doc, body); err != nil {
		return nil, err
	}
	get := func(name string) gjson.Result {
		raw, _ := doc.Get(name)
		return gjson.ParseBytes(raw)
	}
	message, reason := get("message"), get("finish_reason").Str
	if !message.IsObject() {
		return nil, dialect.ErrMalformed
	}
	if err := failed(reason, get("error")); err != nil {
		return nil, err
	}
	var a hub.Reply
	if plan := message.Get("tool_plan"); hub.Inside(plan) != "" {
		a.AddText(plan.Raw[1 : len(plan.Raw)-1])
	}
	hub.Each(message.Get("content"), func(part gjson.Result) bool {
		switch text, thought := part.Get("text"), part.Get("thinking"); part.Get("type").Str {
		case "text":
			a.AddText(hub.Inside(text))
		case "thinking":
			a.Thought = append(a.Thought, hub.Inside(thought)...)
			a.AddDetail(hub.Detail[string]{Text: hub.StringOr(thought, `""`), Format: thoughtFormat})
		}
		return true
	})
	hub.Each(message.Get("tool_calls"), func(call gjson.Result) bool {
		function := call.Get("function")
		input, ok := hub.ArgumentsObject(function.Get("arguments"))
		if !ok {
			input = function.Get("arguments").Str // the client tells the model what is wrong with it
		}
		a.AddCall(hub.StringOr(call.Get("id"), `""`), hub.StringOr(function.Get("name"), `""`), input)
		return true
	})
	if citations := message.Get("citations"); citations.IsArray() && !dialect.IsEmpty([]byte(citations.Raw)) {
		a.More = hub.Member(nil, "citations", citations.Raw)
	}
	return a.Append(make([]byte, 0, len(body)+512), t.head(get("id")), finish(reason, a.Called()), usage(get("usage"))), nil
}

// failed returns a *dialect.ReportedError for an answer that did not come to its end, nil for any
// other. message is what Cohere says of it.
func failed(reason string, message gjson.Result) error {
	if reason != "ERROR" && reason != "TIMEOUT" {
		return nil
	}
	f := failure.Failure{Class: failure.Server, Code: reason, Message: message.Str}
	if f.Message == "" {
		f.Message = "The model has failed."
	}
	return &dialect.ReportedError{Failure: f}
}
