package messages

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
)

// answerTool is the tool that a model is made to call when the client wants JSON and the API
// cannot promise it in another way. The client never sees the tool: what it is called with is
// the answer's text.
const answerTool = "mulligan_json_answer"

// tools writes the tools that the model may call.
func (r *request) tools() error {
	if err := elements(r.in.tools, func(i int, tool gjson.Result) error {
		return r.tool(tool, indexed("tools", i))
	}); err != nil {
		return err
	}
	return elements(r.in.functions, func(i int, f gjson.Result) error {
		return r.function(f, f, indexed("functions", i))
	})
}

// tool writes one tool. One in Anthropic's own words is passed on as it is: a client that asks
// for web_search_20250305 means Anthropic's.
func (r *request) tool(tool gjson.Result, field string) error {
	switch kind := tool.Get("type").Str; {
	case kind == "function":
		f := tool.Get("function")
		if !f.IsObject() {
			return unsupported(field+".function", "is missing")
		}
		return r.function(f, tool, field+".function")
	case tool.Get("input_schema").Exists(), kind != "" && kind != "custom" && tool.Get("name").Exists():
		r.toolsOut = append(comma(r.toolsOut), tool.Raw...)
		return nil
	default:
		return unsupported(field+".type", "Anthropic's API has no tools of this kind")
	}
}

// function writes a function as a tool; marked holds its cache_control.
func (r *request) function(f, marked gjson.Result, field string) error {
	name := f.Get("name")
	switch {
	case inside(name) == "":
		return unsupported(field+".name", "is missing")
	case name.Str == answerTool:
		return unsupported(field+".name", "is a name that the gateway uses itself")
	case len(r.allowed) > 0 && !slices.Contains(r.allowed, name.Str):
		return nil
	}
	b := append(comma(r.toolsOut), `{"name":`...)
	b = append(b, name.Raw...)
	if about := f.Get("description"); about.Type == gjson.String {
		b = member(b, "description", about.Raw)
	}
	schema, ok := inputSchema(f.Get("parameters"))
	if !ok {
		return unsupported(field+".parameters", "is no JSON schema of an object")
	}
	b = member(b, "input_schema", schema)
	if f.Get("strict").Type == gjson.True {
		if r.model.formats() {
			b = member(b, "strict", "true")
		} else {
			r.dropped.add("tools.strict")
		}
	}
	if f.Get("cache_control").Exists() {
		marked = f
	}
	r.toolsOut = append(marks(b, marked), '}')
	return nil
}

// inputSchema returns the schema of a tool's input, which the API wants to be of an object
// and to say so.
func inputSchema(parameters gjson.Result) (string, bool) {
	switch {
	case !present(parameters):
		return `{"type":"object","properties":{}}`, true
	case !parameters.IsObject():
		return "", false
	}
	if kind := parameters.Get("type"); present(kind) {
		return parameters.Raw, kind.Str == "object" || kind.IsArray()
	}
	rest := strings.TrimSpace(strings.TrimSpace(parameters.Raw)[1:])
	if strings.HasPrefix(rest, "}") {
		return `{"type":"object"}`, true
	}
	return `{"type":"object",` + rest, true
}

// choice is what the client says of calling tools.
type choice struct {
	kind string // auto, none, any, tool; "" when nothing is said
	name string // the tool's name, a JSON string
}

// forced says whether the model has to call a tool.
func (c choice) forced() bool { return c.kind == "any" || c.kind == "tool" }

// chosen reads tool_choice, and function_call as it was called before.
func (r *request) chosen() (choice, error) {
	v, field := r.in.toolChoice, "tool_choice"
	if !present(v) {
		v, field = r.in.functionCall, "function_call"
	}
	switch {
	case !present(v):
		return choice{}, nil
	case v.Type == gjson.String:
		return mode(v.Str, field)
	}
	switch v.Get("type").Str {
	case "allowed_tools":
		a := v.Get("allowed_tools")
		a.Get("tools").ForEach(func(_, tool gjson.Result) bool {
			if name := tool.Get("function.name").Str; name != "" {
				r.allowed = append(r.allowed, name)
			}
			return true
		})
		if len(r.allowed) == 0 {
			return choice{}, unsupported(field, "allows no function")
		}
		return mode(a.Get("mode").Str, field)
	case "function", "":
		for _, path := range [...]string{"function.name", "name"} {
			if name := v.Get(path); inside(name) != "" {
				return choice{"tool", name.Raw}, nil
			}
		}
	case "auto", "any", "tool", "none":
		return choice{v.Get("type").Str, stringOr(v.Get("name"), "")}, nil // Anthropic's own words
	}
	return choice{}, unsupported(field, "Anthropic's API has no such choice")
}

func mode(word, field string) (choice, error) {
	switch word {
	case "auto", "none":
		return choice{kind: word}, nil
	case "required", "any":
		return choice{kind: "any"}, nil
	}
	return choice{}, unsupported(field, "Anthropic's API has no such choice")
}

// appendChoice appends tool_choice, unless there is nothing to say. Without tools the API
// takes none.
func (r *request) appendChoice(b []byte, c choice) []byte {
	serial := r.in.parallel.Type == gjson.False && c.kind != "none"
	if len(r.toolsOut) == 0 || c.kind == "" && !serial {
		return b
	}
	if c.kind == "" {
		c.kind = "auto"
	}
	b = append(comma(b), `"tool_choice":{"type":"`...)
	b = append(append(b, c.kind...), '"')
	if c.name != "" {
		b = member(b, "name", c.name)
	}
	if serial {
		b = member(b, "disable_parallel_tool_use", "true")
	}
	return append(b, '}')
}

// toolCalls appends what an assistant called, in either of OpenAI's forms.
func (r *request) toolCalls(b []byte, message gjson.Result, field string) ([]byte, error) {
	err := elements(message.Get("tool_calls"), func(i int, call gjson.Result) error {
		f := call.Get("function")
		if !f.IsObject() {
			return unsupported(indexed(field+".tool_calls", i), "is no call of a function")
		}
		id := call.Get("id").Str
		if id == "" {
			return unsupported(indexed(field+".tool_calls", i)+".id", "is missing")
		}
		var err error
		b, err = toolUse(b, id, f, indexed(field+".tool_calls", i)+".function")
		return err
	})
	if f := message.Get("function_call"); err == nil && f.IsObject() {
		r.legacy++
		b, err = toolUse(b, legacyID(r.legacy), f, field+".function_call")
	}
	return b, err
}

// legacyID is the id of a call in the form that had none. The answer to it is the next
// message of the role function, so the number of the call is enough.
func legacyID(n int) string { return "function_call_" + strconv.Itoa(n) }

// toolUse appends one call.
func toolUse(b []byte, id string, f gjson.Result, field string) ([]byte, error) {
	name := f.Get("name")
	if inside(name) == "" {
		return b, unsupported(field+".name", "is missing")
	}
	input, ok := object(f.Get("arguments"))
	if !ok {
		return b, unsupported(field+".arguments", "is no JSON object")
	}
	b = append(comma(b), `{"type":"tool_use","id":`...)
	b = appendID(b, id)
	b = member(b, "name", name.Raw)
	b = member(b, "input", input)
	return append(b, '}'), nil
}

// object returns the JSON object in a call's arguments. None at all is {}: models call tools
// without parameters so, and Cohere's say null.
func object(arguments gjson.Result) (string, bool) {
	text := arguments.Str
	if arguments.IsObject() {
		text = arguments.Raw
	}
	switch text = strings.TrimSpace(text); {
	case text == "" || text == "null":
		return "{}", arguments.Type == gjson.String || arguments.Type == gjson.Null || arguments.IsObject()
	case text[0] != '{' || !gjson.Valid(text):
		return "", false
	}
	return text, true
}

// toolResult appends the answer to a call, from a message of the role tool or function.
func (r *request) toolResult(message gjson.Result, field string) error {
	id := message.Get("tool_call_id").Str
	if message.Get("role").Str == "function" {
		id = legacyID(r.legacy)
	}
	if id == "" {
		return unsupported(field+".tool_call_id", "is missing")
	}
	b := append(comma(r.turns.results), `{"type":"tool_result","tool_use_id":`...)
	b = appendID(b, id)
	content := message.Get("content")
	if content.Type == gjson.String {
		if content.Str != "" {
			b = member(b, "content", content.Raw)
		}
	} else {
		start := len(b)
		var err error
		if b, err = r.content(append(b, `,"content":[`...), content, field+".content"); err != nil {
			return err
		}
		if len(b) == start+len(`,"content":[`) {
			b = b[:start]
		} else {
			b = append(b, ']')
		}
	}
	r.turns.results = append(marks(b, message), '}')
	return nil
}

// appendID appends the id of a call. Anthropic takes letters, digits, _ and -; other vendors'
// ids have more, and become the same in the call and in its result. (The API's error is:
// tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'.)
func appendID(b []byte, id string) []byte {
	return llm.AppendString(b, strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-':
			return c
		}
		return '_'
	}, id))
}
