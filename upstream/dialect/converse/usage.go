package converse

import (
	"strconv"

	"github.com/tidwall/gjson"
)

// maxTokenCount is the most that a provider is believed to have counted.
const maxTokenCount = 1 << 40

// counted is a usage of Converse. It counts the tokens that were read from the cache and
// written to it beside the input; hub and accounting count them in it. What is thought is in
// the output, and is not told apart.
// Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html
// and real replies, whose totalTokens is the sum of the four.
type counted struct {
	input, read, written, output int64
	known                        bool
}

func (c *counted) add(usage gjson.Result) {
	usage.ForEach(func(key, v gjson.Result) bool {
		switch key.Str {
		case "inputTokens":
			c.set(&c.input, v)
		case "cacheReadInputTokens":
			c.set(&c.read, v)
		case "cacheWriteInputTokens":
			c.set(&c.written, v)
		case "outputTokens":
			c.set(&c.output, v)
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
	return append(b, "}}"...)
}
