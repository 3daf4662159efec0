// Package completions is OpenAI's legacy completions as clients speak them, answered by way of
// chat: the prompt becomes a user's message, and the model's answer the completion. It is for
// providers that have chat alone. A model of chat answers a prompt rather than going on with
// it, and what hangs on going on with a text, such as echo and suffix, is refused.
//
// Source: https://platform.openai.com/docs/api-reference/completions.
package completions

import (
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// NewFrontDoor returns what translates completions into chat, and replies back. It serves
// POST /v1/completions.
func NewFrontDoor() dialect.FrontDoor { return frontDoor{} }

type frontDoor struct{}

// refusal returns why a member of a request cannot be said in chat, "" when it asks for
// nothing that chat has not.
func refusal(name string, value gjson.Result) string {
	switch name {
	case "echo":
		if value.Type != gjson.False {
			return "is not possible where only chat answers"
		}
	case "suffix":
		if value.Type != gjson.String || value.Str != "" {
			return "is not possible where only chat answers"
		}
	case "best_of":
		if value.Raw != "1" {
			return "is not possible where only chat answers"
		}
	case "logprobs":
		if value.Type != gjson.False {
			return "have another form where only chat answers"
		}
	}
	return ""
}

// Question implements dialect.FrontDoor. A list of one text is that text. Members whose names
// and meaning chat shares, and those that nobody knows, are passed on. Without max_tokens the
// model ends where it will, and not after the 16 tokens of OpenAI's completions.
func (frontDoor) Question(body []byte) (dialect.Translated, error) {
	if _, err := llm.ParseJSON(body); err != nil {
		return dialect.Translated{}, err
	}
	b := append(make([]byte, 0, len(body)+64), '{')
	asked := false
	var err error
	gjson.ParseBytes(body).ForEach(func(name, value gjson.Result) bool {
		if value.Type == gjson.Null {
			return true
		}
		switch name.Str {
		case "prompt":
			if value, err = prompt(value); err != nil {
				return false
			}
			b = append(append(hub.Comma(b), `"messages":[{"role":"user","content":`...), value.Raw...)
			b = append(b, `}]`...)
			asked = true
		case "echo", "suffix", "best_of", "logprobs":
			if why := refusal(name.Str, value); why != "" {
				err = &dialect.UnsupportedError{Field: name.Str, Why: why}
			}
		default:
			b = append(append(append(hub.Comma(b), name.Raw...), ':'), value.Raw...)
		}
		return err == nil
	})
	if err == nil && !asked {
		err = llm.NewError(llm.CodeInvalidJSON, "The body lacks prompt, a text.").WithParam("prompt")
	}
	if err != nil {
		return dialect.Translated{}, err
	}
	return dialect.Translated{Body: append(b, '}')}, nil
}

// prompt returns the one text of a prompt.
func prompt(v gjson.Result) (gjson.Result, error) {
	why := "is not a text, and only chat answers"
	if v.IsArray() {
		list := v.Array()
		switch {
		case len(list) == 1 && list[0].Type == gjson.String:
			v = list[0]
		case len(list) > 1 && list[0].Type == gjson.String:
			why = "is several prompts, and only chat answers, which takes one"
		case len(list) > 0:
			why = "is tokens, and only chat answers, which takes texts"
		}
	}
	if v.Type != gjson.String {
		return v, &dialect.UnsupportedError{Field: "prompt", Why: why}
	}
	return v, nil
}

// Answer implements dialect.FrontDoor. Its error is dialect.ErrMalformed, or a
// *dialect.ReportedError for a reply that is an error.
func (frontDoor) Answer(body []byte) ([]byte, error) {
	var doc llm.Document
	if err := dialect.Read(&doc, body); err != nil {
		return nil, err
	}
	choices, _ := doc.Get("choices")
	b, n := appendChoices(head(make([]byte, 0, len(body)), &doc), gjson.ParseBytes(choices), "message")
	if n == 0 {
		return nil, dialect.ErrMalformed
	}
	return tail(b, &doc), nil
}

// head begins a reply or an event, up to its choices.
func head(b []byte, doc *llm.Document) []byte {
	b = append(b, '{')
	for _, name := range []string{"id", "created", "model", "system_fingerprint", "service_tier"} {
		if raw, ok := doc.Get(name); ok {
			b = append(append(append(hub.Comma(b), '"'), name...), `":`...)
			b = append(b, raw...)
		}
	}
	return append(hub.Comma(b), `"object":"text_completion","choices":[`...)
}

// tail ends a reply or an event, with the usage if chat says one.
func tail(b []byte, doc *llm.Document) []byte {
	b = append(b, ']')
	if usage, ok := doc.Get("usage"); ok {
		b = append(append(b, `,"usage":`...), usage...)
	}
	return append(b, '}')
}

// appendChoices appends the choices of chat, whose texts are in the member message or delta,
// and returns how many have anything to say: choices of a stream that only say a role do not.
func appendChoices(b []byte, choices gjson.Result, from string) ([]byte, int) {
	n := 0
	choices.ForEach(func(_, v gjson.Result) bool {
		said := v.Get(from)
		text, finish, index := text(said), v.Get("finish_reason"), v.Get("index")
		if from == "delta" && text == "" && finish.Type != gjson.String {
			return true
		}
		if !said.IsObject() {
			return true
		}
		b = append(append(append(hub.Comma(b), `{"text":"`...), text...), `","index":`...)
		if index.Type != gjson.Number {
			index.Raw = "0"
		}
		b = append(append(b, index.Raw...), `,"logprobs":null,"finish_reason":`...)
		if finish.Type != gjson.String {
			finish.Raw = "null"
		}
		b = append(append(b, finish.Raw...), '}')
		n++
		return true
	})
	return b, n
}

// text returns what a message or a delta says, as it stands between quotes: its content, or
// why there is none.
func text(said gjson.Result) string {
	content := said.Get("content")
	if content.IsArray() {
		all := ""
		content.ForEach(func(_, part gjson.Result) bool {
			all += hub.Inside(part.Get("text"))
			return true
		})
		return all
	}
	return hub.Inside(content) + hub.Inside(said.Get("refusal"))
}

// Events implements dialect.FrontDoor.
func (frontDoor) Events() dialect.Stream { return new(events) }

// events turns chunks of chat into those of completions.
type events struct {
	doc  llm.Document
	done bool
}

// Event implements dialect.Stream.
func (s *events) Event(b []byte, name, data []byte) ([]byte, error) {
	end, err := hub.ReadChunk(&s.doc, name, data)
	switch {
	case err != nil:
		return b, err
	case end:
		return s.End(b), nil
	}
	choices, _ := s.doc.Get("choices")
	before := len(b)
	b, n := appendChoices(head(append(b, "data: "...), &s.doc), gjson.ParseBytes(choices), "delta")
	if usage, ok := s.doc.Get("usage"); n == 0 && (!ok || string(usage) == "null") {
		return b[:before], nil
	}
	return append(hub.OneLine(tail(b, &s.doc), before), "\n\n"...), nil
}

// End implements dialect.Stream.
func (s *events) End(b []byte) []byte {
	if s.done {
		return b
	}
	s.done = true
	return append(b, hub.Done...)
}

// AppendError implements dialect.FrontDoor.
func (frontDoor) AppendError(b []byte, e *llm.Error) []byte { return e.AppendJSON(b) }

var (
	_ dialect.FrontDoor = frontDoor{}
	_ dialect.Stream    = (*events)(nil)
)
