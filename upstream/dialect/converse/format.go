package converse

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
)

// format reads response_format. It returns the json_schema where the model can promise the JSON
// itself; where it cannot, it adds a tool whose input is the answer, and changes the choice so
// that the model calls it, or one of the client's. A client that sends outputConfig, in
// Converse's own words, decides itself.
//
// The client's schema is passed on as it is: what structured outputs do not take (objects that
// allow other members, for one) is refused there, with the reason.
//
// Source: https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html.
func (r *request) format(c *choice) (gjson.Result, error) {
	none := gjson.Result{}
	schema, about := none, none
	switch f := r.in.format; f.Get("type").Str {
	case "text":
		return none, nil
	case "json_object":
	case "json_schema":
		definition := f.Get("json_schema")
		if schema = definition.Get("schema"); !schema.IsObject() {
			return none, unsupported("response_format.json_schema.schema", "is missing")
		}
		about = definition.Get("description")
		if r.model.formats() || r.in.outputConfig.IsObject() {
			return definition, nil
		}
	case "":
		if !present(f) {
			return none, nil
		}
		fallthrough
	default:
		return none, unsupported("response_format", "Bedrock's Converse API has no such format")
	}
	return none, r.answerByTool(c, schema, about)
}

// answerByTool adds the tool.
func (r *request) answerByTool(c *choice, schema, about gjson.Result) error {
	switch {
	case c.forced() && len(r.toolsOut) > 0:
		return nil // the model answers with one of the client's tools, and not in JSON
	case !r.model.canBeForced():
		return unsupported("response_format", "this model cannot promise such JSON")
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
	switch alone := len(r.toolsOut) == 0 || c.kind == "none"; {
	case alone && r.model.takesTool():
		*c = choice{"tool", `"` + answerTool + `"`}
	case alone:
		r.toolsOut, *c = nil, choice{kind: "any"}
	default:
		*c = choice{kind: "any"}
	}
	if inside(about) == "" {
		about = gjson.Parse(`"Gives the final answer to the user, as JSON. The input is the answer."`)
	}
	r.toolsOut = appendTool(r.toolsOut, `"`+answerTool+`"`, about, input)
	return nil
}

// outputConfig appends the format of the answer, and notes Claude's effort, which is not in the
// base set. Where a Claude is told both, both go into its own output_config, since Bedrock
// makes one of the base set's.
func (r *request) outputConfig(b []byte, schema gjson.Result, effort string) []byte {
	own := r.in.outputConfig
	format := schema.Exists() && !own.IsObject()
	claude := r.claudeOutput(schema, effort, format)
	if claude != "" {
		r.field("output_config", claude)
	}
	switch {
	case own.IsObject():
		return member(b, "outputConfig", own.Raw)
	case !format || strings.Contains(claude, `"format":`):
		return b
	}
	b = append(comma(b), `"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":`...)
	b = llm.AppendString(b, schema.Get("schema").Raw)
	for _, name := range [...]string{"name", "description"} {
		if v := schema.Get(name); inside(v) != "" {
			b = member(b, name, v.Raw)
		}
	}
	return append(b, "}}}}"...)
}

// claudeOutput returns Claude's own output_config, "" for none: the client's, with the effort,
// and the format where there is one, put in.
func (r *request) claudeOutput(schema gjson.Result, effort string, format bool) string {
	own := r.in.claudeOutput
	if effort == "" && !own.IsObject() || r.in.additional.Get("output_config").Exists() {
		return ""
	}
	b := []byte{'{'}
	own.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "format":
			format = false
		case "effort":
			effort = ""
		}
		b = append(append(comma(b), key.Raw...), ':')
		b = append(b, strings.TrimSpace(value.Raw)...)
		return own.IsObject()
	})
	if effort != "" {
		b = member(b, "effort", `"`+effort+`"`)
	}
	if format {
		b = member(b, "format", `{"type":"json_schema","schema":`+schema.Get("schema").Raw+`}`)
	}
	return string(append(b, '}'))
}
