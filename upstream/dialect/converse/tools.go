package converse

import (
	"slices"
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

// tool writes one tool. One in Converse's own words is passed on as it is.
func (r *request) tool(tool gjson.Result, field string) error {
	switch {
	case tool.Get("type").Str == "function":
		f := tool.Get("function")
		if !f.IsObject() {
			return unsupported(field+".function", "is missing")
		}
		return r.function(f, tool, field+".function")
	case tool.Get("toolSpec").IsObject(), tool.Get("systemTool").IsObject(), tool.Get("cachePoint").IsObject():
		r.toolsOut = append(comma(r.toolsOut), tool.Raw...)
		return nil
	default:
		return unsupported(field+".type", "Bedrock's Converse API has no tools of this kind")
	}
}

// function writes a function as a tool; marked holds its cache_control. Nova keeps no tools in
// its cache.
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
	schema, ok := inputSchema(f.Get("parameters"))
	if !ok {
		return unsupported(field+".parameters", "is no JSON schema of an object")
	}
	strict := f.Get("strict").Type == gjson.True
	if strict && !r.model.formats() {
		r.dropped.add("tools.strict")
		strict = false
	}
	r.toolsOut = appendTool(r.toolsOut, name.Raw, f.Get("description"), schema)
	if strict {
		r.toolsOut = append(r.toolsOut[:len(r.toolsOut)-2], `,"strict":true}}`...)
	}
	if f.Get("cache_control").Exists() {
		marked = f
	}
	if r.model.vendor == nova && present(marked.Get("cache_control")) {
		r.dropped.add("cache_control")
		return nil
	}
	r.toolsOut = r.mark(r.toolsOut, marked)
	return nil
}

// appendTool appends a tool. A description must not be empty.
// Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolSpecification.html.
func appendTool(b []byte, name string, about gjson.Result, schema string) []byte {
	b = append(comma(b), `{"toolSpec":{`...)
	b = member(b, "name", name)
	if inside(about) != "" {
		b = member(b, "description", about.Raw)
	}
	b = append(b, `,"inputSchema":{"json":`...)
	return append(append(b, schema...), "}}}"...)
}

// inputSchema returns the schema of a tool's input, which models want to be of an object and to
// say so.
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
				return r.named(name), nil
			}
		}
	}
	return choice{}, unsupported(field, "Bedrock's Converse API has no such choice")
}

// named is the choice of one tool. Models that cannot be told which are given that one alone.
func (r *request) named(name gjson.Result) choice {
	if r.model.takesTool() {
		return choice{"tool", name.Raw}
	}
	r.allowed = []string{name.Str}
	return choice{kind: "any"}
}

func mode(word, field string) (choice, error) {
	switch word {
	case "auto", "none":
		return choice{kind: word}, nil
	case "required", "any":
		return choice{kind: "any"}, nil
	}
	return choice{}, unsupported(field, "Bedrock's Converse API has no such choice")
}

// toolConfig appends the tools and the choice.
//
// Converse has no choice of none, so the tools are left out. It refuses a history that calls
// tools which the request does not have, though; then the tools stay, and tool_choice is named
// as dropped, and where the client gives no tools at all, those that were called are given
// without what they take.
//
// Converse has no word for parallel_tool_calls either. Claude has, in its own tool_choice, in
// additionalModelRequestFields; Bedrock refuses two choices in one request, so the whole choice
// goes there. Other models may call several tools whatever is asked, so that it is refused.
// Source: https://github.com/BerriAI/litellm/issues/36536.
func (r *request) toolConfig(b []byte, c choice) ([]byte, error) {
	if c.kind == "none" && len(r.toolsOut) > 0 {
		if len(r.history) == 0 {
			return b, nil
		}
		r.dropped.add("tool_choice")
	}
	serial := r.in.parallel.Type == gjson.False && c.kind != "none" && len(r.toolsOut) > 0 &&
		(r.in.tools.IsArray() || r.in.functions.IsArray()) // the gateway's own tool is called once
	if len(r.toolsOut) == 0 {
		c = choice{}
		for _, name := range r.history {
			const gone = `"Is not there any more. Do not call it."`
			r.toolsOut = appendTool(r.toolsOut, name, gjson.Parse(gone), `{"type":"object"}`)
		}
	}
	if len(r.toolsOut) == 0 {
		return b, nil
	}
	b = append(comma(b), `"toolConfig":{"tools":[`...)
	b = append(append(b, r.toolsOut...), ']')
	switch {
	case serial && !r.model.isClaude():
		return b, unsupported("parallel_tool_calls", "this model may call several tools at once")
	case serial:
		r.field("tool_choice", claudeChoice(c))
	case c.kind == "any":
		b = append(b, `,"toolChoice":{"any":{}}`...)
	case c.kind == "tool":
		b = append(b, `,"toolChoice":{"tool":{"name":`...)
		b = append(append(b, c.name...), "}}"...)
	}
	return append(b, '}'), nil
}

// claudeChoice is a choice in Claude's words, of one call at a time.
func claudeChoice(c choice) string {
	if !c.forced() {
		c.kind = "auto"
	}
	b := append(append([]byte(`{"type":"`), c.kind...), '"')
	if c.name != "" {
		b = member(b, "name", c.name)
	}
	return string(append(b, `,"disable_parallel_tool_use":true}`...))
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
		b, err = r.toolUse(b, id, f, indexed(field+".tool_calls", i)+".function")
		return err
	})
	if f := message.Get("function_call"); err == nil && f.IsObject() {
		r.legacy++
		b, err = r.toolUse(b, legacyID(r.legacy), f, field+".function_call")
	}
	return b, err
}

// toolUse appends one call.
func (r *request) toolUse(b []byte, id string, f gjson.Result, field string) ([]byte, error) {
	name := f.Get("name")
	if inside(name) == "" {
		return b, unsupported(field+".name", "is missing")
	}
	input, ok := object(f.Get("arguments"))
	if !ok {
		return b, unsupported(field+".arguments", "is no JSON object")
	}
	if !slices.Contains(r.history, name.Raw) {
		r.history = append(r.history, name.Raw)
	}
	b = append(comma(b), `{"toolUse":{"toolUseId":"`...)
	b = append(append(b, r.callID(id)...), '"')
	b = member(b, "name", name.Raw)
	b = member(b, "input", input)
	return append(b, "}}"...), nil
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
	case text[0] != '{' || !isObject(text):
		return "", false
	}
	return text, true
}

// isObject says whether text is a JSON object. It must not go by gjson's validity: a text
// comes from a string, inside which nobody has checked how deep it nests.
func isObject(text string) bool {
	var d llm.Document
	return llm.ParseReplyInto(&d, []byte(text)) == nil
}

// toolResult appends the answer to a call, from a message of the role tool or function. An
// empty one is an empty list, which Bedrock takes. A cache point comes behind the result, since
// none may be in it.
// Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolResultBlock.html.
func (r *request) toolResult(message gjson.Result, field string) error {
	id := message.Get("tool_call_id").Str
	if message.Get("role").Str == "function" {
		id = legacyID(r.legacy)
	}
	if id == "" {
		return unsupported(field+".tool_call_id", "is missing")
	}
	said, marked := r.turns.text, message
	b := append(comma(r.turns.results), `{"toolResult":{"toolUseId":"`...)
	b = append(append(b, r.callID(id)...), `","content":[`...)
	if content := message.Get("content"); content.IsArray() {
		if err := elements(content, func(i int, part gjson.Result) error {
			next, why := r.part(b, part)
			if why != "" {
				return unsupported(indexed(field+".content", i), why)
			}
			if b = next; present(part.Get("cache_control")) {
				marked = part
			}
			return nil
		}); err != nil {
			return err
		}
	} else {
		b = r.text(b, content)
	}
	r.turns.text = said
	r.turns.results = r.mark(append(b, "]}}"...), marked)
	return nil
}
