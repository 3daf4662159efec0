package converse

import (
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// counted is a usage of Converse. What is thought is in the output, and is not told apart.
// Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html
// and real replies, whose totalTokens is the sum of the four.
type counted struct{ hub.Beside }

func (c *counted) add(usage gjson.Result) {
	usage.ForEach(func(key, v gjson.Result) bool {
		switch key.Str {
		case "inputTokens":
			c.Set(&c.Input, v)
		case "cacheReadInputTokens":
			c.Set(&c.Read, v)
		case "cacheWriteInputTokens":
			c.Set(&c.Written, v)
		case "outputTokens":
			c.Set(&c.Output, v)
		}
		return true
	})
}
