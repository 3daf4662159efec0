package responses

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
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

// toolsIn writes the member tools of v; namespace is the name of the one that they are in.
func (q *question) toolsIn(v, namespace gjson.Result) error {
	all := v.Get("tools")
	return hub.In("tools", hub.Elements(all, func(_ int, tool gjson.Result) error {
		if kind := tool.Get("type").Str; strings.HasPrefix(kind, webSearch) && q.mayGoWithout(all) {
			q.dropped.Add("tools." + kind)
			return nil
		}
		return q.tool(tool, namespace)
	}))
}

// webSearch is how the kinds of the tool begin with which OpenAI searches the web; some have a
// date behind it.
// Source: https://platform.openai.com/docs/guides/tools-web-search.
const webSearch = "web_search"

// mayGoWithout says whether tools that OpenAI runs itself may be left out of a list: the client
// has tools of its own in it, and the model need not call any. Coding agents offer a search of
// the web beside their tools whether a task needs it or not.
func (q *question) mayGoWithout(all gjson.Result) bool {
	if q.root.Get("tool_choice").Str == "required" {
		return false
	}
	own := false
	hub.Each(all, func(tool gjson.Result) bool {
		kind := tool.Get("type").Str
		own = kind == "function" || kind == "custom" || kind == "namespace"
		return !own
	})
	return own
}

// tool writes one tool.
func (q *question) tool(tool, namespace gjson.Result) error {
	switch tool.Get("type").Str {
	case "function":
		return q.function(tool, namespace)
	case "custom":
		return q.custom(tool, namespace)
	case "namespace":
		if hub.Present(namespace) {
			return hub.Unsupported("type", "is a namespace in a namespace")
		}
		return q.toolsIn(tool, tool.Get("name"))
	default:
		return hub.Unsupported("type", "chat has no tools of this kind")
	}
}

func (q *question) function(tool, namespace gjson.Result) error {
	name, why := joinName(namespace, tool.Get("name"))
	if why != "" {
		return hub.Unsupported("name", why)
	}
	parameters := tool.Get("parameters")
	if parameters.Get("properties." + freeformInput).Exists() {
		return hub.Unsupported("parameters.properties."+freeformInput, "is a name that the gateway uses itself")
	}
	b := append(hub.Comma(q.tools), `{"type":"function","function":{"name":"`...)
	b = append(append(b, name...), '"')
	tool.ForEach(func(key, value gjson.Result) bool {
		switch {
		case !hub.Present(value):
		case key.Str == "description", key.Str == "parameters", key.Str == "strict":
			b = hub.Member(b, key.Str, value.Raw)
		case key.Str != "type" && key.Str != "name" && value.Type != gjson.False:
			q.dropped.Add("tools." + key.Str)
		}
		return true
	})
	q.tools = append(b, "}}"...)
	return nil
}

// custom writes a custom tool as a function. A grammar of the input cannot be forced, so the
// model is told of it, and it is named as dropped.
func (q *question) custom(tool, namespace gjson.Result) error {
	name, why := joinName(namespace, tool.Get("name"))
	if why != "" {
		return hub.Unsupported("name", why)
	}
	about := []byte(hub.Inside(tool.Get("description")))
	if format := tool.Get("format"); format.Get("type").Str == "grammar" {
		q.dropped.Add("tools.format")
		if len(about) > 0 {
			about = append(about, `\n\n`...)
		}
		grammar := format
		if inner := format.Get("grammar"); inner.IsObject() {
			grammar = inner
		}
		about = append(about, `The input has to follow this grammar, in the syntax of `...)
		about = append(append(about, hub.Inside(grammar.Get("syntax"))...), `:\n`...)
		about = append(about, hub.Inside(grammar.Get("definition"))...)
	}
	b := append(hub.Comma(q.tools), `{"type":"function","function":{"name":"`...)
	b = append(append(b, name...), '"')
	if len(about) > 0 {
		b = hub.Quoted(b, "description", about)
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
		return hub.Member(b, "tool_choice", v.Raw), nil
	}
	switch kind := v.Get("type").Str; kind {
	case "function", "custom":
		chosen, why := chosenTool(v)
		if why != "" {
			return b, hub.Unsupported("tool_choice.name", why)
		}
		return hub.Member(b, "tool_choice", chosen), nil
	case "allowed_tools":
		b = append(hub.Comma(b), `"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":`...)
		b = append(append(b, hub.StringOr(v.Get("mode"), `"auto"`)...), `,"tools":[`...)
		err := hub.Elements(v.Get("tools"), func(_ int, tool gjson.Result) error {
			chosen, why := chosenTool(tool)
			if why != "" {
				return hub.Unsupported("", why)
			}
			b = append(hub.Comma(b), chosen...)
			return nil
		})
		return append(b, "]}}"...), hub.In("tool_choice.tools", err)
	default:
		return b, hub.Unsupported("tool_choice", "is no choice that chat has")
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
