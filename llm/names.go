package llm

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// memberName returns the text of a member's quoted name, and false when it has an escape
// that means nothing. Names that requests
// and replies often have need no allocation.
func memberName(quoted []byte) (string, bool) {
	text := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(text, '\\') >= 0 {
		var name string
		err := json.Unmarshal(quoted, &name)
		return name, err == nil
	}
	// The compiler compares text with the constants without making a string of it.
	switch string(text) {
	// chat (source: https://platform.openai.com/docs/api-reference/chat/create)
	case "model":
		return "model", true
	case "messages":
		return "messages", true
	case "stream":
		return "stream", true
	case "stream_options":
		return "stream_options", true
	case "temperature":
		return "temperature", true
	case "top_p":
		return "top_p", true
	case "n":
		return "n", true
	case "stop":
		return "stop", true
	case "max_tokens":
		return "max_tokens", true
	case "max_completion_tokens":
		return "max_completion_tokens", true
	case "presence_penalty":
		return "presence_penalty", true
	case "frequency_penalty":
		return "frequency_penalty", true
	case "logit_bias":
		return "logit_bias", true
	case "logprobs":
		return "logprobs", true
	case "top_logprobs":
		return "top_logprobs", true
	case "response_format":
		return "response_format", true
	case "seed":
		return "seed", true
	case "service_tier":
		return "service_tier", true
	case "tools":
		return "tools", true
	case "tool_choice":
		return "tool_choice", true
	case "parallel_tool_calls":
		return "parallel_tool_calls", true
	case "reasoning_effort":
		return "reasoning_effort", true
	case "verbosity":
		return "verbosity", true
	case "user":
		return "user", true
	case "metadata":
		return "metadata", true
	case "store":
		return "store", true
	case "modalities":
		return "modalities", true
	case "audio":
		return "audio", true
	case "prediction":
		return "prediction", true
	case "prompt_cache_key":
		return "prompt_cache_key", true
	case "safety_identifier":
		return "safety_identifier", true
	// the other endpoints
	case "input":
		return "input", true
	case "instructions":
		return "instructions", true
	case "prompt":
		return "prompt", true
	case "max_output_tokens":
		return "max_output_tokens", true
	case "previous_response_id":
		return "previous_response_id", true
	case "reasoning":
		return "reasoning", true
	case "text":
		return "text", true
	case "truncation":
		return "truncation", true
	case "include":
		return "include", true
	case "encoding_format":
		return "encoding_format", true
	case "dimensions":
		return "dimensions", true
	case "size":
		return "size", true
	case "quality":
		return "quality", true
	case "voice":
		return "voice", true
	case "speed":
		return "speed", true
	case "query":
		return "query", true
	case "documents":
		return "documents", true
	case "top_n":
		return "top_n", true
	case "suffix":
		return "suffix", true
	// replies (source: https://platform.openai.com/docs/api-reference/chat/object)
	case "id":
		return "id", true
	case "object":
		return "object", true
	case "created":
		return "created", true
	case "created_at":
		return "created_at", true
	case "choices":
		return "choices", true
	case "usage":
		return "usage", true
	case "system_fingerprint":
		return "system_fingerprint", true
	case "provider":
		return "provider", true
	case "error":
		return "error", true
	case "status":
		return "status", true
	case "output":
		return "output", true
	case "output_text":
		return "output_text", true
	case "data":
		return "data", true
	case "results":
		return "results", true
	case "type":
		return "type", true
	case "sequence_number":
		return "sequence_number", true
	case "response":
		return "response", true
	case "delta":
		return "delta", true
	case "item_id":
		return "item_id", true
	case "output_index":
		return "output_index", true
	case "content_index":
		return "content_index", true
	case "item":
		return "item", true
	case "part":
		return "part", true
	case "obfuscation":
		return "obfuscation", true
	case "incomplete_details":
		return "incomplete_details", true
	// what other vendors say in their streams
	case "index":
		return "index", true
	case "message":
		return "message", true
	case "content_block":
		return "content_block", true
	case "stop_reason":
		return "stop_reason", true
	case "candidates":
		return "candidates", true
	case "usageMetadata":
		return "usageMetadata", true
	case "modelVersion":
		return "modelVersion", true
	case "responseId":
		return "responseId", true
	case "contentBlockIndex":
		return "contentBlockIndex", true
	case "p":
		return "p", true
	case "stopReason":
		return "stopReason", true
	case "metrics":
		return "metrics", true
	// Mulligan's own
	case "context":
		return "context", true
	case "inputs":
		return "inputs", true
	default:
		return string(text), true
	}
}

// Misspelled returns the member that a name is but for the case of its letters, and false for
// a name that is spelled as it should be or that is no member of any request.
func Misspelled(name string) (string, bool) {
	if lowerCase(name) {
		return "", false
	}
	for _, known := range requestMembers {
		if strings.EqualFold(name, known) {
			return known, true
		}
	}
	return "", false
}

// lowerCase says whether a name has only characters that no other spelling folds to.
func lowerCase(name string) bool {
	for i := range len(name) {
		if c := name[i]; c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// requestMembers are the members of requests that Mulligan or a provider acts on
// (sources: https://platform.openai.com/docs/api-reference, https://platform.claude.com/docs/en/api/messages).
var requestMembers = strings.Fields(`
	model messages stream stream_options temperature top_p top_k n stop stop_sequences max_tokens max_completion_tokens
	max_output_tokens presence_penalty frequency_penalty logit_bias logprobs top_logprobs response_format seed service_tier
	tools tool_choice parallel_tool_calls functions function_call reasoning reasoning_effort thinking verbosity text user
	metadata store background modalities audio prediction web_search_options prompt_cache_key safety_identifier
	system input instructions prompt previous_response_id conversation include truncation encoding_format dimensions size quality
	style voice speed query documents top_n suffix context inputs`)

// unquote returns the text of a JSON string. One with damaged escapes is returned as it is
// between its quotes.
func unquote(quoted []byte) string {
	text := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(text, '\\') < 0 {
		return string(text)
	}
	var unescaped string
	if json.Unmarshal(quoted, &unescaped) != nil {
		return string(text)
	}
	return unescaped
}

// shorten returns a name as an error message shows it.
func shorten(name string) string {
	const most = 64
	if len(name) <= most {
		return name
	}
	return name[:most] + "…"
}
