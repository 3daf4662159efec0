package converse

import (
	"strings"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/claude"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
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
func (r *request) format(c *hub.Choice) (hub.Format, error) {
	f, err := r.in.ReadFormat("Bedrock's Converse API has no such format")
	switch {
	case err != nil, f.Kind == hub.TextFormat:
		return hub.Format{}, err
	case f.Kind == hub.SchemaFormat && (r.model.formats() || r.own.outputConfig.IsObject()):
		return f, nil
	}
	return hub.Format{}, r.answerByTool(c, &f)
}

// answerByTool adds the tool.
func (r *request) answerByTool(c *hub.Choice, f *hub.Format) error {
	switch {
	case c.Forced() && len(r.toolsOut) > 0:
		return nil // the model answers with one of the client's tools, and not in JSON
	case !r.model.canBeForced():
		return hub.Unsupported("response_format", "this model cannot promise such JSON")
	case claude.IsOn(r.own.thinking):
		return hub.Unsupported("response_format", "this JSON needs a tool that is forced, which a model that thinks refuses")
	}
	tool, err := f.Tool()
	if err != nil {
		return err
	}
	alone := len(r.toolsOut) == 0 || c.Mode == hub.None
	c.Mode, c.Name = hub.Required, ""
	switch {
	case alone && r.model.takesTool():
		c.Mode, c.Name = hub.Named, tool.Name
	case alone:
		r.toolsOut = nil
	}
	return r.function(tool)
}

// outputConfig appends the format of the answer, and notes Claude's effort, which is not in the
// base set. Where a Claude is told both, both go into its own output_config, since Bedrock
// makes one of the base set's.
func (r *request) outputConfig(b []byte, f *hub.Format, effort string) []byte {
	own := r.own.outputConfig
	format := f.Kind == hub.SchemaFormat && !own.IsObject()
	theirs := r.claudeOutput(f, effort, format)
	if theirs != "" {
		r.field("output_config", theirs)
	}
	switch {
	case own.IsObject():
		return hub.Member(b, "outputConfig", own.Raw)
	case !format || strings.Contains(theirs, `"format":`):
		return b
	}
	b = append(hub.Comma(b), `"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":`...)
	b = llm.AppendString(b, f.Schema.Raw)
	for _, name := range [...]string{"name", "description"} {
		if v := f.Definition.Get(name); hub.Inside(v) != "" {
			b = hub.Member(b, name, v.Raw)
		}
	}
	return append(b, "}}}}"...)
}

// claudeOutput returns Claude's own output_config, "" for none: the client's, with the effort,
// and the format where there is one, put in.
func (r *request) claudeOutput(f *hub.Format, effort string, format bool) string {
	own := r.own.claudeOutput
	if effort == "" && !own.IsObject() || r.own.additional.Get("output_config").Exists() {
		return ""
	}
	schema := ""
	if format {
		schema = claude.JSONFormat(f.Schema)
	}
	return string(claude.AppendOutput(nil, own, effort, schema))
}
