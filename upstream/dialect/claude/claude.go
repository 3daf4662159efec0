// Package claude is what is known of Anthropic's models wherever they are served, by the
// dialects that ask them: Anthropic's own, and Bedrock's Converse.
package claude

import (
	"strings"

	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// Model is what the id of a model tells of what the model takes. Providers write ids in many
// ways: claude-3-7-sonnet@20250219, us.anthropic.claude-haiku-4-5-20251001-v1:0,
// claude-opus-4-7. The zero value is a model that is not known, for which the oldest form of
// everything is used: it is the one that other vendors' servers have.
//
// Sources: https://platform.claude.com/docs/en/about-claude/models/migration-guide,
// https://platform.claude.com/docs/build-with-claude/thinking-troubleshooting,
// https://platform.claude.com/docs/en/models/opus-5-5/whats-new-opus-5-5.
type Model struct {
	// Version is ten times the major version and the minor one: 37 is 3.7, 40 is 4.
	Version int
	// Family is opus, sonnet, haiku, fable or mythos.
	Family string
}

// Parse reads a model's id.
func Parse(id string) Model {
	var m Model
	_, rest, ok := strings.Cut(strings.ToLower(id), "claude")
	if !ok {
		return m
	}
	numbers := 0
	for word := range strings.FieldsFuncSeq(rest, func(r rune) bool { return strings.ContainsRune("-.@:/_", r) }) {
		n, number := smallNumber(word)
		switch {
		case number && numbers == 0:
			m.Version, numbers = 10*n, 1
		case number && numbers == 1:
			m.Version, numbers = m.Version+min(n, 9), 2
		default:
			switch word {
			case "opus", "sonnet", "haiku", "fable", "mythos":
				m.Family = word
			}
			if numbers > 0 {
				numbers = 2 // a date, or v1
			}
		}
	}
	if m.Version == 0 && (m.Family == "fable" || m.Family == "mythos") {
		m.Version = 50
	}
	return m
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

// Thinks says whether the model can think at all; one that is not known may.
func (m Model) Thinks() bool { return m.Version == 0 || m.Version >= 37 }

// Adaptive says whether the model decides itself how much to think, guided by an effort,
// rather than by a budget of tokens, which models from 4.7 refuse.
func (m Model) Adaptive() bool { return m.Version >= 46 }

// ThinksByDefault says whether the model thinks when nothing is said.
func (m Model) ThinksByDefault() bool { return m.Version >= 50 }

// CanStopThinking says whether a model that thinks by default takes {"type":"disabled"}.
func (m Model) CanStopThinking() bool {
	return m.Family == "haiku" || m.Version == 50 && (m.Family == "opus" || m.Family == "sonnet")
}

// Samples says whether the model takes temperature, top_p and top_k other than the defaults.
func (m Model) Samples() bool { return m.Version < 47 }

// OneSampler says whether the model refuses temperature together with top_p.
func (m Model) OneSampler() bool { return m.Version >= 41 }

// Formats says whether the model has structured outputs: output_config.format, and strict tools.
// Source: https://platform.claude.com/docs/en/build-with-claude/structured-outputs.
func (m Model) Formats() bool { return m.Version >= 45 }

// CanBeForced says whether the model takes a tool_choice of any or tool.
func (m Model) CanBeForced() bool { return m.Version <= 50 }

// DetailFormat marks reasoning details that are Anthropic's. What is signed on one platform may
// go on at another; the signatures are worth nothing to other vendors, and other vendors' are
// worth nothing here.
// Source: https://platform.claude.com/docs/en/build-with-claude/extended-thinking.
const DetailFormat = hub.AnthropicFormat
