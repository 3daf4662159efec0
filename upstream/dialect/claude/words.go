package claude

import (
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// What follows are values in Anthropic's own words, which Converse hands on to Claude.

// AppendOutput appends the value of output_config: the client's own, with the effort and the
// format put in where it says none; "" for neither.
func AppendOutput(b []byte, own gjson.Result, effort, format string) []byte {
	b = append(b, '{')
	if own.IsObject() {
		own.ForEach(func(key, value gjson.Result) bool {
			switch key.Str {
			case "format":
				format = ""
			case "effort":
				effort = ""
			}
			b = hub.Copy(b, key, value)
			return true
		})
	}
	if effort != "" {
		b = hub.Member(b, "effort", `"`+effort+`"`)
	}
	return append(hub.Given(b, "format", format), '}')
}

// JSONFormat returns the format of output_config for JSON that follows a schema.
func JSONFormat(schema gjson.Result) string {
	return `{"type":"json_schema","schema":` + schema.Raw + `}`
}

// AppendChoice appends the value of tool_choice. One that is Unsaid is auto.
func AppendChoice(b []byte, c *hub.Choice) []byte {
	kind := "auto"
	switch c.Mode {
	case hub.None:
		kind = "none"
	case hub.Required:
		kind = "any"
	case hub.Named:
		kind = "tool"
	}
	b = append(append(append(b, `{"type":"`...), kind...), '"')
	b = hub.Given(b, "name", c.Name)
	if c.Serial && c.Mode != hub.None {
		b = hub.Member(b, "disable_parallel_tool_use", "true")
	}
	return append(b, '}')
}
