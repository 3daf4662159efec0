package messages

import (
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// counted is a usage of messages. A stream says it twice: at its beginning, and behind the
// answer, where what is said again is cumulative and replaces what was said.
type counted struct{ hub.Beside }

func (c *counted) add(usage gjson.Result) {
	usage.ForEach(func(key, v gjson.Result) bool {
		switch key.Str {
		case "input_tokens":
			c.Set(&c.Input, v)
		case "cache_read_input_tokens":
			c.Set(&c.Read, v)
		case "cache_creation_input_tokens":
			c.Set(&c.Written, v)
		case "cache_creation": // source: https://platform.claude.com/docs/en/build-with-claude/prompt-caching
			c.Set(&c.Hour, v.Get("ephemeral_1h_input_tokens"))
		case "output_tokens":
			c.Set(&c.Output, v)
		case "output_tokens_details":
			c.Set(&c.Reasoning, v.Get("thinking_tokens"))
		}
		return true
	})
}

// appendMessages appends a usage of the hub as messages say it.
func appendMessages(b []byte, u llm.Usage) []byte {
	b = append(b, `{"input_tokens":`...)
	b = strconv.AppendInt(b, max(0, u.Input-u.CachedInput-u.CacheWrite), 10)
	b = append(b, `,"cache_creation_input_tokens":`...)
	b = strconv.AppendInt(b, u.CacheWrite, 10)
	b = append(b, `,"cache_read_input_tokens":`...)
	b = strconv.AppendInt(b, u.CachedInput, 10)
	b = append(b, `,"output_tokens":`...)
	b = strconv.AppendInt(b, u.Output, 10)
	if u.Reasoning > 0 {
		b = append(b, `,"output_tokens_details":{"thinking_tokens":`...)
		b = append(strconv.AppendInt(b, u.Reasoning, 10), '}')
	}
	return append(b, '}')
}
