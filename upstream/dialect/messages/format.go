package messages

import (
	"github.com/mulligan-gateway/mulligan/upstream/dialect/claude"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
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
func (r *request) format(c *hub.Choice) (string, error) {
	f, err := r.in.ReadFormat("Anthropic's API has no such format")
	switch {
	case err != nil || f.Kind == hub.TextFormat:
		return "", err
	case f.Kind == hub.SchemaFormat && r.model.Formats():
		if hub.Present(f.Description) {
			r.dropped.Add("response_format.json_schema.description")
		}
		return claude.JSONFormat(f.Schema), nil
	}
	return "", r.answerByTool(c, &f)
}

// answerByTool adds the tool.
func (r *request) answerByTool(c *hub.Choice, f *hub.Format) error {
	switch {
	case c.Forced() && len(r.toolsOut) > 0:
		return nil // the model answers with one of the client's tools, and not in JSON
	case !r.model.CanBeForced():
		return hub.Unsupported("response_format", "this model takes json_schema only")
	case claude.IsOn(r.own.thinking):
		return hub.Unsupported("response_format", "this JSON needs a tool that is forced, which a model that thinks refuses")
	}
	tool, err := f.Tool()
	if err != nil {
		return err
	}
	if len(r.toolsOut) == 0 || c.Mode == hub.None {
		c.Mode, c.Name = hub.Named, tool.Name
	} else {
		c.Mode, c.Name = hub.Required, ""
	}
	return r.function(tool)
}

// outputConfig appends output_config: the client's own, with the format and the effort put in.
func (r *request) outputConfig(b []byte, format, effort string) []byte {
	if format == "" && effort == "" && !r.own.outputConfig.IsObject() {
		return b
	}
	return claude.AppendOutput(hub.Name(b, "output_config"), r.own.outputConfig, effort, format)
}
