package messages

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/claude"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// tool writes a tool that is no function. One in Anthropic's own words is passed on as it is: a
// client that asks for web_search_20250305 means Anthropic's.
func (r *request) tool(tool gjson.Result) error {
	kind := tool.Get("type").Str
	if !tool.Get("input_schema").Exists() && (kind == "" || kind == "custom" || !tool.Get("name").Exists()) {
		return hub.Unsupported("type", "Anthropic's API has no tools of this kind")
	}
	r.toolsOut = append(hub.Comma(r.toolsOut), tool.Raw...)
	return nil
}

// function writes a function as a tool.
func (r *request) function(f hub.Declared) error {
	schema, err := f.Schema()
	if err != nil {
		return err
	}
	b := append(hub.Comma(r.toolsOut), '{')
	b = hub.Member(b, "name", f.Name)
	b = hub.Given(b, "description", f.Description)
	b = hub.Member(b, "input_schema", schema)
	if f.Strict {
		if r.model.Formats() {
			b = hub.Member(b, "strict", "true")
		} else {
			r.dropped.Add("tools.strict")
		}
	}
	r.toolsOut = append(marks(b, f.Cache), '}')
	return nil
}

// choice reads what the client says of calling tools, in chat's words or in Anthropic's own.
func (r *request) choice() (hub.Choice, error) {
	v := r.in.ToolChoice
	if kind := v.Get("type").Str; v.IsObject() && (kind == "auto" || kind == "any" || kind == "tool" || kind == "none") {
		mode := map[string]hub.Mode{"auto": hub.Auto, "any": hub.Required, "tool": hub.Named, "none": hub.None}[kind]
		serial := r.in.Parallel.Type == gjson.False || v.Get("disable_parallel_tool_use").Type == gjson.True
		return hub.Choice{Mode: mode, Name: hub.StringOr(v.Get("name"), ""), Serial: serial}, nil
	}
	return r.in.Choice("Anthropic's API has no such choice")
}

// appendChoice appends tool_choice, unless there is nothing to say. Without tools the API
// takes none.
func (r *request) appendChoice(b []byte, c *hub.Choice) []byte {
	if len(r.toolsOut) == 0 || c.Mode == hub.Unsaid && !c.Serial {
		return b
	}
	return claude.AppendChoice(hub.Name(b, "tool_choice"), c)
}

// toolUse appends a call that an assistant made.
func toolUse(b []byte, c *hub.Call) ([]byte, error) {
	input, err := c.Object()
	if err != nil {
		return b, err
	}
	b = append(hub.Comma(b), `{"type":"tool_use","id":`...)
	b = appendID(b, c.ID)
	b = hub.Member(b, "name", c.Name)
	b = hub.Member(b, "input", input)
	return append(b, '}'), nil
}

// toolResult writes the answer to a call, from a message of the role tool or function.
func (r *request) toolResult(m *hub.Message) error {
	id, err := r.calls.Answered(m)
	if err != nil {
		return err
	}
	b := append(hub.Comma(r.turns.Results), `{"type":"tool_result","tool_use_id":`...)
	b = appendID(b, id)
	if m.Content.Type == gjson.String {
		if m.Content.Str != "" {
			b = hub.Member(b, "content", m.Content.Raw)
		}
	} else {
		start := len(b)
		b = hub.Member(b, "content", "[")
		empty := len(b)
		if b, err = r.content(b, m); err != nil {
			return err
		}
		if len(b) == empty {
			b = b[:start]
		} else {
			b = append(b, ']')
		}
	}
	r.turns.Results = append(marks(b, m.Cache), '}')
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
