package hub

import (
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// Beside is the usage of vendors that count the tokens read from a cache and written to it
// beside the input; hub and accounting count them in it.
// Source: https://platform.claude.com/docs/en/build-with-claude/prompt-caching (usage).
type Beside struct {
	Input, Read, Written, Hour, Output, Reasoning int64 // Hour is a part of Written
	Known                                         bool
}

// Set sets one of the counts to what the vendor says. A stream may say a count several times;
// the last one counts. What is no count is passed over.
func (u *Beside) Set(to *int64, v gjson.Result) {
	if n, ok := dialect.Count(v); ok {
		*to, u.Known = n, true
	}
}

// Usage returns it as the hub counts.
func (u *Beside) Usage() llm.Usage {
	return llm.Usage{
		Input: u.Input + u.Read + u.Written, CachedInput: u.Read, CacheWrite: u.Written, CacheHour: u.Hour,
		Output: u.Output, Reasoning: u.Reasoning, Known: u.Known,
	}
}
