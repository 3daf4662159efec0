package metrics

import (
	"net/http"
	"strconv"

	"github.com/mulligan-gateway/mulligan/llm"
)

// This file holds every name that comes from OpenTelemetry's semantic conventions for
// generative AI, which are still in development: when they change, this is the file to
// change. Source: https://github.com/open-telemetry/semantic-conventions-genai

// Span attributes. Prometheus labels are the same names with underscores.
const (
	attrOperation    = "gen_ai.operation.name"
	attrProvider     = "gen_ai.provider.name"
	attrRequestModel = "gen_ai.request.model"
	attrStream       = "gen_ai.request.stream" // only set when streaming

	attrResponseID    = "gen_ai.response.id"
	attrResponseModel = "gen_ai.response.model"
	attrFinishReasons = "gen_ai.response.finish_reasons"
	attrFirstChunk    = "gen_ai.response.time_to_first_chunk" // seconds since the attempt began, only when streaming

	attrInputTokens      = "gen_ai.usage.input_tokens"                // cached ones included
	attrOutputTokens     = "gen_ai.usage.output_tokens"               // reasoning included
	attrCacheReadTokens  = "gen_ai.usage.cache_read.input_tokens"     // part of the input tokens
	attrCacheWriteTokens = "gen_ai.usage.cache_creation.input_tokens" // part of the input tokens
	attrReasoningTokens  = "gen_ai.usage.reasoning.output_tokens"     // part of the output tokens

	// An event, on the span of the request that brings feedback.
	eventEvaluation    = "gen_ai.evaluation.result"
	attrEvaluationName = "gen_ai.evaluation.name"
	attrScoreValue     = "gen_ai.evaluation.score.value"
	attrScoreLabel     = "gen_ai.evaluation.score.label"
	attrExplanation    = "gen_ai.evaluation.explanation"

	attrErrorType  = "error.type"
	attrHTTPStatus = "http.response.status_code"
)

// Labels of the gen_ai series.
const (
	labelOperation     = "gen_ai_operation_name"
	labelGenAIProvider = "gen_ai_provider_name"
	labelRequestModel  = "gen_ai_request_model"
	labelResponseModel = "gen_ai_response_model"
	labelTokenType     = "gen_ai_token_type"
	labelErrorType     = "error_type"
)

// Bucket bounds as the conventions give them: tokens, and seconds.
var (
	tokenBounds = []float64{
		1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864,
	}
	durationBounds = []float64{
		0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
	}
	firstTokenBounds = []float64{
		0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
	}
	perTokenBounds = []float64{0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5}
)

// genAI adds the gen_ai rows to the table. O is the number of operations in use (chat,
// embeddings, …), T the number of targets. The model that a provider says has answered is a
// label only when it is itself a target of that provider, so it adds at most "other" and
// the provider's own models.
func (m *meter) genAI() {
	model := []string{labelOperation, labelGenAIProvider, labelRequestModel, labelResponseModel}
	m.tokenUsage = m.histogram(series{
		name: "gen_ai_client_token_usage", unit: "tokens",
		help:      "Tokens used per answer.",
		labels:    append(model[:4:4], labelTokenType),
		bounds:    tokenBounds,
		worstCase: "O × T × response models × 2 token types",
		note:      "Token types are `input`, which includes cached tokens, and `output`, which includes reasoning.",
	})
	m.duration = m.histogram(series{
		name: "gen_ai_client_operation_duration_seconds", unit: "seconds",
		help:      "Duration of one request to a provider, in seconds, to the end of its reply.",
		labels:    append(model[:4:4], labelErrorType),
		bounds:    durationBounds,
		worstCase: "O × T × response models × error types (about 70)",
		note:      "One observation per attempt, so retries and fallbacks count too. `error_type` is empty for an attempt that went well.",
	})
	m.firstToken = m.histogram(series{
		name: "gen_ai_server_time_to_first_token_seconds", unit: "seconds",
		help:      "Time in seconds from a streaming request's arrival until the first meaningful output was in hand.",
		labels:    model,
		bounds:    firstTokenBounds,
		worstCase: "O × T × response models",
		note:      "Failed attempts before the one that answered are in it: it is what the client waited for. Streams only.",
	})
	m.perToken = m.histogram(series{
		name: "gen_ai_server_time_per_output_token_seconds", unit: "seconds",
		help:      "Time in seconds per output token after the first one.",
		labels:    model,
		bounds:    perTokenBounds,
		worstCase: "O × T × response models",
		note:      "Streams that went well and whose usage is known, only.",
	})
}

// operations are the gen_ai.operation.name values that may be a label.
var operations = func() map[string]bool {
	known := map[string]bool{}
	for _, e := range llm.Endpoints() {
		known[e.Operation()] = true
	}
	return known
}()

// operationLabel returns the operation of an endpoint, or "other" for an endpoint that is
// not one of ours.
func operationLabel(e llm.Endpoint) string {
	if op := e.Operation(); operations[op] {
		return op
	}
	return other
}

// errorCodes are the error codes that may be an error type: Mulligan's own, and those that
// the OpenAI and Anthropic APIs document. A provider may send any text as its code, so the
// set is closed.
var errorCodes = map[string]bool{
	string(llm.CodeUnsupportedByProvider): true,
	string(llm.CodeUpstreamUnavailable):   true,
	string(llm.CodeUpstreamTimeout):       true,
	string(llm.CodeUpstreamBusy):          true,
	string(llm.CodeStreamInterrupted):     true,
	string(llm.CodeInternalError):         true,
	errorCancelled:                        true,
	"rate_limit_exceeded":                 true,
	"insufficient_quota":                  true,
	"invalid_api_key":                     true,
	"model_not_found":                     true,
	"context_length_exceeded":             true,
	"content_filter":                      true,
	"server_error":                        true,
	"api_error":                           true,
	"rate_limit_error":                    true,
	"overloaded_error":                    true,
}

// errorCancelled is the error type of an attempt that ended as the client left.
const errorCancelled = "cancelled"

// statusTypes spells the HTTP failure statuses, so that counting one makes no string.
var statusTypes = func() (types [600]string) {
	for status := 400; status < len(types); status++ {
		switch {
		case http.StatusText(status) != "" || status == 529: // 529 is Anthropic's "overloaded"
			types[status] = strconv.Itoa(status)
		case status < 500:
			types[status] = "4xx"
		default:
			types[status] = "5xx"
		}
	}
	return types
}()

// errorType returns an attempt's error.type, a closed set: "" when it went well, the HTTP
// status that it failed with, else its error code where that is a known one, else "other".
// A reply that was accepted and broke later has its outcome's code.
func errorType(x *llm.Exchange, a *llm.Attempt) string {
	switch {
	case a.Verdict == llm.VerdictOK:
		return lateErrorType(x, a)
	case a.Status >= 400 && a.Status < len(statusTypes):
		return statusTypes[a.Status]
	case errorCodes[a.ErrorCode]:
		return a.ErrorCode
	case a.ErrorCode == "" && x.Outcome == llm.OutcomeCancelled:
		return errorCancelled
	default:
		return other
	}
}

func lateErrorType(x *llm.Exchange, a *llm.Attempt) string {
	switch x.Outcome {
	case llm.OutcomeInterrupted:
		return string(llm.CodeStreamInterrupted)
	case llm.OutcomeTimeout:
		return string(llm.CodeUpstreamTimeout)
	case llm.OutcomeCancelled:
		return errorCancelled
	}
	switch {
	case a.ErrorCode == "":
		return ""
	case errorCodes[a.ErrorCode]:
		return a.ErrorCode
	default:
		return other
	}
}
