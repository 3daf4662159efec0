package gemini

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// tools appends the functions that may be called and how: tools, tool_choice and
// parallel_tool_calls. strict is passed over: Gemini keeps to schemas as it does.
func (r *request) tools(b []byte) ([]byte, error) {
	if !r.in.Tools.Get("0").Exists() {
		return b, nil
	}
	choice, err := r.in.Choice("Gemini has no such choice of tools")
	switch {
	case err != nil:
		return b, err
	case choice.Serial:
		return b, hub.Unsupported("parallel_tool_calls", "Gemini may call several tools at once")
	case choice.AllowsOther:
		return b, hub.Unsupported("tool_choice", "Gemini has no such choice of tools")
	}
	allowed := choice.Allowed
	choice.Allowed = nil // all are declared, and some may be called
	b = append(hub.Name(b, "tools"), `[{"functionDeclarations":[`...)
	err = r.in.EachTool(&choice, func(f hub.Declared) error {
		b = hub.Member(append(hub.Comma(b), '{'), "name", f.Name)
		b = hub.Given(b, "description", f.Description)
		if !takesNothing(f.Parameters) {
			b = appendSchema(hub.Name(b, "parametersJsonSchema"), f.Parameters)
		}
		b = append(b, '}')
		return nil
	}, func(tool gjson.Result) error {
		return hub.Unsupported("", "Gemini has no tool of type "+shorten(tool.Get("type").String()))
	})
	if err != nil {
		return b, err
	}
	r.calls = choice.Mode != hub.None
	choice.Allowed = allowed
	return appendChoice(append(b, `]}]`...), &choice), nil
}

// appendChoice appends how functions are called. Google's ANY is OpenAI's required, and
// VALIDATED lets the model answer or call, with only the functions named
// (source: https://ai.google.dev/api/caching#FunctionCallingConfig).
func appendChoice(b []byte, choice *hub.Choice) []byte {
	mode, names := "", []byte(nil)
	switch choice.Mode {
	case hub.Unsaid:
		return b
	case hub.Auto:
		mode = "AUTO"
		if choice.Allowed != nil {
			mode = "VALIDATED"
		}
	case hub.None:
		mode = "NONE"
	case hub.Required:
		mode = "ANY"
	case hub.Named:
		mode, names = "ANY", []byte(choice.Name)
	}
	for _, name := range choice.Allowed {
		if choice.Mode == hub.None {
			break // Google takes names of what may be called alone
		}
		names = append(hub.Comma(names), name...)
	}
	b = append(hub.Name(b, "toolConfig"), `{"functionCallingConfig":{"mode":"`...)
	b = append(append(b, mode...), '"')
	return append(hub.List(b, "allowedFunctionNames", names), `}}`...)
}

// call is a call of the history.
type call struct{ id, name string } // the name as JSON

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
func (c *conversation) call(v *hub.Call, signature string) []byte {
	c.calls = append(c.calls, call{v.ID, v.Name})
	b := appendID([]byte(`{"functionCall":{`), v.ID)
	b = hub.Name(hub.Member(b, "name", v.Name), "args")
	switch args := v.Arguments.String(); {
	case hub.IsObject(args):
		b = append(b, args...)
	case strings.TrimSpace(args) == "", strings.TrimSpace(args) == "null":
		b = append(b, `{}`...)
	default:
		b = append(llm.AppendString(append(b, `{"arguments":`...), args), '}')
	}
	b = append(b, '}')
	return append(hub.Given(b, "thoughtSignature", signature), '}')
}

// appendID appends the id of a call or a result, if it is not one of ours.
func appendID(b []byte, id string) []byte {
	if id == "" || strings.HasPrefix(id, callPrefix) {
		return b
	}
	return llm.AppendString(hub.Name(b, "id"), id)
}

// result keeps the result in a tool message until the row of them ends. Google wants the
// function's name, which OpenAI does not repeat: it is that of the call.
func (c *conversation) result(m *hub.Message) error {
	id := m.CallID.String()
	at := len(c.calls) - 1
	for at >= 0 && c.calls[at].id != id {
		at--
	}
	name := hub.StringOr(m.Name, "")
	if at >= 0 {
		name = c.calls[at].name
	}
	if name == "" {
		return hub.Unsupported("tool_call_id", "no call of the history has this id, and Gemini wants the function's name")
	}
	var text []byte
	if err := m.EachPart(func(p hub.Part) error {
		if p.Type != "text" {
			return hub.Unsupported("", "only text is translated in a tool's result")
		}
		text = append(text, p.Text.Str...)
		return nil
	}); err != nil {
		return err
	}
	b := appendID([]byte(`{"functionResponse":{`), id)
	b = hub.Name(hub.Member(b, "name", name), "response")
	b = appendResponse(b, string(text))
	c.results = append(c.results, result{call: at, part: append(b, `}}`...)})
	return nil
}

// appendResponse appends a function's response, which must be an object. A result that is an
// object is the response, but for one that has a member output or error beside others: to
// Google these two are words for the whole result, and it would not look at the others. Any
// other result is the member output
// (source: https://cloud.google.com/vertex-ai/docs/reference/rest/v1/Content#functionresponse).
func appendResponse(b []byte, text string) []byte {
	if !hub.IsObject(text) {
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
