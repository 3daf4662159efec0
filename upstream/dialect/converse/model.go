package converse

import (
	"strings"

	"github.com/mulligan-gateway/mulligan/upstream/dialect/claude"
)

// vendor is who made a model. Converse is one API, but what models take in it differs.
type vendor int

const (
	unknown vendor = iota // such as an application inference profile, whose id says nothing
	anthropic
	nova
	mistral
	openai
	qwen
	open   // open weights that Bedrock serves with structured outputs
	simple // models without forced tools and without structured outputs
)

// vendors are the words by which the ids of models tell their vendor. Ids have a region, or
// global, before them, or are ARNs of models and of inference profiles:
// us.anthropic.claude-haiku-4-5-20251001-v1:0, amazon.nova-pro-v1:0,
// arn:aws:bedrock:us-east-1::foundation-model/meta.llama3-3-70b-instruct-v1:0.
// Source: https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html.
var vendors = []struct {
	word string
	is   vendor
}{
	{"claude", anthropic}, {"amazon.nova", nova},
	{"mistral.", mistral}, {"openai.", openai}, {"qwen.", qwen},
	{"deepseek.v3", open}, {"google.gemma", open}, {"minimax.", open}, {"moonshot", open}, {"nvidia.", open}, {"zai.", open},
	{"meta.", simple}, {"cohere.", simple}, {"ai21.", simple}, {"deepseek.", simple}, {"writer.", simple}, {"amazon.titan", simple},
}

// model is what the id of a model tells of what the model takes in Converse.
type model struct {
	vendor vendor
	id     string // in lower case
	// claude is what is known of a Claude.
	claude claude.Model
}

// parseModel reads a model's id.
func parseModel(id string) model {
	m := model{id: strings.ToLower(id)}
	for _, v := range vendors {
		if strings.Contains(m.id, v.word) {
			m.vendor = v.is
			break
		}
	}
	if m.vendor == anthropic {
		m.claude = claude.Parse(id)
	}
	return m
}

// isClaude says whether the model is one of Anthropic's. What they take is what they take on
// Anthropic's own platform (source:
// https://platform.claude.com/docs/en/about-claude/models/migration-guide).
func (m model) isClaude() bool { return m.vendor == anthropic }

// samples says whether the model takes temperature, top_p and top_k. Claude from 4.7 and
// OpenAI's own reasoning models do not (seen: gpt-5.6 answers with a validationException).
func (m model) samples() bool {
	return m.claude.Samples() && !strings.Contains(m.id, "openai.gpt-5")
}

// formats says whether the model has structured outputs: outputConfig.textFormat, and strict
// tools. One whose id says nothing is taken to have none, since the older way works with more.
// Source: https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html.
func (m model) formats() bool {
	switch m.vendor {
	case anthropic:
		return m.claude.Formats()
	case mistral:
		for _, word := range [...]string{"magistral", "ministral", "mistral-large-3", "voxtral"} {
			if strings.Contains(m.id, word) {
				return true
			}
		}
		return false
	case openai, qwen, open:
		return true
	default:
		return false
	}
}

// canBeForced says whether the model takes a toolChoice of any: not every vendor's does, and of
// Claude those from 5.1 do not.
// Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolChoice.html.
func (m model) canBeForced() bool {
	return m.vendor != simple && m.claude.CanBeForced()
}

// takesTool says whether the model takes a toolChoice that names the tool.
func (m model) takesTool() bool {
	return m.vendor == anthropic || m.vendor == nova || m.vendor == unknown
}

// caches says whether the model takes cache points.
// Source: https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html.
func (m model) caches() bool {
	return m.vendor == anthropic || m.vendor == nova || m.vendor == unknown
}
