package llm

import (
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"
)

// Code is the machine-readable code of an error that Mulligan itself answers with. A
// provider's own codes pass through as they are.
type Code string

// Mulligan's own error codes, with the status each is sent with.
const (
	CodeDeploymentRequired    Code = "deployment_required"     // 400
	CodeDeploymentNotFound    Code = "deployment_not_found"    // 404
	CodeModelNotActivated     Code = "model_not_activated"     // 403
	CodeVariantNotFound       Code = "variant_not_found"       // 422
	CodeRuleError             Code = "rule_error"              // 422
	CodeInputMissing          Code = "input_missing"           // 422
	CodeInvalidContext        Code = "invalid_context"         // 400
	CodeInvalidJSON           Code = "invalid_json"            // 400
	CodeBodyTooLarge          Code = "body_too_large"          // 413
	CodeUnsupportedByProvider Code = "unsupported_by_provider" // 400
	CodeUpstreamUnavailable   Code = "upstream_unavailable"    // 502
	CodeUpstreamTimeout       Code = "upstream_timeout"        // 504
	CodeUpstreamBusy          Code = "upstream_busy"           // 429
	CodeStreamInterrupted     Code = "stream_interrupted"      // in-stream
	CodeInternalError         Code = "internal_error"          // 500
	CodeMethodNotAllowed      Code = "method_not_allowed"      // 405
	CodeModelNotFound         Code = "model_not_found"         // 404, GET /v1/models/{id}
	CodeNotAvailable          Code = "not_available"           // 501, a path of a later version
	CodeInvalidFeedback       Code = "invalid_feedback"        // 400, feedback, and reports to the metrics path
	CodeRecordsUnavailable    Code = "records_unavailable"     // 503, nothing can be kept now
)

// codeStatus is the status that belongs to each of our codes. stream_interrupted is only
// ever sent inside a stream; 502 is what it would have been before the commit point.
var codeStatus = map[Code]int{
	CodeDeploymentRequired:    http.StatusBadRequest,
	CodeDeploymentNotFound:    http.StatusNotFound,
	CodeModelNotActivated:     http.StatusForbidden,
	CodeVariantNotFound:       http.StatusUnprocessableEntity,
	CodeRuleError:             http.StatusUnprocessableEntity,
	CodeInputMissing:          http.StatusUnprocessableEntity,
	CodeInvalidContext:        http.StatusBadRequest,
	CodeInvalidJSON:           http.StatusBadRequest,
	CodeBodyTooLarge:          http.StatusRequestEntityTooLarge,
	CodeUnsupportedByProvider: http.StatusBadRequest,
	CodeUpstreamUnavailable:   http.StatusBadGateway,
	CodeUpstreamTimeout:       http.StatusGatewayTimeout,
	CodeUpstreamBusy:          http.StatusTooManyRequests,
	CodeStreamInterrupted:     http.StatusBadGateway,
	CodeInternalError:         http.StatusInternalServerError,
	CodeMethodNotAllowed:      http.StatusMethodNotAllowed,
	CodeModelNotFound:         http.StatusNotFound,
	CodeNotAvailable:          http.StatusNotImplemented,
	CodeInvalidFeedback:       http.StatusBadRequest,
	CodeRecordsUnavailable:    http.StatusServiceUnavailable,
}

// Error is a failure as the client is told of it: OpenAI's error envelope with its HTTP
// status. What the client must not see (keys, hosts, causes) is in Cause, which is for
// logs only.
type Error struct {
	Status  int    // HTTP status
	Code    string // one of Mulligan's codes, or the provider's own; "" is sent as null
	Type    string // OpenAI's error type, such as invalid_request_error
	Message string // what happened and what to do about it
	Param   string // the member of the request that is at fault; "" is sent as null
	// RetryAfter is how long the client should wait; 0 sends no Retry-After header.
	RetryAfter time.Duration
	// Cause is what really happened, for logs.
	Cause error
}

// NewError returns one of Mulligan's own errors with the status and type that belong to
// its code.
func NewError(code Code, message string) *Error {
	status := codeStatus[code]
	return &Error{Status: status, Code: string(code), Type: typeOf(status), Message: message}
}

// WithParam names the member of the request that is at fault.
func (e *Error) WithParam(param string) *Error { e.Param = param; return e }

// WithCause keeps what really happened, for logs.
func (e *Error) WithCause(err error) *Error { e.Cause = err; return e }

// WithRetryAfter says how long the client should wait.
func (e *Error) WithRetryAfter(d time.Duration) *Error { e.RetryAfter = d; return e }

func typeOf(status int) string {
	switch {
	case status == http.StatusTooManyRequests:
		return "rate_limit_error"
	case status >= 500:
		return "server_error"
	default:
		return "invalid_request_error"
	}
}

// Error returns the code and the message, without the cause.
func (e *Error) Error() string {
	if e.Code == "" {
		return e.Message
	}
	return e.Code + ": " + e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// AppendJSON appends the error as OpenAI's envelope,
// {"error":{"message":…,"type":…,"param":…,"code":…}}, all four always present
// (source: https://github.com/openai/openai-openapi, schema ErrorResponse).
func (e *Error) AppendJSON(b []byte) []byte {
	b = append(b, `{"error":{"message":`...)
	b = AppendString(b, e.Message)
	b = append(b, `,"type":`...)
	b = AppendString(b, e.Type)
	b = append(b, `,"param":`...)
	b = appendStringOrNull(b, e.Param)
	b = append(b, `,"code":`...)
	b = appendStringOrNull(b, e.Code)
	return append(b, "}}"...)
}

func appendStringOrNull(b []byte, s string) []byte {
	if s == "" {
		return append(b, "null"...)
	}
	return AppendString(b, s)
}

const hexDigits = "0123456789abcdef"

// AppendString appends s as a JSON string. Bytes that are not UTF-8 become U+FFFD, so that
// the result is always valid.
func AppendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			switch {
			case c == '"' || c == '\\':
				b = append(b, '\\', c)
			case c == '\n':
				b = append(b, '\\', 'n')
			case c == '\r':
				b = append(b, '\\', 'r')
			case c == '\t':
				b = append(b, '\\', 't')
			case c < 0x20:
				b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			default:
				b = append(b, c)
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			b = append(b, "\ufffd"...)
		} else {
			b = append(b, s[i:i+size]...)
		}
		i += size
	}
	return append(b, '"')
}

// RetryAfterSeconds returns the value of a Retry-After header: whole seconds, rounded up.
func (e *Error) RetryAfterSeconds() string {
	return strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10)
}
