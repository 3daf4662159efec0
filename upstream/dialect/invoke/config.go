package invoke

import (
	"slices"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// Config is the answer of get_config: what the caller is to send to the provider itself.
type Config struct {
	// ID is the exchange's id, which metrics and feedback name.
	ID string
	// Provider is the provider's kind, Model the model's id there.
	Provider, Model string
	// Version is the version of the config that chose.
	Version string
	// Body is the hub's request as the target would be sent it.
	Body []byte
}

// AppendConfig appends the answer.
func AppendConfig(b []byte, c *Config) []byte {
	b = append(b, `{"id":`...)
	b = llm.AppendString(b, c.ID)
	b = append(append(b, `,"provider":"`...), ProviderName(c.Provider)...)
	b = append(b, `","model":`...)
	b = llm.AppendString(b, c.Model)
	b = append(b, `,"type":"chat","version":`...)
	b = llm.AppendString(b, c.Version)
	body := gjson.ParseBytes(c.Body)
	b = append(b, `,"messages":`...)
	b = appendPrompt(b, body.Get("messages"))
	b = append(b, `,"parameters":`...)
	b = AppendParameters(b, body)
	if tools := appendTools(nil, body.Get("tools")); len(tools) > 0 {
		b = append(append(append(b, `,"tools":[`...), tools...), ']')
	}
	return append(b, '}')
}

// appendPrompt appends messages with the members that the API has for them.
func appendPrompt(b []byte, messages gjson.Result) []byte {
	b = append(b, '[')
	for i, m := range messages.Array() {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"role":`...)
		b = append(b, hub.StringOr(m.Get("role"), `"user"`)...)
		b = append(b, `,"content":`...)
		if content := m.Get("content"); content.Exists() {
			b = append(b, content.Raw...)
		} else {
			b = append(b, "null"...)
		}
		for _, name := range [...]string{"tool_calls", "tool_call_id"} {
			if v := m.Get(name); v.Exists() && v.Type != gjson.Null {
				b = hub.Member(b, name, v.Raw)
			}
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

// parameter is a member of the hub's request that the API has under a name of its own.
type parameter struct {
	hub, api string
	fits     func(gjson.Result) bool
}

// parameters are those that SDKs check. A value that does not fit is told under the hub's name,
// because SDKs refuse the whole reply otherwise, and leave out what they do not know.
var parameters = []parameter{
	{"temperature", "temperature", number},
	{"max_tokens", "maxTokens", number},
	{"max_completion_tokens", "maxTokens", number},
	{"top_k", "topK", number},
	{"top_p", "topP", number},
	{"frequency_penalty", "frequencyPenalty", number},
	{"presence_penalty", "presencePenalty", number},
	{"seed", "seed", number},
	{"response_format", "responseFormat", responseFormat},
	{"reasoning_effort", "reasoningEffort", oneOf("none", "disable", "minimal", "low", "medium", "high", "xhigh", "max")},
	{"verbosity", "verbosity", oneOf("low", "medium", "high")},
	{"thinking_level", "thinkingLevel", oneOf("minimal", "low", "medium", "high")},
	{"budget_tokens", "budgetTokens", number},
	{"cache_control", "cacheControl", gjson.Result.IsObject},
	{"encoding_format", "encoding_format", oneOf("float", "base64")},
}

// notParameters are members of the hub's request that are told elsewhere, or not at all.
var notParameters = []string{"model", "messages", "tools", "stream", "stream_options", "metadata", "context", "inputs"}

// AppendParameters appends the parameters of the hub's request as an object.
func AppendParameters(b []byte, body gjson.Result) []byte {
	b = append(b, '{')
	first := true
	body.ForEach(func(name, value gjson.Result) bool {
		if slices.Contains(notParameters, name.Str) || value.Type == gjson.Null {
			return true
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		known := name.Str
		for _, p := range parameters {
			if p.hub == name.Str && p.fits(value) {
				known = p.api
			}
		}
		b = append(llm.AppendString(b, known), ':')
		b = append(b, value.Raw...)
		return true
	})
	return append(b, '}')
}

func number(v gjson.Result) bool { return v.Type == gjson.Number }

func oneOf(values ...string) func(gjson.Result) bool {
	return func(v gjson.Result) bool { return v.Type == gjson.String && slices.Contains(values, v.Str) }
}

func responseFormat(v gjson.Result) bool {
	switch v.Get("type").Str {
	case "text", "json_object":
		return true
	case "json_schema":
		return v.Get("json_schema.name").Type == gjson.String && v.Get("json_schema.schema").IsObject()
	default:
		return false
	}
}

// appendTools appends the functions among tools, parted by commas, with the members that the
// API has for them. SDKs know no other tools.
func appendTools(b []byte, tools gjson.Result) []byte {
	for _, tool := range tools.Array() {
		function := tool.Get("function")
		if function.Get("name").Type != gjson.String {
			continue
		}
		b = append(hub.Comma(b), `{"type":"function","function":{"name":`...)
		b = append(b, function.Get("name").Raw...)
		for _, name := range [...]string{"description", "strict", "parameters"} {
			if v := function.Get(name); hub.Present(v) {
				b = hub.Member(b, name, v.Raw)
			}
		}
		b = append(b, "}}"...)
	}
	return b
}

// Listed is a deployment as the list has it.
type Listed struct {
	ID, Key string
	// Since is when the config was loaded that says so, in RFC 3339.
	Since, Version string
	// Provider is the kind of the provider that is asked first, Model the model's id there.
	Provider, Model string
	// Body is the hub's request as the config says it, prompts unrendered.
	Body []byte
}

// AppendListed appends an entry of the list.
func AppendListed(b []byte, l *Listed) []byte {
	for i, part := range [...]struct{ name, text string }{
		{"id", l.ID}, {"created", l.Since}, {"updated", l.Since}, {"key", l.Key}, {"description", ""}, {"version", l.Version},
	} {
		b = append(b, `,"`...)
		if i == 0 {
			b[len(b)-2] = '{'
		}
		b = append(append(b, part.name...), `":`...)
		b = llm.AppendString(b, part.text)
	}
	body := gjson.ParseBytes(l.Body)
	b = append(b, `,"prompt_config":{"tools":[`...)
	b = appendListedTools(b, body.Get("tools"))
	b = append(b, `],"model":`...)
	b = llm.AppendString(b, l.Model)
	b = append(b, `,"model_type":"chat","model_parameters":`...)
	b = AppendParameters(b, body)
	b = append(append(b, `,"provider":"`...), ProviderName(l.Provider)...)
	b = append(b, `","messages":`...)
	b = appendPrompt(b, body.Get("messages"))
	return append(b, "}}"...)
}

// appendListedTools is appendTools for the list, whose functions must say their parameters as an
// object's, closed or not said to be open.
func appendListedTools(b []byte, tools gjson.Result) []byte {
	for _, tool := range tools.Array() {
		f := tool.Get("function")
		if f.Get("name").Type != gjson.String {
			continue
		}
		b = append(hub.Comma(b), `{"type":"function","function":{"name":`...)
		b = append(b, f.Get("name").Raw...)
		b = append(b, `,"description":`...)
		b = append(b, hub.StringOr(f.Get("description"), `""`)...)
		b = append(b, `,"parameters":{"type":"object","properties":`...)
		if p := f.Get("parameters.properties"); p.IsObject() {
			b = append(b, p.Raw...)
		} else {
			b = append(b, "{}"...)
		}
		if r := f.Get("parameters.required"); r.IsArray() {
			b = hub.Member(b, "required", r.Raw)
		}
		if f.Get("parameters.additionalProperties").Type == gjson.False {
			b = hub.Member(b, "additionalProperties", "false")
		}
		b = append(b, "}}}"...)
	}
	return b
}
