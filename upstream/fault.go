package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"regexp"
	"strings"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/failure"
)

// phase is how far an attempt had come.
type phase uint8

const (
	phaseConnect phase = iota // no byte of the request was sent
	phaseHeaders              // sent, and no reply yet
	phaseOutput               // a reply has begun, without meaningful output
	phaseStream               // output has been passed on
)

// kind is what went wrong in an attempt, as far as the transport can tell.
type kind uint8

const (
	kindReported  kind = iota // the provider says that it failed
	kindBroken                // the connection could not be made, or broke
	kindTimeout               // one of the policy's timeouts
	kindMalformed             // a reply that cannot be read
	kindCancelled             // the client has gone
)

// fault is why an attempt has failed. It is an error, and what the verdict is found from.
type fault struct {
	phase phase
	kind  kind
	// said is what the provider says, for kindReported; its class is that of the fault.
	said failure.Failure
	// timeout is which bound it was, for kindTimeout.
	timeout *timeoutError
	// cause is what really happened, for logs.
	cause error
}

// Error says what happened, without the provider's words.
func (f *fault) Error() string {
	switch f.kind {
	case kindReported:
		return "the provider reports " + string(f.said.Class)
	case kindTimeout:
		return f.timeout.text
	case kindMalformed:
		return "the provider's reply is malformed"
	case kindCancelled:
		return "the client has gone"
	}
	if f.phase == phaseConnect {
		return "no connection to the provider"
	}
	return "the connection to the provider broke"
}

// Unwrap returns what really happened.
func (f *fault) Unwrap() error { return f.cause }

// code returns the fault's code: the provider's own, or one of Mulligan's.
func (f *fault) code() string {
	switch f.kind {
	case kindReported:
		if f.said.Code != "" {
			return f.said.Code
		}
		return string(f.said.Class)
	case kindTimeout:
		return string(llm.CodeUpstreamTimeout)
	case kindCancelled:
		return "cancelled"
	}
	return string(llm.CodeUpstreamUnavailable)
}

// status returns the status that the fault counts as for retry_on: the provider's own, or
// the one that says the same of an error inside a 200.
func (f *fault) status() int {
	if f.kind == kindMalformed {
		return http.StatusBadGateway
	}
	if f.said.Status >= firstStatus {
		return f.said.Status
	}
	switch f.said.Class {
	case failure.RateLimit, failure.Quota:
		return http.StatusTooManyRequests
	case failure.Overloaded:
		return http.StatusServiceUnavailable
	case failure.Timeout:
		return http.StatusGatewayTimeout
	case failure.BadRequest, failure.ContextLength, failure.ContentFilter:
		return http.StatusBadRequest
	case failure.BadKey:
		return http.StatusUnauthorized
	case failure.ModelNotFound:
		return http.StatusNotFound
	case failure.TooLarge:
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusInternalServerError
}

// faultOf says what an error of sending or reading means. ctx is the attempt's, whose cause
// tells a timeout from the client's leaving.
func (a *attempt) faultOf(err error, at phase) *fault {
	f := &fault{phase: at, kind: kindBroken, cause: err}
	var timeout *timeoutError
	var reported *dialect.ReportedError
	switch cause := context.Cause(a.ctx); {
	case errors.As(err, &reported):
		f.kind, f.said = kindReported, reported.Failure
	case errors.Is(err, dialect.ErrMalformed), errors.Is(err, errTooLong):
		f.kind = kindMalformed
	case errors.As(cause, &timeout):
		f.kind, f.timeout = kindTimeout, timeout
	case a.loop.ctx.Err() != nil:
		f.kind = kindCancelled
	}
	return f
}

// phaseOf says how far a request had come that a transport returned an error for instead of a
// reply. Transports do not say, but what fails before there is a connection fails at dialling
// it or at its handshake.
func phaseOf(err error) phase {
	var op *net.OpError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect"),
		errors.As(err, &certificate), errors.As(err, &record), errors.As(err, &alert),
		strings.HasPrefix(err.Error(), "dial "): // Caddy's DialError hides what it is made of
		return phaseConnect
	}
	return phaseHeaders
}

// scrub takes out of a provider's words what a client must not see: the provider's keys and
// hosts. A message that is a stack is replaced whole.
func (t *Target) scrub(message, host string) string {
	if stack.MatchString(message) {
		return "The provider failed."
	}
	for _, key := range t.Provider.Secrets() {
		if len(key) >= shortestKey {
			message = strings.ReplaceAll(message, key, "[key]")
		}
	}
	if host != "" {
		message = strings.ReplaceAll(message, host, "[provider]")
		if name, _, err := net.SplitHostPort(host); err == nil && (len(name) >= shortestKey || strings.ContainsAny(name, ".:")) {
			message = strings.ReplaceAll(message, name, "[provider]")
		}
	}
	return message
}

// shortestKey is from which length on a key, or a host's name without dots, is looked for: a
// shorter one may be a word.
const shortestKey = 8

// stack finds what only stacks have: the words that Python and Go begin theirs with, or a
// line of a source file. Some endings of files are also those of hosts, which have a port.
var stack = regexp.MustCompile(`Traceback \(most recent call last\)|goroutine \d+ \[` +
	`|\.py", line \d|\.(?:go|java|kt|[cm]?[jt]s|rb|php|cpp):\d|\.rs:\d+:\d|\.cs:line \d|\.php on line \d`)

// clientError returns what the client is told when this fault is what remains of all that
// was tried.
func (t *Target) clientError(f *fault, host string) *llm.Error {
	switch f.kind {
	case kindTimeout:
		return llm.NewError(llm.CodeUpstreamTimeout,
			"The model did not answer in time. Try again, or ask the operator about "+f.timeout.word+".").WithCause(f)
	case kindCancelled:
		return clientGone(f)
	case kindReported:
		if !f.aboutOurAccount() {
			e := f.said.Error()
			for _, s := range []*string{&e.Message, &e.Code, &e.Type, &e.Param} {
				*s = t.scrub(*s, host)
			}
			if e.Status < firstStatus {
				e.Status = f.status()
			}
			if f.said.Wait > 0 && (e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable) {
				e.RetryAfter = f.said.Wait
			}
			return e.WithCause(f)
		}
		return llm.NewError(llm.CodeUpstreamUnavailable,
			"The provider does not accept this gateway's account. The operator finds the cause in the log under the trace id.").WithCause(f)
	case kindMalformed:
		return llm.NewError(llm.CodeUpstreamUnavailable, "The model's reply could not be read. Try again.").WithCause(f)
	}
	return llm.NewError(llm.CodeUpstreamUnavailable, "The model cannot be reached. Try again.").WithCause(f)
}

// statusClientGone is what is noted for a client that left before its answer. Nobody gets to
// see it; the number is nginx's.
const statusClientGone = 499

func clientGone(cause error) *llm.Error {
	e := llm.NewError(llm.CodeUpstreamUnavailable, "The client has gone.").WithCause(cause)
	e.Status = statusClientGone
	return e
}

// aboutOurAccount says whether the provider complains about our key or account, which is
// never the client's fault.
func (f *fault) aboutOurAccount() bool {
	switch f.said.Status {
	case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden:
		return true
	}
	return f.said.Class == failure.BadKey
}
