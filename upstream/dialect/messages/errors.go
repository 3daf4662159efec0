package messages

import (
	"net/http"

	"github.com/mulligan-gateway/mulligan/llm"
)

// AppendError implements dialect.FrontDoor: {"type":"error","error":{"type":…,"message":…}}
// (source: https://platform.claude.com/docs/en/api/errors).
func (frontDoor) AppendError(b []byte, e *llm.Error) []byte {
	b = append(b, `{"type":"error","error":{"type":"`...)
	b = append(b, errorType(e.Status)...)
	b = append(b, `","message":`...)
	return append(llm.AppendString(b, e.Message), "}}"...)
}

// AppendErrorEvent appends the event that ends a client's stream with an error.
func AppendErrorEvent(b []byte, e *llm.Error) []byte {
	b = append(b, "event: error\ndata: "...)
	b = frontDoor{}.AppendError(b, e)
	return append(b, "\n\n"...)
}

// statusOverloaded is what Anthropic answers with when it has no room.
const statusOverloaded = 529

// errorType is Anthropic's type of an error with a status.
func errorType(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "authentication_error"
	case http.StatusPaymentRequired:
		return "billing_error"
	case http.StatusForbidden:
		return "permission_error"
	case http.StatusNotFound:
		return "not_found_error"
	case http.StatusRequestEntityTooLarge:
		return "request_too_large"
	case http.StatusTooManyRequests:
		return "rate_limit_error"
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return "timeout_error"
	case http.StatusServiceUnavailable, statusOverloaded:
		return "overloaded_error"
	}
	if status >= http.StatusInternalServerError {
		return "api_error"
	}
	return "invalid_request_error"
}
