package fakellm

import (
	"cmp"
	"net/http"
	"strconv"
)

// azureCodes are Azure's own codes of errors with a status; the others have the status in words'
// place, as a string.
var azureCodes = map[int]string{
	http.StatusNotFound:        "DeploymentNotFound",
	http.StatusTooManyRequests: "RateLimitReached",
}

// azureFailure is Azure's: OpenAI's envelope with codes of its own and without types, or what its
// filter of contents says, with the reasons inside (sources:
// https://learn.microsoft.com/en-us/azure/ai-foundry/openai/quotas-limits,
// https://learn.microsoft.com/en-us/azure/ai-foundry/openai/concepts/content-filter).
func azureFailure(p *problem, h http.Header) any {
	p.seconds(h)
	if p.code != "content_filter" {
		return object{"error": object{"code": cmp.Or(azureCodes[p.status], strconv.Itoa(p.status)), "message": p.message}}
	}
	return object{"error": object{
		"message": p.message, "type": nil, "param": "prompt", "code": p.code, "status": p.status,
		"innererror": object{
			"code":                  "ResponsibleAIPolicyViolation",
			"content_filter_result": object{"violence": object{"filtered": true, "severity": "medium"}},
		},
	}}
}

// azureStream is OpenAI's chat with Azure's errors.
type azureStream struct{ chatStream }

func (s *azureStream) fail(p *problem) { s.c.event("", mustJSON(azureFailure(p, nil))) }

// rawPredictFailure is what Vertex AI says for Claude: Google's errors where Google stands in
// front of the model, for who is not let in, what is not there, quotas and capacity; and else
// Anthropic's as they are
// (source: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude).
func rawPredictFailure(p *problem, h http.Header) any {
	if p.inside {
		return messagesFailure(p, h)
	}
	switch p.status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return geminiFailure(p, h)
	}
	return messagesFailure(p, h)
}
