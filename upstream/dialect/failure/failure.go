// Package failure reads what a provider's error says: which kind of failure it is, in whose
// words, and how long to wait. It is pure functions on bytes. What is known of the vendors is
// data: the table in table.go.
package failure

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
)

// Class is what kind of failure a provider reports. The set is closed.
type Class string

// The classes of failures.
const (
	BadRequest    Class = "bad_request"     // the client's request is at fault
	BadKey        Class = "bad_key"         // our key is rejected, or lacks permission
	Quota         Class = "quota"           // our account's money or quota is used up
	RateLimit     Class = "rate_limit"      // too many requests or tokens now
	Overloaded    Class = "overloaded"      // the provider or the model is out of capacity
	ContextLength Class = "context_length"  // the prompt does not fit into the model's context window
	ContentFilter Class = "content_filter"  // the provider's policy refuses the prompt or the answer
	ModelNotFound Class = "model_not_found" // the provider does not have the model, or not for us
	TooLarge      Class = "too_large"       // the request has too many bytes
	Timeout       Class = "timeout"         // the provider took too long, as the provider itself says
	Server        Class = "server"          // the provider failed
	Unknown       Class = "unknown"         // none of the others
)

// Failure is what a provider's error says. Its texts are valid UTF-8 without control
// characters. Message is the provider's own and may name our account or a part of our key;
// Error tells a client less.
type Failure struct {
	// Status is the HTTP status, or the one that an error inside a 200 names; 0 when it names none.
	Status int
	// Class is the kind of failure.
	Class Class
	// Code is the provider's own code, a number as its digits; "" when there is none.
	Code string
	// Type is the provider's own type of the error; "" when there is none.
	Type string
	// Message is for people, at most 1,000 bytes, and never empty.
	Message string
	// Param is the member of the request that is at fault; "" when the provider names none.
	Param string
	// Wait is how long the provider asks to wait, at most 24 hours; 0 when it does not say.
	Wait time.Duration
}

// Read reads an error reply, whose status is 400 or more. No body is too strange for it: one
// that cannot be understood is classified by its status. Of a body that is larger than 64
// KiB only the beginning is read.
func Read(status int, h http.Header, body []byte, now time.Time) Failure {
	e := readBody(body)
	if status >= http.StatusBadRequest {
		e.status = status
	}
	e.amazon(h)
	return e.failure(h, now)
}

// ReadEvent reads an error that came inside a 200: the JSON of an event of a stream, or of a
// plain body. It is false when the JSON says no error, which it finds out without allocating
// for nearly all events.
//
// The JSON says an error when it has a member error that is neither null nor empty (nearly
// all vendors), when its type is error or response.failed, its status is failed (OpenAI
// Responses), its object is error (Mistral, vLLM), or a choice has an error (OpenRouter).
func ReadEvent(data []byte) (Failure, bool) {
	if !maybeError(data) {
		return Failure{}, false
	}
	root, ok := parse(data)
	if !ok || !saysError(root) {
		return Failure{}, false
	}
	var e envelope
	e.root(root)
	return e.failure(nil, time.Time{}), true
}

// ReadException reads an exception of an AWS event stream: the header :exception-type, such as
// throttlingException, and the payload, such as {"message":"…"}
// (source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html).
func ReadException(name string, payload []byte) Failure {
	e := readBody(payload)
	if e.typ == "" {
		e.typ = exceptionName(name)
	}
	return e.failure(nil, time.Time{})
}

// Wait returns how long an error reply asks to wait, from 0 (it does not say) to 24 hours. See
// wait.go for where providers say it.
func Wait(status int, h http.Header, body []byte, now time.Time) time.Duration {
	return Read(status, h, body, now).Wait
}

// failure turns the raw envelope into what the caller gets.
func (e *envelope) failure(h http.Header, now time.Time) Failure {
	f := Failure{Status: e.status, Class: e.classify()}
	f.Code = clean(e.code, maxWord)
	f.Type = clean(e.typ, maxWord)
	f.Param = clean(e.param, maxWord)
	f.Message = withoutMarkup(clean(e.message, maxMessage)) // in this order: a control character may hide a tag
	if f.Message == "" {
		f.Message = statusText(e.status)
	}
	f.Wait = e.wait(f.Class, h, now)
	return f
}

// accountWords is what a client is told instead of the provider's words where those are about
// the operator's account: they quote parts of keys and name organisations. Seen: "Incorrect
// API key provided: na***ys.", "Your account org-… <ak-…> is suspended due to insufficient
// balance", "Your team … has used all available credits".
var accountWords = map[Class]string{
	BadKey: "The provider does not accept this gateway's credentials for the request.",
	Quota:  "This gateway's account at the provider is out of quota or credit.",
}

// usual is the HTTP status and the code, in OpenAI's words, of a class whose error names none
// itself (source: https://platform.openai.com/docs/guides/error-codes).
var usual = map[Class]struct {
	status int
	code   string
}{
	BadRequest:    {http.StatusBadRequest, ""},
	BadKey:        {http.StatusUnauthorized, "invalid_api_key"},
	Quota:         {http.StatusTooManyRequests, "insufficient_quota"},
	RateLimit:     {http.StatusTooManyRequests, "rate_limit_exceeded"},
	Overloaded:    {http.StatusServiceUnavailable, "server_is_overloaded"},
	ContextLength: {http.StatusBadRequest, "context_length_exceeded"},
	ContentFilter: {http.StatusBadRequest, "content_filter"},
	ModelNotFound: {http.StatusNotFound, "model_not_found"},
	TooLarge:      {http.StatusRequestEntityTooLarge, ""},
	Timeout:       {http.StatusGatewayTimeout, ""},
	Server:        {http.StatusInternalServerError, "server_error"},
	Unknown:       {http.StatusInternalServerError, ""},
}

// Error returns the failure as a client may see it, in OpenAI's envelope. Status, code and
// type are the provider's own; where it has none they are OpenAI's words for the class and
// the status. A message about our own account is replaced, and kept as the cause. Whether
// the client should wait is left to the caller, who may have other providers to ask.
func (f *Failure) Error() *llm.Error {
	e := &llm.Error{Status: f.Status, Code: f.Code, Type: f.Type, Message: f.Message, Param: f.Param}
	if e.Status < http.StatusBadRequest {
		e.Status = usual[f.Class].status
	}
	if e.Code == "" || e.Code == strconv.Itoa(e.Status) { // Google, OpenRouter and others repeat the status
		e.Code = usual[f.Class].code
	}
	if e.Type == "" {
		e.Type = f.typeFor(e.Status)
	}
	if words := accountWords[f.Class]; words != "" {
		e.Message, e.Cause = words, errors.New(f.Message)
	}
	return e
}

// typeFor returns OpenAI's type for an error of a status.
func (f *Failure) typeFor(status int) string {
	switch {
	case f.Class == Quota:
		return "insufficient_quota"
	case status == http.StatusUnauthorized:
		return "authentication_error"
	case status == http.StatusForbidden:
		return "permission_error"
	case status == http.StatusTooManyRequests:
		return "rate_limit_error"
	case status >= http.StatusInternalServerError:
		return "server_error"
	}
	return "invalid_request_error"
}
