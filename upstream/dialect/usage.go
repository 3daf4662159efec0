package dialect

import (
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
)

// Usage reads a usage object of OpenAI's dialects: that of chat completions (prompt_tokens)
// and that of responses, images and transcriptions (input_tokens). Vendors that speak chat
// add spellings of their own, which are read too. It returns false for what is no usage, such
// as null.
//
// Sources: https://platform.openai.com/docs/api-reference/chat/object (usage),
// https://platform.openai.com/docs/api-reference/responses/object (usage),
// https://api-docs.deepseek.com/api/create-chat-completion (prompt_cache_hit_tokens),
// https://docs.x.ai/docs/guides/reasoning (reasoning tokens beside completion tokens),
// https://platform.openai.com/docs/api-reference/audio/json-object (input_token_details).
func Usage(raw []byte) (llm.Usage, bool) {
	if len(raw) == 0 || raw[0] != '{' {
		return llm.Usage{}, false
	}
	var u llm.Usage
	var total int64
	gjson.ParseBytes(raw).ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "prompt_tokens", "input_tokens":
			u.Input, u.Known = count(value), true
		case "completion_tokens", "output_tokens":
			u.Output, u.Known = count(value), true
		case "total_tokens":
			total = count(value)
		case "prompt_cache_hit_tokens", "cached_tokens":
			u.CachedInput = max(u.CachedInput, count(value))
		case "prompt_tokens_details", "input_tokens_details", "input_token_details":
			u.CachedInput = max(u.CachedInput, count(value.Get("cached_tokens")))
			u.CacheWrite = max(u.CacheWrite, count(value.Get("cache_write_tokens")))
			u.CacheHour = count(value.Get("cache_write_1h_tokens")) // the hub's own word
			u.InputAudio = count(value.Get("audio_tokens"))
		case "completion_tokens_details", "output_tokens_details":
			u.Reasoning = max(u.Reasoning, count(value.Get("reasoning_tokens")))
			u.OutputAudio = count(value.Get("audio_tokens"))
		}
		return true
	})
	switch {
	case !u.Known && total > 0: // rerank and some embeddings say no more
		u.Input, u.Known = total, true
	case u.Reasoning > 0 && total == u.Input+u.Output+u.Reasoning:
		u.Output += u.Reasoning // xAI counts reasoning beside the output, not in it
	}
	return u, u.Known
}

// maxCount is the most tokens that a provider is believed to have counted. What is above it
// is damage, and must not get into sums that are never reset.
const maxCount = 1 << 40

// Count reads a number of tokens, and returns false for what is none that is believed.
func Count(v gjson.Result) (n int64, ok bool) {
	if v.Type != gjson.Number || !(v.Num >= 0 && v.Num <= maxCount) {
		return 0, false
	}
	return int64(v.Num), true
}

func count(v gjson.Result) int64 {
	n, _ := Count(v)
	return n
}
