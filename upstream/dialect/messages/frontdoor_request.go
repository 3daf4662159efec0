package messages

import (
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// question is the translation of one request of a client of messages.
type question struct {
	root     gjson.Result
	messages []byte // the hub's, with commas between them
	tools    []byte
	dropped  hub.Drops
}

// Question implements dialect.FrontDoor.
//
// What it decides, beside the counterparts that are plain:
//   - cache_control is left out, and named: a provider that knows it speaks messages itself.
//   - A tool's results become messages of the role tool. Images among them follow as the
//     user's, since a tool of chat answers in text; is_error becomes "Error: " before the text.
//   - Tools that Anthropic runs itself, and what they called before, are refused.
//   - max_tokens keeps its name, which most vendors know.
//   - thinking with a budget becomes a reasoning_effort: low up to 2,048 tokens, medium up to
//     8,192, high above. Thinking that is adaptive has the effort of output_config, or none.
func (frontDoor) Question(body []byte) (dialect.Translated, error) {
	if _, err := llm.ParseJSON(body); err != nil {
		return dialect.Translated{}, err
	}
	q := question{root: gjson.ParseBytes(body)}
	list := q.root.Get("messages")
	if !list.IsArray() {
		return dialect.Translated{}, llm.NewError(llm.CodeInvalidJSON, "The body lacks messages, a list.").WithParam("messages")
	}
	err := hub.In("system", q.system(q.root.Get("system")))
	if err == nil {
		err = hub.In("messages", hub.Elements(list, func(_ int, m gjson.Result) error { return q.message(m) }))
	}
	if err == nil {
		err = hub.In("tools", hub.Elements(q.root.Get("tools"), q.tool))
	}
	if err != nil {
		return dialect.Translated{}, err
	}
	b, err := q.write(make([]byte, 0, len(body)+128))
	if err != nil {
		return dialect.Translated{}, err
	}
	return dialect.Translated{Body: b, Dropped: q.dropped}, nil
}

// write writes the hub's request, its members in the order of the client's.
func (q *question) write(b []byte) ([]byte, error) {
	b = append(b, '{')
	var failed error
	q.root.ForEach(func(key, value gjson.Result) bool {
		if !hub.Present(value) {
			return true
		}
		switch key.Str {
		case "messages":
			b = append(hub.Comma(b), `"messages":[`...)
			b = append(append(b, q.messages...), ']')
		case "tools":
			b = hub.List(b, "tools", q.tools)
		case "tool_choice":
			b, failed = q.choice(b, value)
		case "stop_sequences":
			if len(value.Array()) > 0 {
				b = hub.Member(b, "stop", value.Raw)
			}
		case "metadata":
			b = q.metadata(b, value)
		case "thinking":
			b = q.effort(b, value)
		case "output_config":
			b = q.outputConfig(b, value)
		case "output_format":
			b = q.format(b, value)
		case "stream":
			b = hub.AppendStream(b, value)
		case "system", "cache_control", "context_management", "service_tier", "inference_geo", "speed",
			"betas", "anthropic_beta", "anthropic_version", "diagnostics", "fallbacks", "user_profile_id":
			if key.Str != "system" {
				q.dropped.Add(key.Str)
			}
		case "container", "mcp_servers":
			failed = hub.Unsupported(key.Str, "only Anthropic's API has them")
		default: // model, max_tokens, temperature, top_p, top_k, and what is not known
			b = append(append(hub.Comma(b), key.Raw...), ':')
			b = append(b, value.Raw...)
		}
		return failed == nil
	})
	return append(b, '}'), failed
}

func (q *question) metadata(b []byte, v gjson.Result) []byte {
	v.ForEach(func(key, value gjson.Result) bool {
		if key.Str == "user_id" && hub.Inside(value) != "" {
			b = hub.Member(b, "user", value.Raw)
		} else if hub.Present(value) {
			q.dropped.Add("metadata." + key.Str)
		}
		return true
	})
	return b
}

// effort appends reasoning_effort for the member thinking.
func (q *question) effort(b []byte, v gjson.Result) []byte {
	effort := ""
	switch v.Get("type").Str {
	case "enabled":
		switch budget := v.Get("budget_tokens").Int(); {
		case budget <= 2048:
			effort = "low"
		case budget <= 8192:
			effort = "medium"
		default:
			effort = "high"
		}
	case "adaptive", "between_tools":
		effort = q.root.Get("output_config.effort").Str
		if effort == "max" {
			effort = "xhigh"
		}
	}
	if effort == "" {
		return b
	}
	b = append(hub.Comma(b), `"reasoning_effort":`...)
	return llm.AppendString(b, effort)
}

func (q *question) outputConfig(b []byte, v gjson.Result) []byte {
	v.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "format":
			b = q.format(b, value)
		case "effort":
			if t := q.root.Get("thinking.type").Str; t != "adaptive" && t != "between_tools" {
				q.dropped.Add("output_config.effort")
			}
		default:
			q.dropped.Add("output_config." + key.Str)
		}
		return true
	})
	return b
}

// format appends response_format. Structured outputs have no name; OpenAI's need one.
func (q *question) format(b []byte, v gjson.Result) []byte {
	if schema := v.Get("schema"); schema.IsObject() {
		b = append(hub.Comma(b), `"response_format":{"type":"json_schema","json_schema":{"name":"answer","schema":`...)
		b = append(b, schema.Raw...)
		b = append(b, `,"strict":true}}`...)
	}
	return b
}

// tool writes one tool.
func (q *question) tool(_ int, tool gjson.Result) error {
	if kind := tool.Get("type"); hub.Present(kind) && kind.Str != "custom" {
		return hub.Unsupported("type", "only Anthropic's API has tools of this kind")
	}
	name := tool.Get("name")
	if hub.Inside(name) == "" {
		return hub.Unsupported("name", "is missing")
	}
	b := append(hub.Comma(q.tools), `{"type":"function","function":{"name":`...)
	b = append(b, name.Raw...)
	if about := tool.Get("description"); about.Type == gjson.String {
		b = hub.Member(b, "description", about.Raw)
	}
	if schema := tool.Get("input_schema"); schema.IsObject() {
		b = hub.Member(b, "parameters", schema.Raw)
	}
	if strict := tool.Get("strict"); strict.IsBool() {
		b = hub.Member(b, "strict", strict.Raw)
	}
	if hub.Present(tool.Get("cache_control")) {
		q.dropped.Add("cache_control")
	}
	q.tools = append(b, "}}"...)
	return nil
}

// choice appends tool_choice and parallel_tool_calls. Without tools chat takes neither.
func (q *question) choice(b []byte, v gjson.Result) ([]byte, error) {
	if len(q.tools) == 0 {
		return b, nil
	}
	switch v.Get("type").Str {
	case "auto", "none":
		b = hub.Member(b, "tool_choice", v.Get("type").Raw)
	case "any":
		b = hub.Member(b, "tool_choice", `"required"`)
	case "tool":
		b = append(hub.Comma(b), `"tool_choice":{"type":"function","function":{"name":`...)
		b = append(append(b, hub.StringOr(v.Get("name"), `""`)...), "}}"...)
	default:
		return b, hub.Unsupported("tool_choice", "is no choice that is known")
	}
	if v.Get("disable_parallel_tool_use").Type == gjson.True {
		b = hub.Member(b, "parallel_tool_calls", "false")
	}
	return b, nil
}
