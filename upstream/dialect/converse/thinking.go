package converse

import (
	"encoding/base64"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/claude"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// bedrockFormat marks reasoning details that a model of another vendor than Anthropic has
// encrypted, which are good for Bedrock alone.
const bedrockFormat = "amazon-bedrock-v1"

// plan is how the model is to think.
type plan struct {
	on     bool   // the model is told to, and refuses to be told how to sample
	effort string // for Claude's output_config; "" for none
	room   int64  // the budget of the thinking, in tokens
}

// think decides how the model thinks, which is not in Converse's base set. A client that sends
// thinking, in Anthropic's own words, decides itself; for reasoning_effort see claude.Model.Think
// and request.level.
//
// Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html,
// https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-adaptive-thinking.html.
func (r *request) think(forced bool) (plan, error) {
	if !r.model.isClaude() && hub.Present(r.in.Effort) && !hub.Present(r.own.thinking) {
		return r.level(r.in.Effort.Str)
	}
	t := claude.Thinking{Native: r.own.thinking, Effort: r.in.Effort, Forced: forced}
	t.Limit, _, _ = r.in.Limit()
	p, err := r.model.claude.Think(t, &r.turns.Turns, &r.dropped)
	if p.Thinking != "" {
		r.field("thinking", p.Thinking)
	}
	return plan{on: p.On(), effort: p.Effort, room: p.Budget}, err
}

// level tells a model that is not Claude how much to think, in one of three levels. For models
// that are not known to think it is named as dropped. Nova's highest level allows no limit of
// the answer, so that a client's limit makes it the next.
//
// Sources: https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html; real
// requests to gpt-oss and Qwen.
func (r *request) level(level string) (plan, error) {
	switch level {
	case "none":
		r.thinkNot()
		return plan{}, nil
	case "minimal":
		level = "low"
	case "low", "medium", "high":
	case "xhigh", "max":
		level = "high"
	default:
		return plan{}, hub.Unsupported("reasoning_effort", "is no effort that is known")
	}
	switch {
	case r.model.vendor == openai:
		r.field("reasoning_effort", `"`+level+`"`)
	case r.model.vendor == qwen:
		if level == "medium" {
			level = "high"
		}
		r.field("reasoning_config", `"`+level+`"`)
	case strings.Contains(r.model.id, "amazon.nova-2"):
		if limit, _, _ := r.in.Limit(); level == "high" && limit > 0 {
			level = "medium"
		}
		r.field("reasoningConfig", `{"type":"enabled","maxReasoningEffort":"`+level+`"}`)
		return plan{on: level == "high"}, nil
	default:
		r.dropped.Add("reasoning_effort")
	}
	return plan{}, nil
}

// thinkNot is level for a client that wants no thinking. Of models that always think the least
// is asked.
func (r *request) thinkNot() {
	switch {
	case strings.Contains(r.model.id, "openai.gpt-5"):
		r.field("reasoning_effort", `"none"`)
	case r.model.vendor == openai:
		r.dropped.Add("reasoning_effort")
		r.field("reasoning_effort", `"low"`)
	}
}

// thoughts writes an assistant's reasoning_details as reasoningContent, unmodified: Claude
// checks the signature against the text. What has no signature cannot be sent back, nor
// anything to a model of another vendor than signed it; it is named as dropped.
func (r *request) thoughts(m *hub.Message) {
	t := &r.turns
	some, lost := m.EachThought(r.takesBack, func(h hub.Thought) {
		t.Blocks = append(hub.Comma(t.Blocks), `{"reasoningContent":{`...)
		if hub.Present(h.Data) {
			t.Blocks = llm.AppendString(hub.Name(t.Blocks, "redactedContent"), redacted(h.Data.Str, h.Format))
		} else {
			t.Blocks = hub.Quoted(hub.Member(t.Blocks, "reasoningText", "{"), "text", h.Text)
			t.Blocks = append(hub.Member(t.Blocks, "signature", h.Signature), '}')
		}
		t.Blocks = append(t.Blocks, "}}"...)
	})
	t.Thought = t.Thought || some
	m.DropThoughts(&r.dropped, some, lost)
}

// takesBack says whether the model takes back reasoning of a format.
func (r *request) takesBack(format string) bool {
	switch format {
	case bedrockFormat:
		return !r.model.isClaude()
	case claude.DetailFormat, "":
		return r.model.isClaude() || r.model.vendor == unknown
	}
	return false
}

// redacted returns the bytes of redactedContent, in base64. Anthropic's data are a text, which
// Bedrock holds as bytes.
func redacted(data, format string) string {
	if format == bedrockFormat {
		return data
	}
	return base64.StdEncoding.EncodeToString([]byte(data))
}

// redactedDetail returns the detail for redactedContent: Anthropic's text where the bytes are
// one, else the bytes as they came.
func redactedDetail(content gjson.Result) hub.Detail[string] {
	raw, err := base64.StdEncoding.DecodeString(content.Str)
	if err != nil || !printable(raw) {
		return hub.Detail[string]{Data: hub.StringOr(content, `""`), Format: bedrockFormat}
	}
	return hub.Detail[string]{Data: hub.Quote(string(raw)), Format: claude.DetailFormat}
}

// printable says whether bytes are a text of ASCII without white space.
func printable(raw []byte) bool {
	for _, c := range raw {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return len(raw) > 0
}
