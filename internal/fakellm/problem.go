package fakellm

import (
	"net/http"
	"strconv"
	"time"
)

// problem is an error that the provider reports.
type problem struct {
	status        int
	code, message string
	wait          time.Duration // how long it asks to wait; 0 for not saying
	stream        bool          // a stream was asked for
	inside        bool          // the status is 200 nevertheless
}

// Error answers with an error, as the vendor writes it. code is OpenAI's word for it; vendors
// with words of their own have them by the status.
func Error(status int, code, message string) Step {
	return func(c *Call) { c.fail(status, problem{status: status, code: code, message: message}) }
}

// Limited answers 429 and says in the vendor's way how long to wait: OpenAI in the header
// Retry-After-Ms, Google in a RetryInfo, the others in whole seconds in Retry-After. Waits of
// an hour and more are in Retry-After at all of them but Google.
func Limited(wait time.Duration, code, message string) Step {
	return func(c *Call) {
		c.fail(http.StatusTooManyRequests, problem{status: http.StatusTooManyRequests, code: code, message: message, wait: wait})
	}
}

// ErrorInside answers 200 with a body that is an error.
func ErrorInside(status int, code, message string) Step {
	return func(c *Call) {
		c.fail(http.StatusOK, problem{status: status, code: code, message: message, inside: true})
	}
}

func (c *Call) fail(status int, p problem) {
	p.stream = c.Stream()
	JSON(status, c.shape().failure(&p, c.w.Header()))(c)
}

// seconds adds a header that says how long to wait, in whole seconds.
func (p *problem) seconds(h http.Header) {
	if p.wait > 0 {
		h.Set("Retry-After", strconv.Itoa(int((p.wait+time.Second-1)/time.Second)))
	}
}

// openAIFailure is OpenAI's envelope. Short waits are in milliseconds.
func openAIFailure(p *problem, h http.Header) any {
	if p.wait > 0 && p.wait < time.Hour {
		h.Set("Retry-After-Ms", strconv.FormatInt(p.wait.Milliseconds(), 10))
	} else {
		p.seconds(h)
	}
	return object{"error": errorObject(p.status, p.code, p.message)}
}

func errorObject(status int, code, message string) object {
	kind := "invalid_request_error"
	switch {
	case status >= http.StatusInternalServerError:
		kind = "server_error"
	case status == http.StatusTooManyRequests:
		kind = "requests"
	}
	return object{"message": message, "type": kind, "param": nil, "code": code}
}

// messagesFailure is Anthropic's (source: https://platform.claude.com/docs/en/api/errors).
func messagesFailure(p *problem, h http.Header) any {
	p.seconds(h)
	return object{
		"type": "error", "error": object{"type": messagesErrorType(p.status), "message": p.message}, "request_id": "req_fake",
	}
}

func messagesErrorType(status int) string {
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
	case http.StatusGatewayTimeout:
		return "timeout_error"
	case http.StatusServiceUnavailable, 529:
		return "overloaded_error"
	}
	if status >= http.StatusInternalServerError {
		return "api_error"
	}
	return "invalid_request_error"
}

// geminiFailure is Google's, in an array where a stream was asked for
// (source: https://cloud.google.com/apis/design/errors).
func geminiFailure(p *problem, _ http.Header) any {
	e := object{"code": p.status, "message": p.message, "status": googleStatus(p.status)}
	var details []any
	if p.code == "API_KEY_INVALID" {
		details = append(details, object{
			"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": p.code, "domain": "googleapis.com",
		})
	}
	if p.wait > 0 {
		details = append(details, object{
			"@type":      "type.googleapis.com/google.rpc.RetryInfo",
			"retryDelay": strconv.FormatFloat(p.wait.Seconds(), 'f', -1, 64) + "s",
		})
	}
	if details != nil {
		e["details"] = details
	}
	if p.stream {
		return []any{object{"error": e}}
	}
	return object{"error": e}
}

// googleStatus is the name of a status
// (source: https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto).
func googleStatus(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "INVALID_ARGUMENT"
	case http.StatusUnauthorized:
		return "UNAUTHENTICATED"
	case http.StatusForbidden:
		return "PERMISSION_DENIED"
	case http.StatusNotFound:
		return "NOT_FOUND"
	case http.StatusConflict:
		return "ABORTED"
	case http.StatusTooManyRequests:
		return "RESOURCE_EXHAUSTED"
	case http.StatusInternalServerError:
		return "INTERNAL"
	case http.StatusServiceUnavailable:
		return "UNAVAILABLE"
	case http.StatusGatewayTimeout:
		return "DEADLINE_EXCEEDED"
	}
	return "UNKNOWN"
}

// converseFailure is Bedrock's: the error's name is in a header
// (source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html).
func converseFailure(p *problem, h http.Header) any {
	p.seconds(h)
	name := exceptions[p.status]
	if p.code == "ServiceQuotaExceededException" {
		name = p.code
	}
	if name != "" {
		h.Set("X-Amzn-Errortype", name+":http://internal.amazon.com/coral/com.amazon.bedrock/")
	}
	return object{"message": p.message}
}

// exceptions are Bedrock's names for errors with a status.
var exceptions = map[int]string{
	http.StatusBadRequest:          "ValidationException",
	http.StatusForbidden:           "AccessDeniedException",
	http.StatusNotFound:            "ResourceNotFoundException",
	http.StatusRequestTimeout:      "ModelTimeoutException",
	http.StatusConflict:            "ConflictException",
	http.StatusFailedDependency:    "ModelErrorException",
	http.StatusTooManyRequests:     "ThrottlingException",
	http.StatusInternalServerError: "InternalServerException",
	http.StatusServiceUnavailable:  "ServiceUnavailableException",
}
