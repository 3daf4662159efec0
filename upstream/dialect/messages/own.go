package messages

import (
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// own is those members of a request that mean something to Anthropic and that chat does not
// have, or has for something else.
type own struct {
	topK, thinking, outputConfig gjson.Result
	user, safetyID, metadata     gjson.Result
	extra                        []byte // members that are passed on, with commas between them
}

// unable is what messages cannot say.
var unable = hub.Unable{
	N:          "Anthropic's API gives one answer",
	Logprobs:   "Anthropic's API has no log probabilities",
	LogitBias:  "Anthropic's API has none",
	Audio:      "Anthropic's models do not speak",
	Prediction: "Anthropic's API takes no predicted output",
	WebSearch:  "Anthropic's API searches with a tool instead",
	Modalities: "Anthropic's models answer in text",
}

// member keeps a member that is not among those that all dialects read.
func (r *request) member(name, value gjson.Result) {
	switch name.Str {
	case "top_k":
		r.own.topK = value
	case "thinking":
		r.own.thinking = value
	case "output_config":
		r.own.outputConfig = value
	case "user":
		r.own.user = value
	case "safety_identifier":
		r.own.safetyID = value
	case "metadata":
		r.own.metadata = value
	case "service_tier":
		if value.Str == "standard_only" { // Anthropic's own word
			r.own.extra = hub.Copy(r.own.extra, name, value)
		} else {
			r.dropped.Add(name.Str)
		}
	default:
		if hub.IsHint(name.Str) {
			r.dropped.Add(name.Str)
		} else {
			r.own.extra = hub.Copy(r.own.extra, name, value)
		}
	}
}

// dropMetadata names the metadata, of which Anthropic takes the user's id alone.
func (r *request) dropMetadata() {
	r.own.metadata.ForEach(func(key, _ gjson.Result) bool {
		if key.Str != "user_id" {
			r.dropped.Add("metadata")
		}
		return true
	})
}
