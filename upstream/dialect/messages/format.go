package messages

import (
	"strings"

	"github.com/tidwall/gjson"
)

// format reads response_format. It returns the value of output_config.format where the API
// can promise the JSON itself; where it cannot, it adds a tool whose input is the answer, and
// changes the choice so that the model calls it, or one of the client's.
//
// The client's schema is passed on as it is: what Anthropic's structured outputs do not take
// (objects that allow other members, for one) is refused there, with the reason.
//
// Sources: https://platform.claude.com/docs/en/build-with-claude/structured-outputs,
// https://platform.claude.com/docs/en/agents-and-tools/tool-use/define-tools (forcing a tool).
func (r *request) format(c *choice) (string, error) {
	schema, about := gjson.Result{}, gjson.Result{}
	switch f := r.in.format; f.Get("type").Str {
	case "text":
		return "", nil
	case "json_object":
	case "json_schema":
		if schema = f.Get("json_schema.schema"); !schema.IsObject() {
			return "", unsupported("response_format.json_schema.schema", "is missing")
		}
		about = f.Get("json_schema.description")
		if r.model.formats() {
			if present(about) {
				r.dropped.add("response_format.json_schema.description")
			}
			return `{"type":"json_schema","schema":` + schema.Raw + `}`, nil
		}
	case "":
		if !present(f) {
			return "", nil
		}
		fallthrough
	default:
		return "", unsupported("response_format", "Anthropic's API has no such format")
	}
	return "", r.answerByTool(c, schema, about)
}

// answerByTool adds the tool.
func (r *request) answerByTool(c *choice, schema, about gjson.Result) error {
	switch {
	case c.forced() && len(r.toolsOut) > 0:
		return nil // the model answers with one of the client's tools, and not in JSON
	case !r.model.canBeForced():
		return unsupported("response_format", "this model takes json_schema only")
	case present(r.in.thinking) && r.in.thinking.Get("type").Str != "disabled":
		return unsupported("response_format", "this JSON needs a tool that is forced, which a model that thinks refuses")
	}
	input := `{"type":"object","additionalProperties":true}`
	if schema.Exists() {
		var ok bool
		if input, ok = inputSchema(schema); !ok {
			return unsupported("response_format.json_schema.schema", "is not of an object")
		}
	}
	if len(r.toolsOut) == 0 || c.kind == "none" {
		*c = choice{"tool", `"` + answerTool + `"`}
	} else {
		*c = choice{kind: "any"}
	}
	b := append(comma(r.toolsOut), `{"name":"`+answerTool+`","description":`...)
	b = append(b, stringOr(about, `"Gives the final answer to the user, as JSON. The input is the answer."`)...)
	b = member(b, "input_schema", input)
	r.toolsOut = append(b, '}')
	return nil
}

// outputConfig appends output_config: the client's own, with the format and the effort put in.
func (r *request) outputConfig(b []byte, format, effort string) []byte {
	own := r.in.outputConfig
	if format == "" && effort == "" && !own.IsObject() {
		return b
	}
	b = append(comma(b), `"output_config":{`...)
	if own.IsObject() {
		own.ForEach(func(key, value gjson.Result) bool {
			switch key.Str {
			case "format":
				format = ""
			case "effort":
				effort = ""
			}
			b = append(append(comma(b), key.Raw...), ':')
			b = append(b, strings.TrimSpace(value.Raw)...)
			return true
		})
	}
	if effort != "" {
		b = member(b, "effort", `"`+effort+`"`)
	}
	if format != "" {
		b = member(b, "format", format)
	}
	return append(b, '}')
}
