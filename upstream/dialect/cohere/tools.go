package cohere

import (
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// toolsAndFormat appends the tools, how they are to be called, and the form of the answer.
func (r *request) toolsAndFormat(b []byte) ([]byte, error) {
	choice, err := r.in.Choice("Cohere has no such choice")
	if err != nil {
		return nil, err
	}
	if choice.Mode == hub.Named {
		choice.Allowed = []string{choice.Name}
	}
	if err := r.in.EachTool(&choice, r.function, func(gjson.Result) error {
		return hub.Unsupported("type", "Cohere calls functions alone")
	}); err != nil {
		return nil, err
	}
	if choice.Forced() && len(r.tools) == 0 {
		return nil, hub.Unsupported("tool_choice", "there is no such tool")
	}
	if choice.Serial && len(r.tools) > 0 && choice.Mode != hub.None {
		return nil, hub.Unsupported("parallel_tool_calls", "Cohere cannot be kept from calling several tools at once")
	}
	format, err := r.in.ReadFormat("Cohere has no such format")
	if err != nil {
		return nil, err
	}
	if format.Kind != hub.TextFormat {
		if b, err = r.format(b, &choice, &format); err != nil {
			return nil, err
		}
	}
	if len(r.tools) == 0 {
		return b, nil
	}
	b = hub.List(b, "tools", r.tools)
	switch {
	case r.choosy || !r.strict:
	case r.lax:
		r.dropped.Add("tools.function.strict")
	default:
		b = hub.Member(b, "strict_tools", "true")
	}
	switch {
	case choice.Forced():
		b = hub.Member(b, "tool_choice", `"REQUIRED"`)
	case choice.Mode == hub.None:
		b = hub.Member(b, "tool_choice", `"NONE"`)
	}
	return b, nil
}

// function writes one tool.
func (r *request) function(f hub.Declared) error {
	schema, err := f.Schema()
	if err != nil {
		return err
	}
	r.strict, r.lax = r.strict || f.Strict, r.lax || !f.Strict
	r.tools = appendTool(r.tools, f.Name, f.Description, schema)
	return nil
}

func appendTool(b []byte, name, about, schema string) []byte {
	b = append(hub.Comma(b), `{"type":"function","function":{"name":`...)
	b = hub.Given(append(b, name...), "description", about)
	return append(hub.Member(b, "parameters", schema), `}}`...)
}

// format appends the form of the answer, or adds the tool that the model answers by.
// Source: https://docs.cohere.com/docs/structured-outputs.
func (r *request) format(b []byte, c *hub.Choice, f *hub.Format) ([]byte, error) {
	switch {
	case c.Forced():
		return b, nil // the model answers with one of the client's tools, and not in JSON
	case c.Mode == hub.None:
		r.tools = nil
	case len(r.tools) > 0:
		tool, err := f.Tool()
		if err != nil {
			return nil, err
		}
		c.Mode = hub.Required
		return b, r.function(tool)
	}
	b = hub.Member(b, "response_format", `{"type":"json_object"`)
	if f.Kind == hub.SchemaFormat {
		b = hub.Member(b, "json_schema", f.Schema.Raw)
	}
	return append(b, '}'), nil
}

// thinks says whether a model can think.
func thinks(model string) bool { return strings.Contains(model, "reasoning") }

// smallBudget is how much a model thinks at a low effort, in tokens.
const smallBudget = 1024

// parameters appends what is said of the answer.
func (r *request) parameters(b []byte) ([]byte, error) {
	if _, limit, ok := r.in.Limit(); ok {
		b = hub.Member(b, "max_tokens", limit)
	}
	stops, err := r.in.Stops(nil, "")
	if err != nil {
		return nil, err
	}
	b = hub.List(b, "stop_sequences", stops)
	if r.in.Temperature.Type == gjson.Number {
		b = hub.Member(b, "temperature", r.in.Temperature.Raw)
	}
	if p := r.in.TopP; p.Type == gjson.Number && p.Num < 0.99 {
		if p.Num < 0.01 { // the least that Cohere takes
			p.Raw = "0.01"
		}
		b = hub.Member(b, "p", p.Raw)
	}
	b = r.penalty(b, "frequency_penalty", r.in.Frequency)
	b = r.penalty(b, "presence_penalty", r.in.Presence)
	return r.effort(b), nil
}

// penalty appends a penalty, moved into Cohere's range.
func (r *request) penalty(b []byte, name string, v gjson.Result) []byte {
	if v.Type != gjson.Number || v.Num == 0 {
		return b
	}
	within := min(max(v.Num, 0), 1)
	if within != v.Num {
		r.dropped.Add(name)
		v.Raw = strconv.FormatFloat(within, 'g', -1, 64)
	}
	if within == 0 {
		return b
	}
	return hub.Member(b, name, v.Raw)
}

// effort appends how much the model is to think. Its own thinking says it better.
// Source: https://docs.cohere.com/docs/reasoning.
func (r *request) effort(b []byte) []byte {
	effort := r.in.Effort.Str
	switch {
	case effort == "" || hub.Present(r.think):
	case !thinks(r.q.Model):
		r.dropped.Add("reasoning_effort")
	case effort == "none":
		b = hub.Member(b, "thinking", `{"type":"disabled"}`)
	case effort == "minimal" || effort == "low":
		b = hub.Member(b, "thinking", `{"type":"enabled","token_budget":`+strconv.Itoa(smallBudget)+`}`)
	default:
		b = hub.Member(b, "thinking", `{"type":"enabled"}`)
	}
	return b
}
