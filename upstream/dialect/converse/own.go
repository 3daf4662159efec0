package converse

import (
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// own is those members of a request that mean something to Bedrock or to the model, and that
// chat does not have.
type own struct {
	topK, thinking, claudeOutput gjson.Result
	additional, outputConfig     gjson.Result

	native []byte // Converse's own members, with commas between them
	more   []byte // members for the model, with commas between them
}

// unable is what Converse cannot say.
var unable = hub.Unable{
	N:          "Bedrock's Converse API gives one answer",
	Logprobs:   "Bedrock's Converse API has no log probabilities",
	LogitBias:  "Bedrock's Converse API has none",
	Audio:      "Bedrock's Converse API does not speak",
	Prediction: "Bedrock's Converse API takes no predicted output",
	WebSearch:  "Bedrock's Converse API does not search",
	Modalities: "Bedrock's Converse API answers in text",
}

// member keeps a member that is not among those that all dialects read.
func (r *request) member(name, value gjson.Result) {
	switch name.Str {
	case "top_k":
		r.own.topK = value
	case "thinking":
		r.own.thinking = value
	case "output_config":
		r.own.claudeOutput = value
	case "additionalModelRequestFields":
		r.own.additional = value
	case "outputConfig":
		r.own.outputConfig = value
	default:
		switch {
		case hub.IsHint(name.Str):
			r.dropped.Add(name.Str)
		case isNative(name.Str):
			r.own.native = hub.Member(r.own.native, name.Str, value.Raw)
		default:
			r.own.more = hub.Copy(r.own.more, name, value)
		}
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
