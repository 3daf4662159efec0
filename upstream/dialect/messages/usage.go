package messages

import (
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
)

// maxTokenCount is the most that a provider is believed to have counted.
const maxTokenCount = 1 << 40

// counted is a usage of messages. A stream says it twice: at its beginning, and
// behind the answer, where what is said again is cumulative and replaces what was said.
// Messages count cached tokens beside the input; hub and accounting count them in it.
// Source: https://platform.claude.com/docs/en/build-with-claude/prompt-caching (usage).
type counted struct {
	input, read, written, output, thought int64
	known                                 bool
}

func (c *counted) add(usage gjson.Result) {
	usage.ForEach(func(key, v gjson.Result) bool {
		switch key.Str {
		case "input_tokens":
			c.set(&c.input, v)
		case "cache_read_input_tokens":
			c.set(&c.read, v)
		case "cache_creation_input_tokens":
			c.set(&c.written, v)
		case "output_tokens":
			c.set(&c.output, v)
		case "output_tokens_details":
			c.set(&c.thought, v.Get("thinking_tokens"))
		}
		return true
	})
}

func (c *counted) set(to *int64, v gjson.Result) {
	if v.Type == gjson.Number && v.Num >= 0 && v.Num <= maxTokenCount {
		*to, c.known = int64(v.Num), true
	}
}

// appendHub appends the usage as chat says it.
func (c *counted) appendHub(b []byte) []byte {
	input := c.input + c.read + c.written
	b = append(b, `{"prompt_tokens":`...)
	b = strconv.AppendInt(b, input, 10)
	b = append(b, `,"completion_tokens":`...)
	b = strconv.AppendInt(b, c.output, 10)
	b = append(b, `,"total_tokens":`...)
	b = strconv.AppendInt(b, input+c.output, 10)
	b = append(b, `,"prompt_tokens_details":{"cached_tokens":`...)
	b = strconv.AppendInt(b, c.read, 10)
	b = append(b, `,"cache_write_tokens":`...)
	b = strconv.AppendInt(b, c.written, 10)
	b = append(b, '}')
	if c.thought > 0 {
		b = append(b, `,"completion_tokens_details":{"reasoning_tokens":`...)
		b = append(strconv.AppendInt(b, c.thought, 10), '}')
	}
	return append(b, '}')
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
