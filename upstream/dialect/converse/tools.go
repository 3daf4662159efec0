package converse

import (
	"slices"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect/claude"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// tool writes a tool that is no function: one in Converse's own words, which is passed on as it
// is.
func (r *request) tool(tool gjson.Result) error {
	if !tool.Get("toolSpec").IsObject() && !tool.Get("systemTool").IsObject() && !tool.Get("cachePoint").IsObject() {
		return hub.Unsupported("type", "Bedrock's Converse API has no tools of this kind")
	}
	r.toolsOut = append(hub.Comma(r.toolsOut), tool.Raw...)
	return nil
}

// function writes a function as a tool. Nova keeps no tools in its cache.
func (r *request) function(f hub.Declared) error {
	schema, err := f.Schema()
	if err != nil {
		return err
	}
	if f.Strict && !r.model.formats() {
		r.dropped.Add("tools.strict")
		f.Strict = false
	}
	r.toolsOut = appendTool(r.toolsOut, &f, schema)
	if r.model.vendor == nova && hub.Present(f.Cache) {
		r.dropped.Add("cache_control")
		return nil
	}
	r.toolsOut = r.mark(r.toolsOut, f.Cache)
	return nil
}

// appendTool appends a tool. A description must not be empty.
// Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolSpecification.html.
func appendTool(b []byte, f *hub.Declared, schema string) []byte {
	b = hub.Member(append(hub.Comma(b), `{"toolSpec":{`...), "name", f.Name)
	if len(f.Description) > len(`""`) {
		b = hub.Member(b, "description", f.Description)
	}
	b = append(b, `,"inputSchema":{"json":`...)
	b = append(append(b, schema...), '}')
	if f.Strict {
		b = hub.Member(b, "strict", "true")
	}
	return append(b, "}}"...)
}

// choice reads what the client says of calling tools. Models that cannot be told which one to
// call are given that one alone.
func (r *request) choice() (hub.Choice, error) {
	c, err := r.in.Choice("Bedrock's Converse API has no such choice")
	if c.Mode == hub.Named && !r.model.takesTool() {
		c.Allowed = []string{c.Name}
		c.Mode, c.Name = hub.Required, ""
	}
	return c, err
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
func (r *request) toolConfig(b []byte, c *hub.Choice) ([]byte, error) {
	if c.Mode == hub.None && len(r.toolsOut) > 0 {
		if len(r.history) == 0 {
			return b, nil
		}
		r.dropped.Add("tool_choice")
	}
	serial := c.Serial && c.Mode != hub.None && len(r.toolsOut) > 0 &&
		(r.in.Tools.IsArray() || r.in.Functions.IsArray()) // the gateway's own tool is called once
	if len(r.toolsOut) == 0 {
		c = &hub.Choice{}
		for _, name := range r.history {
			const gone = `"Is not there any more. Do not call it."`
			r.toolsOut = appendTool(r.toolsOut, &hub.Declared{Name: name, Description: gone}, `{"type":"object"}`)
		}
	}
	if len(r.toolsOut) == 0 {
		return b, nil
	}
	b = hub.List(hub.Member(b, "toolConfig", "{"), "tools", r.toolsOut)
	switch {
	case serial && !r.model.isClaude():
		return b, hub.Unsupported("parallel_tool_calls", "this model may call several tools at once")
	case serial:
		r.field("tool_choice", string(claude.AppendChoice(nil, c)))
	case c.Mode == hub.Required:
		b = append(b, `,"toolChoice":{"any":{}}`...)
	case c.Mode == hub.Named:
		b = append(b, `,"toolChoice":{"tool":{"name":`...)
		b = append(append(b, c.Name...), "}}"...)
	}
	return append(b, '}'), nil
}

// toolUse writes a call that an assistant made.
func (r *request) toolUse(c *hub.Call) error {
	input, err := c.Object()
	if err != nil {
		return err
	}
	if !slices.Contains(r.history, c.Name) {
		r.history = append(r.history, c.Name)
	}
	b := hub.Quoted(append(hub.Comma(r.turns.Blocks), `{"toolUse":{`...), "toolUseId", r.callID(c.ID))
	b = hub.Member(b, "name", c.Name)
	b = hub.Member(b, "input", input)
	r.turns.Blocks = append(b, "}}"...)
	return nil
}

// toolResult writes the answer to a call, from a message of the role tool or function. An
// empty one is an empty list, which Bedrock takes. A cache point comes behind the result, since
// none may be in it.
// Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolResultBlock.html.
func (r *request) toolResult(m *hub.Message) error {
	id, err := r.calls.Answered(m)
	if err != nil {
		return err
	}
	said, cache := r.turns.text, m.Cache
	b := hub.Quoted(append(hub.Comma(r.turns.Results), `{"toolResult":{`...), "toolUseId", r.callID(id))
	b = hub.Member(b, "content", "[")
	err = m.EachPart(func(p hub.Part) error {
		next, why := r.part(b, &p)
		if why != "" {
			return hub.Unsupported("", why)
		}
		if b = next; hub.Present(p.Cache) {
			cache = p.Cache
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.turns.text = said
	r.turns.Results = r.mark(append(b, "]}}"...), cache)
	return nil
}
