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

// think decides how the model thinks, which is not in Converse's base set: a client that sends
// thinking, in Anthropic's own words, decides itself; else reasoning_effort does. It is given
// up, and named as dropped, for models that are not known to think, and where Claude would
// refuse the request for it:
//   - a tool is forced, or the history ends with an assistant's words, or its last call of
//     tools came without the reasoning before it (models up to 4.5; where a model decides
//     itself how much to think, the effort stays),
//   - max_tokens, which includes what is thought, leaves less than the smallest budget.
//
// Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html,
// https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-adaptive-thinking.html,
// https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html; real requests
// to gpt-oss and Qwen.
func (r *request) think(forced bool) (plan, error) {
	if native := r.own.thinking; hub.Present(native) {
		if hub.Present(r.in.Effort) {
			r.dropped.Add("reasoning_effort")
		}
		r.field("thinking", native.Raw)
		return plan{on: native.Get("type").Str != "disabled", room: max(0, native.Get("budget_tokens").Int())}, nil
	}
	word := r.in.Effort.Str
	switch {
	case !hub.Present(r.in.Effort):
		return plan{}, nil
	case word == "none":
		return r.thinkNot(), nil
	}
	e, known := r.model.claude.Effort(word)
	switch {
	case !known:
		return plan{}, hub.Unsupported("reasoning_effort", "is no effort that is known")
	case !r.model.isClaude():
		return r.level(word), nil
	case r.model.claude.Adaptive():
		if !forced {
			r.field("thinking", `{"type":"adaptive"}`)
		}
		return plan{on: !forced, effort: e.Word}, nil
	case !r.model.claude.Thinks(), forced, r.turns.Role == hub.Assistant, r.turns.Called && !r.turns.Thought:
		r.dropped.Add("reasoning_effort")
		return plan{}, nil
	}
	return r.budgeted(e.Budget), nil
}

// level tells a model that is not Claude how much to think, in one of three levels. Nova's
// highest level allows no limit of the answer, so that a client's limit makes it the next.
func (r *request) level(level string) plan {
	switch level {
	case "minimal":
		level = "low"
	case "xhigh", "max":
		level = "high"
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
		return plan{on: level == "high"}
	default:
		r.dropped.Add("reasoning_effort")
	}
	return plan{}
}

// thinkNot is for a client that wants no thinking. Of models that always think the least is asked.
func (r *request) thinkNot() plan {
	switch {
	case strings.Contains(r.model.id, "openai.gpt-5"):
		r.field("reasoning_effort", `"none"`)
	case r.model.vendor == openai:
		r.dropped.Add("reasoning_effort")
		r.field("reasoning_effort", `"low"`)
	case !r.model.isClaude() || !r.model.claude.ThinksByDefault():
	case r.model.claude.CanStopThinking():
		r.field("thinking", `{"type":"disabled"}`)
	default:
		r.dropped.Add("reasoning_effort")
		return plan{effort: "low"}
	}
	return plan{}
}

// budgeted gives the thinking its budget, which must be less than maxTokens.
func (r *request) budgeted(budget int64) plan {
	if limit, _, _ := r.in.Limit(); limit > 0 {
		within, ok := claude.Within(budget, limit)
		if !ok {
			r.dropped.Add("reasoning_effort")
			return plan{}
		}
		budget = within
	}
	r.field("thinking", claude.Enabled(budget))
	return plan{on: true, room: budget}
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
