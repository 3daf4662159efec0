package converse

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
)

// The formats of reasoning details. Those of Anthropic's have the name that OpenRouter gives
// them, and what is signed on one platform may go on at another
// (source: https://platform.claude.com/docs/en/build-with-claude/extended-thinking). What
// another vendor's model encrypts is good for Bedrock alone.
const (
	claudeFormat  = "anthropic-claude-v1"
	bedrockFormat = "amazon-bedrock-v1"
)

// minBudget is the smallest budget of thinking that Claude takes, in tokens.
// Source: https://platform.claude.com/docs/en/build-with-claude/extended-thinking.
const minBudget = 1024

// efforts is what reasoning_effort becomes: for Claude a budget of tokens up to 4.5 and an
// effort from 4.6, one of three levels for the others. OpenAI publishes no numbers, so the
// budgets are this project's choice: each leaves an answer room in what the models can say.
var efforts = []struct {
	name   string
	budget int64
	effort string
	level  string
}{
	{"minimal", 1024, "low", "low"},
	{"low", 2048, "low", "low"},
	{"medium", 8192, "medium", "medium"},
	{"high", 16384, "high", "high"},
	{"xhigh", 32768, "xhigh", "high"},
	{"max", 32768, "max", "high"},
}

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
	if native := r.in.thinking; present(native) {
		if present(r.in.effort) {
			r.dropped.add("reasoning_effort")
		}
		r.field("thinking", native.Raw)
		return plan{on: native.Get("type").Str != "disabled", room: max(0, native.Get("budget_tokens").Int())}, nil
	}
	word := r.in.effort.Str
	switch {
	case !present(r.in.effort):
		return plan{}, nil
	case word == "none":
		return r.thinkNot(), nil
	}
	for _, e := range efforts {
		if e.name != word {
			continue
		}
		if !r.model.isClaude() {
			return r.level(e.level), nil
		}
		switch {
		case r.model.adaptive():
			if e.effort == "xhigh" && !r.model.xhigh() {
				e.effort = "high"
			}
			if !forced {
				r.field("thinking", `{"type":"adaptive"}`)
			}
			return plan{on: !forced, effort: e.effort}, nil
		case !r.model.thinks(), forced, r.turns.role == assistant, r.turns.called && !r.turns.thought:
			r.dropped.add("reasoning_effort")
			return plan{}, nil
		}
		return r.budgeted(e.budget), nil
	}
	return plan{}, unsupported("reasoning_effort", "is no effort that is known")
}

// level tells a model that is not Claude how much to think. Nova's highest level allows no
// limit of the answer, so that a client's limit makes it the next.
func (r *request) level(level string) plan {
	switch {
	case r.model.vendor == openai:
		r.field("reasoning_effort", `"`+level+`"`)
	case r.model.vendor == qwen:
		if level == "medium" {
			level = "high"
		}
		r.field("reasoning_config", `"`+level+`"`)
	case strings.Contains(r.model.id, "amazon.nova-2"):
		if level == "high" && r.in.limit() > 0 {
			level = "medium"
		}
		r.field("reasoningConfig", `{"type":"enabled","maxReasoningEffort":"`+level+`"}`)
		return plan{on: level == "high"}
	default:
		r.dropped.add("reasoning_effort")
	}
	return plan{}
}

// thinkNot is for a client that wants no thinking. Of models that always think the least is asked.
func (r *request) thinkNot() plan {
	switch {
	case strings.Contains(r.model.id, "openai.gpt-5"):
		r.field("reasoning_effort", `"none"`)
	case r.model.vendor == openai:
		r.dropped.add("reasoning_effort")
		r.field("reasoning_effort", `"low"`)
	case !r.model.isClaude() || !r.model.thinksByDefault():
	case r.model.canStopThinking():
		r.field("thinking", `{"type":"disabled"}`)
	default:
		r.dropped.add("reasoning_effort")
		return plan{effort: "low"}
	}
	return plan{}
}

// budgeted gives the thinking its budget, which must be less than maxTokens: at most half
// of it, so that as much is left for the answer.
func (r *request) budgeted(budget int64) plan {
	if most := r.in.limit(); most > 0 {
		if most <= minBudget {
			r.dropped.add("reasoning_effort")
			return plan{}
		}
		budget = max(minBudget, min(budget, most/2))
	}
	r.field("thinking", `{"type":"enabled","budget_tokens":`+strconv.FormatInt(budget, 10)+`}`)
	return plan{on: true, room: budget}
}

// thoughts appends an assistant's reasoning_details as reasoningContent, unmodified: Claude
// checks the signature against the text. Clients keep the deltas of a stream in two ways,
// joined or one by one, so texts of one index are joined until the signature comes. What has
// no signature cannot be sent back, nor anything to a model of another vendor than signed it;
// it is named as dropped.
func (r *request) thoughts(b []byte, message gjson.Result) []byte {
	var text []byte
	var index int64
	before := len(b)
	message.Get("reasoning_details").ForEach(func(_, d gjson.Result) bool {
		if !r.takesBack(d.Get("format").Str) {
			r.dropped.add("reasoning_details")
			return true
		}
		switch d.Get("type").Str {
		case "reasoning.text":
			if at := d.Get("index").Int(); at != index {
				text, index = text[:0], at
			}
			text = append(text, inside(d.Get("text"))...)
			signature := d.Get("signature")
			if inside(signature) == "" {
				return true
			}
			b = append(comma(b), `{"reasoningContent":{"reasoningText":{"text":"`...)
			b = append(append(b, text...), '"')
			b = append(member(b, "signature", signature.Raw), "}}}"...)
			text = text[:0]
		case "reasoning.encrypted":
			if data := d.Get("data"); inside(data) != "" {
				b = append(comma(b), `{"reasoningContent":{"redactedContent":`...)
				b = append(llm.AppendString(b, redacted(data.Str, d.Get("format").Str)), "}}"...)
			}
		default:
			r.dropped.add("reasoning_details")
		}
		return true
	})
	if len(text) > 0 {
		r.dropped.add("reasoning_details")
	}
	if len(b) > before {
		r.turns.thought = true
	} else if inside(message.Get("reasoning_content")) != "" {
		r.dropped.add("reasoning_content")
	}
	return b
}

// takesBack says whether the model takes back reasoning of a format.
func (r *request) takesBack(format string) bool {
	switch format {
	case bedrockFormat:
		return !r.model.isClaude()
	case claudeFormat, "":
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

// appendRedacted appends the detail for redactedContent: Anthropic's text where the bytes are
// one, else the bytes as they came.
func appendRedacted(b []byte, content gjson.Result, index int) []byte {
	b = append(b, `{"type":"reasoning.encrypted","data":`...)
	raw, err := base64.StdEncoding.DecodeString(content.Str)
	if err != nil || !printable(raw) {
		b = append(b, orEmpty(content)...)
		return appendIndex(member(b, "format", `"`+bedrockFormat+`"`), index)
	}
	b = llm.AppendString(b, string(raw))
	return appendIndex(member(b, "format", `"`+claudeFormat+`"`), index)
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

// appendIndex appends the end of a reasoning detail.
func appendIndex(b []byte, index int) []byte {
	b = append(b, `,"index":`...)
	return append(strconv.AppendInt(b, int64(index), 10), '}')
}
