package converse

import "strings"

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
	// version and family are Claude's: ten times the major version and the minor one (37 is
	// 3.7, 40 is 4), and opus, sonnet, haiku, fable or mythos.
	version int
	family  string
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
		m.parseClaude()
	}
	return m
}

func (m *model) parseClaude() {
	_, rest, _ := strings.Cut(m.id, "claude")
	numbers := 0
	for word := range strings.FieldsFuncSeq(rest, func(r rune) bool { return strings.ContainsRune("-.@:/_", r) }) {
		n, number := smallNumber(word)
		switch {
		case number && numbers == 0:
			m.version, numbers = 10*n, 1
		case number && numbers == 1:
			m.version, numbers = m.version+min(n, 9), 2
		default:
			switch word {
			case "opus", "sonnet", "haiku", "fable", "mythos":
				m.family = word
			}
			if numbers > 0 {
				numbers = 2 // a date, or v1
			}
		}
	}
	if m.version == 0 && (m.family == "fable" || m.family == "mythos") {
		m.version = 50
	}
}

// smallNumber reads a number of one or two digits; longer ones are dates.
func smallNumber(word string) (n int, ok bool) {
	if len(word) > 2 {
		return 0, false
	}
	for _, r := range word {
		if r < '0' || r > '9' {
			return 0, false
		}
		n = 10*n + int(r-'0')
	}
	return n, true
}

// isClaude says whether the model is one of Anthropic's. What they take is what they take on
// Anthropic's own platform (source:
// https://platform.claude.com/docs/en/about-claude/models/migration-guide).
func (m model) isClaude() bool { return m.vendor == anthropic }

// thinks says whether a Claude can think at all; one that is not known may.
func (m model) thinks() bool { return m.version == 0 || m.version >= 37 }

// adaptive says whether a Claude decides itself how much to think, guided by an effort, rather
// than by a budget of tokens, which those from 4.7 refuse.
func (m model) adaptive() bool { return m.version >= 46 }

// thinksByDefault says whether a Claude thinks when nothing is said.
func (m model) thinksByDefault() bool { return m.version >= 50 }

// canStopThinking says whether a Claude that thinks by default takes {"type":"disabled"}.
func (m model) canStopThinking() bool {
	return m.family == "haiku" || m.version == 50 && (m.family == "opus" || m.family == "sonnet")
}

// xhigh says whether a Claude knows the effort between high and max.
func (m model) xhigh() bool { return m.version >= 47 }

// samples says whether the model takes temperature, top_p and top_k. Claude from 4.7 and
// OpenAI's own reasoning models do not (seen: gpt-5.6 answers with a validationException).
func (m model) samples() bool {
	return m.version < 47 && !strings.Contains(m.id, "openai.gpt-5")
}

// oneSampler says whether a Claude refuses temperature together with top_p.
func (m model) oneSampler() bool { return m.version >= 41 }

// formats says whether the model has structured outputs: outputConfig.textFormat, and strict
// tools. One whose id says nothing is taken to have none, since the older way works with more.
// Source: https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html.
func (m model) formats() bool {
	switch m.vendor {
	case anthropic:
		return m.version >= 45
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
	return m.vendor != simple && m.version <= 50
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
