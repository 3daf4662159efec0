package messages

import (
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// question is the translation of one request of a client of messages.
type question struct {
	root     gjson.Result
	messages []byte // the hub's, with commas between them
	tools    []byte
	dropped  drops
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
	if err := q.system(q.root.Get("system"), "system"); err != nil {
		return dialect.Translated{}, err
	}
	if err := elements(list, func(i int, m gjson.Result) error {
		return q.message(m, indexed("messages", i))
	}); err != nil {
		return dialect.Translated{}, err
	}
	if err := elements(q.root.Get("tools"), q.tool); err != nil {
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
		if !present(value) {
			return true
		}
		switch key.Str {
		case "messages":
			b = append(comma(b), `"messages":[`...)
			b = append(append(b, q.messages...), ']')
		case "tools":
			b = list(b, "tools", q.tools)
		case "tool_choice":
			b, failed = q.choice(b, value)
		case "stop_sequences":
			if len(value.Array()) > 0 {
				b = member(b, "stop", value.Raw)
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
			b = member(b, "stream", value.Raw)
			if value.Type == gjson.True {
				b = member(b, "stream_options", `{"include_usage":true}`) // messages always say it
			}
		case "system", "cache_control", "context_management", "service_tier", "inference_geo", "speed",
			"betas", "anthropic_beta", "anthropic_version", "diagnostics", "fallbacks", "user_profile_id":
			if key.Str != "system" {
				q.dropped.add(key.Str)
			}
		case "container", "mcp_servers":
			failed = unsupported(key.Str, "only Anthropic's API has them")
		default: // model, max_tokens, temperature, top_p, top_k, and what is not known
			b = append(append(comma(b), key.Raw...), ':')
			b = append(b, value.Raw...)
		}
		return failed == nil
	})
	return append(b, '}'), failed
}

func (q *question) metadata(b []byte, v gjson.Result) []byte {
	v.ForEach(func(key, value gjson.Result) bool {
		if key.Str == "user_id" && inside(value) != "" {
			b = member(b, "user", value.Raw)
		} else if present(value) {
			q.dropped.add("metadata." + key.Str)
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
	b = append(comma(b), `"reasoning_effort":`...)
	return llm.AppendString(b, effort)
}

func (q *question) outputConfig(b []byte, v gjson.Result) []byte {
	v.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "format":
			b = q.format(b, value)
		case "effort":
			if t := q.root.Get("thinking.type").Str; t != "adaptive" && t != "between_tools" {
				q.dropped.add("output_config.effort")
			}
		default:
			q.dropped.add("output_config." + key.Str)
		}
		return true
	})
	return b
}

// format appends response_format. Structured outputs have no name; OpenAI's need one.
func (q *question) format(b []byte, v gjson.Result) []byte {
	if schema := v.Get("schema"); schema.IsObject() {
		b = append(comma(b), `"response_format":{"type":"json_schema","json_schema":{"name":"answer","schema":`...)
		b = append(b, schema.Raw...)
		b = append(b, `,"strict":true}}`...)
	}
	return b
}

// tool writes one tool.
func (q *question) tool(i int, tool gjson.Result) error {
	if kind := tool.Get("type"); present(kind) && kind.Str != "custom" {
		return unsupported(indexed("tools", i)+".type", "only Anthropic's API has tools of this kind")
	}
	name := tool.Get("name")
	if inside(name) == "" {
		return unsupported(indexed("tools", i)+".name", "is missing")
	}
	b := append(comma(q.tools), `{"type":"function","function":{"name":`...)
	b = append(b, name.Raw...)
	if about := tool.Get("description"); about.Type == gjson.String {
		b = member(b, "description", about.Raw)
	}
	if schema := tool.Get("input_schema"); schema.IsObject() {
		b = member(b, "parameters", schema.Raw)
	}
	if strict := tool.Get("strict"); strict.IsBool() {
		b = member(b, "strict", strict.Raw)
	}
	if present(tool.Get("cache_control")) {
		q.dropped.add("cache_control")
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
		b = member(b, "tool_choice", v.Get("type").Raw)
	case "any":
		b = member(b, "tool_choice", `"required"`)
	case "tool":
		b = append(comma(b), `"tool_choice":{"type":"function","function":{"name":`...)
		b = append(append(b, stringOr(v.Get("name"), `""`)...), "}}"...)
	default:
		return b, unsupported("tool_choice", "is no choice that is known")
	}
	if v.Get("disable_parallel_tool_use").Type == gjson.True {
		b = member(b, "parallel_tool_calls", "false")
	}
	return b, nil
}
