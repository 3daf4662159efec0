package converse

import (
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
)

// hub is where those members of a request of chat are that mean something here.
type hub struct {
	messages, tools, functions          gjson.Result
	toolChoice, functionCall, parallel  gjson.Result
	format, stop                        gjson.Result
	maxTokens, maxCompletion            gjson.Result
	temperature, topP, topK             gjson.Result
	effort, thinking, claudeOutput      gjson.Result
	n, logprobs, topLogprobs, logitBias gjson.Result
	modalities, audio, prediction       gjson.Result
	webSearch, presence, frequency      gjson.Result
	additional, outputConfig            gjson.Result

	hints  []string // members that are there and are only hints
	native []byte   // Converse's own members, with commas between them
	more   []byte   // members for the model, with commas between them
}

// read finds the members.
func (h *hub) read(root gjson.Result) {
	root.ForEach(func(key, value gjson.Result) bool {
		switch v := h.place(key.Str); {
		case v != nil:
			*v = value
		case isSaidAnew(key.Str) || !present(value):
		case isHint(key.Str):
			h.hints = append(h.hints, key.Str)
		case isNative(key.Str):
			h.native = member(h.native, key.Str, value.Raw)
		default:
			h.more = append(llm.AppendString(comma(h.more), key.Str), ':')
			h.more = append(h.more, value.Raw...)
		}
		return true
	})
}

// place returns where a member is kept, or nil.
func (h *hub) place(name string) *gjson.Result {
	switch name {
	case "messages":
		return &h.messages
	case "tools":
		return &h.tools
	case "functions":
		return &h.functions
	case "tool_choice":
		return &h.toolChoice
	case "function_call":
		return &h.functionCall
	case "parallel_tool_calls":
		return &h.parallel
	case "response_format":
		return &h.format
	case "stop":
		return &h.stop
	case "max_tokens":
		return &h.maxTokens
	case "max_completion_tokens":
		return &h.maxCompletion
	case "temperature":
		return &h.temperature
	case "top_p":
		return &h.topP
	case "top_k":
		return &h.topK
	case "reasoning_effort":
		return &h.effort
	case "thinking":
		return &h.thinking
	case "output_config":
		return &h.claudeOutput
	case "additionalModelRequestFields":
		return &h.additional
	case "outputConfig":
		return &h.outputConfig
	default:
		return h.placeUnsaid(name)
	}
}

// placeUnsaid returns where a member is kept that Converse has no word for, or nil.
func (h *hub) placeUnsaid(name string) *gjson.Result {
	switch name {
	case "n":
		return &h.n
	case "logprobs":
		return &h.logprobs
	case "top_logprobs":
		return &h.topLogprobs
	case "logit_bias":
		return &h.logitBias
	case "modalities":
		return &h.modalities
	case "audio":
		return &h.audio
	case "prediction":
		return &h.prediction
	case "web_search_options":
		return &h.webSearch
	case "presence_penalty":
		return &h.presence
	case "frequency_penalty":
		return &h.frequency
	default:
		return nil
	}
}

// isSaidAnew says whether a member is written from what the caller says.
func isSaidAnew(name string) bool {
	return name == "model" || name == "stream" || name == "stream_options"
}

// isHint says whether a member of OpenAI's has no counterpart and changes nothing of what is asked.
func isHint(name string) bool {
	switch name {
	case "user", "safety_identifier", "metadata", "seed", "service_tier", "store", "verbosity",
		"prompt_cache_key", "prompt_cache_retention", "prompt_cache_options":
		return true
	default:
		return false
	}
}

// isNative says whether a member is one of Converse's own, which clients may say in Converse's
// words. What the hub has words for is not among them.
func isNative(name string) bool {
	switch name {
	case "guardrailConfig", "performanceConfig", "promptVariables", "requestMetadata", "serviceTier", "additionalModelResponseFieldPaths":
		return true
	default:
		return false
	}
}

// refuse returns the refusal of what Converse cannot say and what changes what is asked.
func (h *hub) refuse() error {
	switch {
	case present(h.n) && h.n.Num != 1:
		return unsupported("n", "Bedrock's Converse API gives one answer")
	case h.logprobs.Type == gjson.True, h.topLogprobs.Num > 0:
		return unsupported("logprobs", "Bedrock's Converse API has no log probabilities")
	case h.logitBias.IsObject() && len(h.logitBias.Map()) > 0:
		return unsupported("logit_bias", "Bedrock's Converse API has none")
	case present(h.audio):
		return unsupported("audio", "Bedrock's Converse API does not speak")
	case present(h.prediction):
		return unsupported("prediction", "Bedrock's Converse API takes no predicted output")
	case present(h.webSearch):
		return unsupported("web_search_options", "Bedrock's Converse API does not search")
	}
	return elements(h.modalities, func(_ int, v gjson.Result) error {
		if v.Str == "text" || !present(v) {
			return nil
		}
		return unsupported("modalities", "Bedrock's Converse API answers in text")
	})
}

// leave names the hints that are left out. Those that say the default are no loss.
func (h *hub) leave(d *drops) {
	for _, name := range h.hints {
		d.add(name)
	}
	if h.presence.Num != 0 {
		d.add("presence_penalty")
	}
	if h.frequency.Num != 0 {
		d.add("frequency_penalty")
	}
}

// limit returns the answer's limit in tokens that the client says, 0 for none.
func (h *hub) limit() int64 {
	for _, v := range [...]gjson.Result{h.maxCompletion, h.maxTokens} {
		if v.Type == gjson.Number {
			return v.Int()
		}
	}
	return 0
}
