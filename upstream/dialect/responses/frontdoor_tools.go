package responses

import (
	"github.com/tidwall/gjson"
)

// freeformInput is the one argument of the function that stands for a custom tool, whose input
// is free text. A call whose arguments begin with it is a call of a custom tool again when it
// goes to the client; the tool keeps its name, which prompts speak of. Only a few of OpenAI's
// models have custom tools in chat, and no other vendor has.
// Source: https://platform.openai.com/docs/guides/function-calling (custom tools).
const freeformInput = "custom_tool_input"

// freeformParameters is the schema of that function.
const freeformParameters = `{"type":"object","properties":{"` + freeformInput +
	`":{"type":"string","description":"The whole input of the tool, as plain text."}},"required":["` +
	freeformInput + `"],"additionalProperties":false}`

// tool writes one tool; namespace is the name of the one that it is in.
func (q *question) tool(tool, namespace gjson.Result, field string) error {
	switch tool.Get("type").Str {
	case "function":
		return q.function(tool, namespace, field)
	case "custom":
		return q.custom(tool, namespace, field)
	case "namespace":
		if present(namespace) {
			return unsupported(field+".type", "is a namespace in a namespace")
		}
		return elements(tool.Get("tools"), func(i int, inner gjson.Result) error {
			return q.tool(inner, tool.Get("name"), indexed(field+".tools", i))
		})
	default:
		return unsupported(field+".type", "chat has no tools of this kind")
	}
}

func (q *question) function(tool, namespace gjson.Result, field string) error {
	name, why := joinName(namespace, tool.Get("name"))
	if why != "" {
		return unsupported(field+".name", why)
	}
	parameters := tool.Get("parameters")
	if parameters.Get("properties." + freeformInput).Exists() {
		return unsupported(field+".parameters.properties."+freeformInput, "is a name that the gateway uses itself")
	}
	b := append(comma(q.tools), `{"type":"function","function":{"name":"`...)
	b = append(append(b, name...), '"')
	tool.ForEach(func(key, value gjson.Result) bool {
		switch {
		case !present(value):
		case key.Str == "description", key.Str == "parameters", key.Str == "strict":
			b = member(b, key.Str, value.Raw)
		case key.Str != "type" && key.Str != "name" && value.Type != gjson.False:
			q.dropped.add("tools." + key.Str)
		}
		return true
	})
	q.tools = append(b, "}}"...)
	return nil
}

// custom writes a custom tool as a function. A grammar of the input cannot be forced, so the
// model is told of it, and it is named as dropped.
func (q *question) custom(tool, namespace gjson.Result, field string) error {
	name, why := joinName(namespace, tool.Get("name"))
	if why != "" {
		return unsupported(field+".name", why)
	}
	about := []byte(inside(tool.Get("description")))
	if format := tool.Get("format"); format.Get("type").Str == "grammar" {
		q.dropped.add("tools.format")
		if len(about) > 0 {
			about = append(about, `\n\n`...)
		}
		grammar := format
		if inner := format.Get("grammar"); inner.IsObject() {
			grammar = inner
		}
		about = append(about, `The input has to follow this grammar, in the syntax of `...)
		about = append(append(about, inside(grammar.Get("syntax"))...), `:\n`...)
		about = append(about, inside(grammar.Get("definition"))...)
	}
	b := append(comma(q.tools), `{"type":"function","function":{"name":"`...)
	b = append(append(b, name...), '"')
	if len(about) > 0 {
		b = quoted(b, "description", about)
	}
	b = append(b, `,"parameters":`...)
	b = append(b, freeformParameters...)
	q.tools = append(b, "}}"...)
	return nil
}

// choice appends tool_choice. Without tools chat takes none, and there is nothing to choose.
func (q *question) choice(b []byte, v gjson.Result) ([]byte, error) {
	if v.Type == gjson.String {
		if len(q.tools) == 0 && v.Str != "required" {
			return b, nil
		}
		return member(b, "tool_choice", v.Raw), nil
	}
	switch kind := v.Get("type").Str; kind {
	case "function", "custom":
		chosen, why := chosenTool(v)
		if why != "" {
			return b, unsupported("tool_choice.name", why)
		}
		return member(b, "tool_choice", chosen), nil
	case "allowed_tools":
		b = append(comma(b), `"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":`...)
		b = append(append(b, stringOr(v.Get("mode"), `"auto"`)...), `,"tools":[`...)
		err := elements(v.Get("tools"), func(i int, tool gjson.Result) error {
			chosen, why := chosenTool(tool)
			if why != "" {
				return unsupported(indexed("tool_choice.tools", i), why)
			}
			b = append(comma(b), chosen...)
			return nil
		})
		return append(b, "]}}"...), err
	default:
		return b, unsupported("tool_choice", "is no choice that chat has")
	}
}

// chosenTool returns how chat names one tool in tool_choice.
func chosenTool(v gjson.Result) (chosen, why string) {
	if kind := v.Get("type").Str; kind != "function" && kind != "custom" {
		return "", "is a tool of a kind that chat does not have"
	}
	name, why := joinName(v.Get("namespace"), v.Get("name"))
	return `{"type":"function","function":{"name":"` + name + `"}}`, why
}
