package hub

import (
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// AnswerTool is the tool that a model is made to call when the client wants JSON and the vendor
// cannot promise it in another way. The client never sees the tool: what it is called with is
// the answer's text.
const AnswerTool = "mulligan_json_answer"

// answerToolName is its name as JSON, and answerToolAbout what the model is told of it where the
// client says nothing.
const (
	answerToolName  = `"` + AnswerTool + `"`
	answerToolAbout = `"Gives the final answer to the user, as JSON. The input is the answer."`
)

// Declared is a function that the model may call, from tools or from functions, as they were
// called before.
type Declared struct {
	// Name and Description are JSON strings, Description "" for none.
	Name, Description string
	// Parameters is the schema, which may be absent.
	Parameters gjson.Result
	// Strict says that arguments have to follow the schema.
	Strict bool
	// Cache is its cache_control.
	Cache gjson.Result
}

// EachTool calls function with each function that the choice allows, and other with each tool
// of another type, until one fails. It names the tool in what they refuse.
func (r *Request) EachTool(c *Choice, function func(f Declared) error, other func(tool gjson.Result) error) error {
	declare := func(f, around gjson.Result) error {
		d, err := declared(f)
		if err != nil || !c.Allows(d.Name) {
			return err
		}
		if !Present(d.Cache) {
			d.Cache = around.Get("cache_control")
		}
		return function(d)
	}
	err := Listed("tools", r.Tools, func(_ int, tool gjson.Result) error {
		if tool.Get("type").Str != "function" {
			return other(tool)
		}
		f := tool.Get("function")
		if !f.IsObject() {
			return Unsupported("function", "is missing")
		}
		return In("function", declare(f, tool))
	})
	if err != nil {
		return err
	}
	return Listed("functions", r.Functions, func(_ int, f gjson.Result) error {
		return declare(f, gjson.Result{})
	})
}

// declared reads a function.
func declared(f gjson.Result) (Declared, error) {
	var d Declared
	ours := false
	f.ForEach(func(name, value gjson.Result) bool {
		switch name.Str {
		case "name":
			if Inside(value) != "" {
				d.Name, ours = value.Raw, value.Str == AnswerTool
			}
		case "description":
			d.Description = StringOr(value, "")
		case "parameters":
			d.Parameters = value
		case "strict":
			d.Strict = value.Type == gjson.True
		case "cache_control":
			d.Cache = value
		}
		return true
	})
	switch {
	case d.Name == "":
		return d, Unsupported("name", "is missing")
	case ours:
		return d, Unsupported("name", "is a name that the gateway uses itself")
	}
	return d, nil
}

// Schema returns the schema of the parameters for vendors that want it to be there, of an
// object, and to say so. Its error says that it is no schema of an object.
func (d *Declared) Schema() (string, error) {
	schema, ok := ObjectSchema(d.Parameters)
	if !ok {
		return "", Unsupported("parameters", "is no JSON schema of an object")
	}
	return schema, nil
}

// ObjectSchema returns a schema that is of an object and says so.
func ObjectSchema(schema gjson.Result) (string, bool) {
	switch {
	case !Present(schema):
		return `{"type":"object","properties":{}}`, true
	case !schema.IsObject():
		return "", false
	}
	if kind := schema.Get("type"); Present(kind) {
		return schema.Raw, kind.Str == "object" || kind.IsArray()
	}
	rest := strings.TrimSpace(strings.TrimSpace(schema.Raw)[1:])
	if strings.HasPrefix(rest, "}") {
		return `{"type":"object"}`, true
	}
	return `{"type":"object",` + rest, true
}

// Mode is how the model is to call tools.
type Mode string

// The modes. What nothing is said of is Unsaid, which is auto where there are tools.
const (
	Unsaid   Mode = ""
	Auto     Mode = "auto"
	None     Mode = "none"
	Required Mode = "required" // some tool
	Named    Mode = "named"    // the one that is named
)

// Choice is what the client says of calling tools.
type Choice struct {
	Mode Mode
	// Name is that of the tool, a JSON string, for Named.
	Name string
	// Allowed is the names of the functions that may be called, as JSON strings; nil for all.
	Allowed []string
	// AllowsOther says that tools of other types than function may be called too.
	AllowsOther bool
	// Serial says that no two tools may be called at once.
	Serial bool
}

// Forced says whether the model has to call a tool.
func (c *Choice) Forced() bool { return c.Mode == Required || c.Mode == Named }

// Allows says whether a function may be called, by its name as JSON.
func (c *Choice) Allows(name string) bool {
	return c.Allowed == nil || slices.Contains(c.Allowed, name)
}

// Choice reads tool_choice, or function_call as it was called before, and parallel_tool_calls.
// It refuses what is no choice of chat, whyUnknown saying that the dialect has no such choice.
func (r *Request) Choice(whyUnknown string) (Choice, error) {
	c := Choice{Serial: r.Parallel.Type == gjson.False}
	v, field := r.ToolChoice, "tool_choice"
	if !Present(v) {
		v, field = r.FunctionCall, "function_call"
	}
	why := c.read(v)
	if why == unknownChoice {
		why = whyUnknown
	}
	if why != "" {
		return Choice{}, Unsupported(field, why)
	}
	return c, nil
}

// unknownChoice is why read finds no choice where there is nothing else to be said of it.
const unknownChoice = "unknown"

// read reads the value of tool_choice; why says why it is none.
func (c *Choice) read(v gjson.Result) (why string) {
	switch {
	case !Present(v):
		return ""
	case v.Type == gjson.String:
		return c.mode(v.Str)
	}
	switch v.Get("type").Str {
	case "allowed_tools":
		v = v.Get("allowed_tools")
		v.Get("tools").ForEach(func(_, tool gjson.Result) bool {
			if name := tool.Get("function.name"); Inside(name) != "" {
				c.Allowed = append(c.Allowed, name.Raw)
			} else {
				c.AllowsOther = true
			}
			return true
		})
		if c.Allowed == nil {
			return "allows no function"
		}
		return c.mode(v.Get("mode").Str)
	case "function", "":
		for _, path := range [...]string{"function.name", "name"} {
			if name := v.Get(path); Inside(name) != "" {
				c.Mode, c.Name = Named, name.Raw
				return ""
			}
		}
	}
	return unknownChoice
}

func (c *Choice) mode(word string) (why string) {
	switch word {
	case "auto", "none", "required":
		c.Mode = Mode(word)
	case "any": // as some vendors call it
		c.Mode = Required
	default:
		return unknownChoice
	}
	return ""
}
