package messages

import "strings"

// claude is what the id of a model tells of what the model takes. Providers write ids in many
// ways: claude-3-7-sonnet@20250219, us.anthropic.claude-haiku-4-5-20251001-v1:0,
// claude-opus-4-7. The zero value is a model that is not known, for which the oldest form of
// everything is used: it is the one that other vendors' servers have.
//
// Sources: https://platform.claude.com/docs/en/about-claude/models/migration-guide,
// https://platform.claude.com/docs/build-with-claude/thinking-troubleshooting,
// https://platform.claude.com/docs/en/models/opus-5-5/whats-new-opus-5-5.
type claude struct {
	// version is ten times the major version and the minor one: 37 is 3.7, 40 is 4.
	version int
	// family is opus, sonnet, haiku, fable or mythos.
	family string
}

// parseClaude reads a model's id.
func parseClaude(id string) claude {
	var c claude
	_, rest, ok := strings.Cut(strings.ToLower(id), "claude")
	if !ok {
		return c
	}
	numbers := 0
	for word := range strings.FieldsFuncSeq(rest, func(r rune) bool { return strings.ContainsRune("-.@:/_", r) }) {
		n, number := smallNumber(word)
		switch {
		case number && numbers == 0:
			c.version, numbers = 10*n, 1
		case number && numbers == 1:
			c.version, numbers = c.version+min(n, 9), 2
		default:
			switch word {
			case "opus", "sonnet", "haiku", "fable", "mythos":
				c.family = word
			}
			if numbers > 0 {
				numbers = 2 // a date, or v1
			}
		}
	}
	if c.version == 0 && (c.family == "fable" || c.family == "mythos") {
		c.version = 50
	}
	return c
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

// thinks says whether the model can think at all; one that is not known may.
func (c claude) thinks() bool { return c.version == 0 || c.version >= 37 }

// adaptive says whether the model decides itself how much to think, guided by an effort,
// rather than by a budget of tokens, which models from 4.7 refuse.
func (c claude) adaptive() bool { return c.version >= 46 }

// thinksByDefault says whether the model thinks when nothing is said.
func (c claude) thinksByDefault() bool { return c.version >= 50 }

// canStopThinking says whether a model that thinks by default takes {"type":"disabled"}.
func (c claude) canStopThinking() bool {
	return c.family == "haiku" || c.version == 50 && (c.family == "opus" || c.family == "sonnet")
}

// xhigh says whether the model knows the effort between high and max.
func (c claude) xhigh() bool { return c.version >= 47 }

// samples says whether the model takes temperature, top_p and top_k other than the defaults.
func (c claude) samples() bool { return c.version < 47 }

// oneSampler says whether the model refuses temperature together with top_p.
func (c claude) oneSampler() bool { return c.version >= 41 }

// formats says whether the model has structured outputs: output_config.format, and strict tools.
// Source: https://platform.claude.com/docs/en/build-with-claude/structured-outputs.
func (c claude) formats() bool { return c.version >= 45 }

// canBeForced says whether the model takes a tool_choice of any or tool.
func (c claude) canBeForced() bool { return c.version <= 50 }
