package messages

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
	effort, thinking, outputConfig      gjson.Result
	user, safetyID, metadata            gjson.Result
	n, logprobs, topLogprobs, logitBias gjson.Result
	modalities, audio, prediction       gjson.Result
	webSearch, presence, frequency      gjson.Result

	hints []string // members that are there and are only hints
	extra []byte   // members that are passed on, each behind a comma
}

// read finds the members.
func (h *hub) read(root gjson.Result) {
	root.ForEach(func(key, value gjson.Result) bool {
		switch v := h.place(key.Str); {
		case v != nil:
			*v = value
		case isSaidAnew(key.Str) || !present(value):
		case isHint(key.Str, value):
			h.hints = append(h.hints, key.Str)
		default:
			h.extra = append(h.extra, ',')
			h.extra = llm.AppendString(h.extra, key.Str)
			h.extra = append(append(h.extra, ':'), value.Raw...)
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
		return &h.outputConfig
	case "user":
		return &h.user
	case "safety_identifier":
		return &h.safetyID
	case "metadata":
		return &h.metadata
	default:
		return h.placeUnsaid(name)
	}
}

// placeUnsaid returns where a member is kept that messages have no word for, or nil.
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
func isHint(name string, value gjson.Result) bool {
	switch name {
	case "service_tier": // standard_only is Anthropic's own word
		return value.Str != "standard_only"
	case "seed", "store", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "verbosity":
		return true
	default:
		return false
	}
}

// refuse returns the refusal of what messages cannot say and what changes what is asked.
func (h *hub) refuse() error {
	switch {
	case present(h.n) && h.n.Num != 1:
		return unsupported("n", "Anthropic's API gives one answer")
	case h.logprobs.Type == gjson.True, h.topLogprobs.Num > 0:
		return unsupported("logprobs", "Anthropic's API has no log probabilities")
	case h.logitBias.IsObject() && len(h.logitBias.Map()) > 0:
		return unsupported("logit_bias", "Anthropic's API has none")
	case present(h.audio):
		return unsupported("audio", "Anthropic's models do not speak")
	case present(h.prediction):
		return unsupported("prediction", "Anthropic's API takes no predicted output")
	case present(h.webSearch):
		return unsupported("web_search_options", "Anthropic's API searches with a tool instead")
	}
	return elements(h.modalities, func(_ int, v gjson.Result) error {
		if v.Str == "text" || !present(v) {
			return nil
		}
		return unsupported("modalities", "Anthropic's models answer in text")
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
	h.metadata.ForEach(func(key, _ gjson.Result) bool {
		if key.Str != "user_id" {
			d.add("metadata")
		}
		return true
	})
}

// limited says whether the answer's limit is known: the client's, or the model's.
func (h *hub) limited(maxOutput int64) bool {
	return h.maxCompletion.Type == gjson.Number || h.maxTokens.Type == gjson.Number || maxOutput > 0
}
