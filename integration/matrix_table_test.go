package integration

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream"
)

// phase is how far an attempt has come when the fault happens.
type phase string

const (
	connecting   phase = "connect"             // there is no connection yet
	headers      phase = "headers"             // the request was sent, the reply's head has not come or is the fault
	beforeOutput phase = "before first output" // the reply has begun and holds nothing of the answer yet
	midStream    phase = "mid-stream"          // the client has a part of the answer
)

// mode is how the client asks.
type mode string

const (
	plainAnswer  mode = "plain"  // chat, answered whole
	streamAnswer mode = "stream" // chat, answered event by event
	soundAnswer  mode = "sound"  // speech, whose bytes are passed on as they come
)

// row is a fault in a phase: how to make it, and what Mulligan makes of it. The failover
// matrix runs each row in all ways in which it can happen, and docs/failover.md prints it.
type row struct {
	fault string
	phase phase
	// plain, stream and sound are what the provider does, nil for a mode in which the fault
	// cannot happen. Mid-stream it does so when the client has the begin of the answer.
	plain, stream, sound fakellm.Step
	// port is the base URL of a port where nobody can connect, for a fault of connecting.
	port func(testing.TB) string
	// waits says that only a timeout ends it.
	waits bool
	// lossy says that what the provider sent just before may get lost on its way.
	lossy bool

	// verdict is what an attempt means for those after it, as long as one is left.
	verdict llm.Verdict
	// otherKey says that another key of the provider may do, at once.
	otherKey bool
	// rests says why the target rests from then on, "" when it does not.
	rests upstream.Reason
	// blamed says that the attempt counts against the target's health.
	blamed bool
	// told is what the client gets when nothing cures it.
	told told
}

// told is what a client gets in place of an answer.
type told struct {
	status     int
	code       string
	message    string
	retryAfter string // seconds, as the header has them
	outcome    llm.Outcome
}

var (
	unreachable = told{502, "upstream_unavailable", "The model cannot be reached. Try again.", "", llm.OutcomeUpstreamError}
	unreadable  = told{502, "upstream_unavailable", "The model's reply could not be read. Try again.", "", llm.OutcomeUpstreamError}
	notAccepted = told{502, "upstream_unavailable",
		"The provider does not accept this gateway's account. The operator finds the cause in the log under the trace id.", "", llm.OutcomeUpstreamError}
	tooLate = told{504, "upstream_timeout",
		"The model did not answer in time. Try again, or ask the operator about first_token_timeout.", "", llm.OutcomeTimeout}
	brokeOff = told{200, "stream_interrupted", "The model's answer broke off. What came before is not whole; ask again.", "", llm.OutcomeInterrupted}
)

// providersWords is the message of the errors that providers report.
const providersWords = "The provider says no."

// reported is an error in the provider's own words.
func reported(status int, code string) told {
	outcome := llm.OutcomeUpstreamError
	switch status { // those for which nobody else is asked
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		outcome = llm.OutcomeClientError
	}
	return told{status, code, providersWords, "", outcome}
}

// table is the failover matrix. Its order is that of the page.
var table = []row{
	{fault: "refused", phase: connecting, port: fakellm.Refused, verdict: llm.VerdictAgain, blamed: true, told: unreachable},
	{fault: "reset", phase: connecting, port: fakellm.HandshakeReset, verdict: llm.VerdictAgain, blamed: true, told: unreachable},
	{fault: "cut", phase: connecting, port: fakellm.HandshakeCut, verdict: llm.VerdictAgain, blamed: true, told: unreachable},
	{fault: "TLS failure", phase: connecting, port: fakellm.TLSFailure, verdict: llm.VerdictAgain, blamed: true, told: unreachable},
	{fault: "hang", phase: connecting, port: fakellm.Silent, waits: true, verdict: llm.VerdictAgain, blamed: true, told: tooLate},

	answered(fakellm.Reset(), row{fault: "reset", lossy: true, verdict: llm.VerdictAgain, blamed: true, told: unreachable}),
	answered(fakellm.Cut(), row{fault: "cut", verdict: llm.VerdictAgain, blamed: true, told: unreachable}),
	answered(fakellm.Hang(), row{fault: "hang", waits: true, verdict: llm.VerdictAgain, blamed: true, told: tooLate}),

	refused(400, "unsupported_value", row{verdict: llm.VerdictStop}),
	refused(401, "invalid_api_key", row{verdict: llm.VerdictNext, otherKey: true, rests: upstream.ReasonRejected, told: notAccepted}),
	refused(402, "insufficient_credits", row{verdict: llm.VerdictNext, otherKey: true, rests: upstream.ReasonRejected, told: notAccepted}),
	refused(403, "permission_denied", row{verdict: llm.VerdictNext, otherKey: true, rests: upstream.ReasonRejected, told: notAccepted}),
	refused(404, "model_not_found", row{verdict: llm.VerdictNext}),
	refused(408, "request_timeout", row{verdict: llm.VerdictAgain, blamed: true}),
	refused(409, "conflict", row{verdict: llm.VerdictAgain}),
	refused(413, "request_too_large", row{verdict: llm.VerdictStop}),
	refused(422, "unprocessable", row{verdict: llm.VerdictStop}),
	refused(429, "rate_limit_exceeded", row{verdict: llm.VerdictAgain, otherKey: true, blamed: true}),
	limited("Retry-After-Ms", "30", row{fault: "429 + short Retry-After", verdict: llm.VerdictAgain, otherKey: true, blamed: true}),
	limited("Retry-After", "3600", row{fault: "429 + long Retry-After", verdict: llm.VerdictNext, otherKey: true, rests: upstream.ReasonTold, blamed: true}),
	refused(500, "boom", row{verdict: llm.VerdictAgain, blamed: true}),
	refused(502, "bad_gateway", row{verdict: llm.VerdictAgain, blamed: true}),
	refused(503, "unavailable", row{verdict: llm.VerdictAgain, blamed: true}),
	refused(504, "gateway_timeout", row{verdict: llm.VerdictAgain, blamed: true}),
	refused(529, "overloaded_error", row{verdict: llm.VerdictAgain, blamed: true}),

	{
		fault: "error inside a 200", phase: beforeOutput,
		plain:   fakellm.Raw(200, "application/json", `{"error":{"message":"`+providersWords+`","type":"server_error","code":"overloaded"}}`),
		stream:  begun(fakellm.ErrorEvent(503, "overloaded", providersWords)),
		verdict: llm.VerdictAgain, blamed: true, told: reported(503, "overloaded"),
	},
	{
		fault: "malformed JSON", phase: beforeOutput,
		plain: fakellm.MalformedJSON(), stream: fakellm.MalformedJSON(),
		verdict: llm.VerdictAgain, blamed: true, told: unreadable,
	},
	{
		fault: "malformed event", phase: beforeOutput, stream: begun(fakellm.MalformedEvent()),
		verdict: llm.VerdictAgain, blamed: true, told: unreadable,
	},
	{
		fault: "truncated body", phase: beforeOutput,
		plain: fakellm.Truncated(200, `{"id":"chatcmpl-fake","choices":[`, 100), stream: begun(end),
		verdict: llm.VerdictAgain, blamed: true, told: unreachable,
	},
	broken(fakellm.Cut(), row{fault: "cut", verdict: llm.VerdictAgain, blamed: true, told: unreachable}),
	broken(fakellm.Reset(), row{fault: "reset", lossy: true, verdict: llm.VerdictAgain, blamed: true, told: unreachable}),
	broken(fakellm.Hang(), row{fault: "stall", waits: true, verdict: llm.VerdictAgain, blamed: true, told: tooLate}),

	{
		fault: "error inside a 200", phase: midStream, stream: fakellm.ErrorEvent(503, "overloaded", providersWords),
		verdict: llm.VerdictOK, blamed: true,
		told: told{200, "stream_interrupted", "The model's answer broke off: " + providersWords, "", llm.OutcomeInterrupted},
	},
	{fault: "malformed event", phase: midStream, stream: fakellm.MalformedEvent(), verdict: llm.VerdictOK, blamed: true, told: brokeOff},
	{fault: "truncated body", phase: midStream, stream: end, verdict: llm.VerdictOK, blamed: true, told: brokeOff},
	{fault: "cut", phase: midStream, stream: fakellm.Cut(), sound: fakellm.Cut(), verdict: llm.VerdictOK, blamed: true, told: brokeOff},
	{fault: "reset", phase: midStream, stream: fakellm.Reset(), sound: fakellm.Reset(), lossy: true, verdict: llm.VerdictOK, blamed: true, told: brokeOff},
	{fault: "stall", phase: midStream, stream: fakellm.Hang(), sound: fakellm.Hang(), waits: true, verdict: llm.VerdictOK, blamed: true, told: brokeOff},
}

// answered is a fault in place of the reply's head, the same for both modes.
func answered(step fakellm.Step, r row) row {
	r.phase, r.plain, r.stream = headers, step, step
	return r
}

// refused is a reply whose status is an error. The client gets it as it is, unless the row
// says otherwise.
func refused(status int, code string, r row) row {
	r.fault = strconv.Itoa(status)
	if r.told.status == 0 {
		r.told = reported(status, code)
	}
	message := providersWords
	if r.told == notAccepted {
		message = "Incorrect API key provided: " + secret + "."
	}
	return answered(fakellm.Error(status, code, message), r)
}

// limited is a 429 that says how long to wait: the short wait in OpenAI's header, which is in
// milliseconds. The client is told whole seconds.
func limited(header, wait string, r row) row {
	const code = "rate_limit_exceeded"
	r.told = reported(429, code)
	r.told.retryAfter = wait
	if header != "Retry-After" {
		r.told.retryAfter = "1"
	}
	return answered(fakellm.Steps(fakellm.Header(header, wait), fakellm.Error(429, code, providersWords)), r)
}

// broken is a reply whose begin came and nothing of the answer.
func broken(step fakellm.Step, r row) row {
	r.phase, r.stream = beforeOutput, begun(step)
	r.plain = fakellm.Steps(fakellm.Header("Content-Type", "application/json"), fakellm.Status(200), fakellm.Write(`{"id":`), step)
	return r
}

// begun is a stream of which the preamble came.
func begun(step fakellm.Step) fakellm.Step {
	return fakellm.Steps(fakellm.Stream(), fakellm.Role(), step)
}

// end ends a reply there, cleanly as far as HTTP goes.
func end(*fakellm.Call) {}

// step returns what the provider does in a mode, nil when the fault cannot happen in it.
func (r *row) step(m mode) fakellm.Step {
	switch {
	case r.port != nil && m != soundAnswer:
		return end // nobody comes so far
	case m == plainAnswer:
		return r.plain
	case m == streamAnswer:
		return r.stream
	default:
		return r.sound
	}
}

// cures are the ways in which a request may still be answered well when a row's fault
// happens, and the one in which it is not.
func (r *row) cures() []cure {
	var all []cure
	if r.verdict == llm.VerdictAgain {
		all = append(all, retryCures)
	}
	if r.otherKey {
		all = append(all, keyCures)
	}
	if r.verdict == llm.VerdictAgain || r.verdict == llm.VerdictNext {
		all = append(all, fallbackCures)
	}
	return append(all, nothingCures)
}
