package gemini

import (
	"net/http"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/failure"
)

// blocked is the reason that stands for a prompt which was blocked.
const blocked = "SAFETY"

// finishes are the finish reasons that have a word of OpenAI's. Those of safety are the many
// ways to say that Google withholds the answer, or the rest of it. MODEL_ARMOR and the newer
// IMAGE_ ones are not in every list of Google's.
// Source: https://ai.google.dev/api/generate-content#FinishReason,
// https://cloud.google.com/vertex-ai/docs/reference/rest/v1/GenerateContentResponse#finishreason.
var finishes = map[string]string{
	"STOP":                     "stop",
	"MAX_TOKENS":               "length",
	"SAFETY":                   "content_filter",
	"RECITATION":               "content_filter",
	"LANGUAGE":                 "content_filter",
	"BLOCKLIST":                "content_filter",
	"PROHIBITED_CONTENT":       "content_filter",
	"SPII":                     "content_filter",
	"MODEL_ARMOR":              "content_filter",
	"IMAGE_SAFETY":             "content_filter",
	"IMAGE_PROHIBITED_CONTENT": "content_filter",
	"IMAGE_RECITATION":         "content_filter",
}

// failed are the finish reasons of a model that has gone wrong: it tried to call a function
// and could not. They have no word of OpenAI's.
var failed = map[string]bool{
	"MALFORMED_FUNCTION_CALL": true, "UNEXPECTED_TOOL_CALL": true, "TOO_MANY_TOOL_CALLS": true, "MALFORMED_RESPONSE": true,
	"MISSING_THOUGHT_SIGNATURE": true,
}

// finish is a candidate's finish reason in OpenAI's words. Calls count first, since Google
// says STOP for them too. A reason without a word, be it OTHER, one of the failed or one that
// is not known yet, is stop where there is an answer, for which that is the nearest truth, and
// content_filter where there is none: an empty answer that is said to be whole would mislead.
func (c *candidate) finish() string {
	word := finishes[c.reason]
	switch {
	case c.called > 0 && (word == "stop" || word == ""):
		return "tool_calls"
	case word != "":
		return word
	case c.spoke:
		return "stop"
	}
	return "content_filter"
}

// said says whether there is something of an answer.
func (c *candidate) said() bool { return c.spoke || c.called > 0 }

// failure returns an error for a candidate that has gone wrong before it said anything, so
// that another attempt can answer. One that has said something is kept.
func (c *candidate) failure(message string) error {
	if !failed[c.reason] || c.said() {
		return nil
	}
	if message == "" {
		message = "The model ended its answer with " + c.reason + "."
	}
	return &dialect.ReportedError{Failure: failure.Failure{
		Status: http.StatusBadGateway, Class: failure.Server, Code: c.reason, Message: message,
	}}
}
