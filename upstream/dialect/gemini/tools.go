package gemini

import (
	"fmt"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// tools appends the functions that may be called and how: tools, tool_choice and
// parallel_tool_calls. strict is passed over: Gemini keeps to schemas as it does.
func (r *request) tools(b []byte) ([]byte, error) {
	list, choice, parallel := r.take("tools"), r.take("tool_choice"), r.take("parallel_tool_calls")
	if len(list.Array()) == 0 {
		return b, nil
	}
	if parallel.Type == gjson.False {
		return b, &dialect.UnsupportedError{Field: "parallel_tool_calls", Why: "Gemini may call several tools at once"}
	}
	b = append(member(b, "tools"), `[{"functionDeclarations":[`...)
	for i, tool := range list.Array() {
		f := tool.Get("function")
		if kind := tool.Get("type").String(); kind != "function" || !f.IsObject() {
			return b, &dialect.UnsupportedError{Field: fmt.Sprintf("tools[%d]", i), Why: "Gemini has no tool of type " + shorten(kind)}
		}
		b = raw(append(element(b), '{'), "name", f.Get("name").Raw)
		if d := f.Get("description"); given(d) {
			b = raw(b, "description", d.Raw)
		}
		if p := f.Get("parameters"); !takesNothing(p) {
			b = appendSchema(member(b, "parametersJsonSchema"), p)
		}
		b = append(b, '}')
	}
	b = append(b, `]}]`...)
	r.calls = choice.String() != "none"
	return appendChoice(b, choice)
}

// appendChoice appends how functions are called. Google's ANY is OpenAI's required, and
// VALIDATED lets the model answer or call, with only the functions named
// (source: https://ai.google.dev/api/caching#FunctionCallingConfig).
func appendChoice(b []byte, choice gjson.Result) ([]byte, error) {
	mode, names := "", []byte(nil)
	switch kind := choice.Get("type").String(); {
	case !given(choice), choice.String() == "auto":
		if !given(choice) {
			return b, nil
		}
		mode = "AUTO"
	case choice.String() == "none":
		mode = "NONE"
	case choice.String() == "required":
		mode = "ANY"
	case kind == "function" && choice.Get("function.name").Type == gjson.String:
		mode, names = "ANY", []byte(choice.Get("function.name").Raw)
	case kind == "allowed_tools":
		mode = map[string]string{"auto": "VALIDATED", "required": "ANY"}[choice.Get("allowed_tools.mode").String()]
		for _, tool := range choice.Get("allowed_tools.tools").Array() {
			name := tool.Get("function.name")
			if tool.Get("type").String() != "function" || name.Type != gjson.String {
				mode = ""
			}
			names = append(element(names), name.Raw...)
		}
	}
	if mode == "" {
		return b, &dialect.UnsupportedError{Field: "tool_choice", Why: "Gemini has no such choice of tools"}
	}
	b = append(member(b, "toolConfig"), `{"functionCallingConfig":{"mode":"`...)
	b = append(append(b, mode...), '"')
	if len(names) > 0 {
		b = append(append(append(member(b, "allowedFunctionNames"), '['), names...), ']')
	}
	return append(b, `}}`...), nil
}

// call is a call of the history.
type call struct{ id, name string }

// result is the result of a call.
type result struct {
	call int // in conversation.calls
	part []byte
}

// call returns the part for a call of an assistant message, and remembers it.
//
// The id goes along when it was Google's, or another vendor's; one that was made up for want
// of Google's own does not. Arguments that are no JSON object, as some models have written
// them, are an object with the one member arguments, since the history must not become
// impossible to send.
func (c *conversation) call(v gjson.Result, field, signature string) ([]byte, error) {
	f := v.Get("function")
	if kind := v.Get("type").String(); kind != "" && kind != "function" || !f.IsObject() {
		return nil, &dialect.UnsupportedError{Field: field, Why: "Gemini has no call of type " + shorten(kind)}
	}
	id, name := v.Get("id").String(), f.Get("name").String()
	c.calls = append(c.calls, call{id, name})
	b := appendID([]byte(`{"functionCall":{`), id)
	b = llm.AppendString(member(b, "name"), name)
	b = member(b, "args")
	switch args := f.Get("arguments").String(); {
	case isObject(args):
		b = append(b, args...)
	case strings.TrimSpace(args) == "", strings.TrimSpace(args) == "null":
		b = append(b, `{}`...)
	default:
		b = append(llm.AppendString(append(b, `{"arguments":`...), args), '}')
	}
	b = append(b, '}')
	return append(raw(b, "thoughtSignature", signature), '}'), nil
}

// appendID appends the id of a call or a result, if it is not one of ours.
func appendID(b []byte, id string) []byte {
	if id == "" || strings.HasPrefix(id, callPrefix) {
		return b
	}
	return llm.AppendString(member(b, "id"), id)
}

// result keeps the result in a tool message until the row of them ends. Google wants the
// function's name, which OpenAI does not repeat: it is that of the call.
func (c *conversation) result(m message) error {
	id := m.callID.String()
	at := len(c.calls) - 1
	for at >= 0 && c.calls[at].id != id {
		at--
	}
	name := m.name.String()
	if at >= 0 {
		name = c.calls[at].name
	}
	if name == "" {
		return &dialect.UnsupportedError{Field: m.path + ".tool_call_id", Why: "no call of the history has this id, and Gemini wants the function's name"}
	}
	text, err := resultText(m)
	if err != nil {
		return err
	}
	b := appendID([]byte(`{"functionResponse":{`), id)
	b = llm.AppendString(member(b, "name"), name)
	b = appendResponse(member(b, "response"), text)
	c.results = append(c.results, result{call: at, part: append(b, `}}`...)})
	return nil
}

// resultText joins the texts of a tool message.
func resultText(m message) (string, error) {
	if m.content.Type == gjson.String {
		return m.content.Str, nil
	}
	var text strings.Builder
	for i, p := range m.content.Array() {
		if p.Get("type").String() != "text" {
			return "", &dialect.UnsupportedError{Field: fmt.Sprintf("%s.content[%d]", m.path, i), Why: "only text is translated in a tool's result"}
		}
		text.WriteString(p.Get("text").String())
	}
	return text.String(), nil
}

// appendResponse appends a function's response, which must be an object. A result that is an
// object is the response, but for one that has a member output or error beside others: to
// Google these two are words for the whole result, and it would not look at the others. Any
// other result is the member output
// (source: https://cloud.google.com/vertex-ai/docs/reference/rest/v1/Content#functionresponse).
func appendResponse(b []byte, text string) []byte {
	if !isObject(text) {
		return append(llm.AppendString(append(b, `{"output":`...), text), '}')
	}
	members, reserved := 0, false
	gjson.Parse(text).ForEach(func(name, _ gjson.Result) bool {
		members++
		reserved = reserved || name.Str == "output" || name.Str == "error"
		return true
	})
	if reserved && members > 1 {
		return append(append(append(b, `{"output":`...), text...), '}')
	}
	return append(b, text...)
}
