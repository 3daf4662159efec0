package integration

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

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
	// only is the name of what must be spoken for it to happen, "" for anything.
	only string
	// neverPlain are the dialects in which it cannot happen to a plain answer.
	neverPlain []fakellm.Dialect
	// port is the base URL of a port where nobody can connect, for a fault of connecting.
	port func(testing.TB) string
	// waits says that only a timeout ends it.
	waits bool
	// slow says that the retry comes a good while later.
	slow bool
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

// Faults whose words are not the same everywhere.
const (
	insideReply = "error inside a 200"
	firstEvent  = "error as the first event of a 200"
)

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
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, 498, 499:
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
	refused(400, "content_filter", row{only: "azure", fault: "400 content_filter", verdict: llm.VerdictStop}),
	refused(400, "API_KEY_INVALID", row{only: "gemini", fault: "400 API_KEY_INVALID",
		verdict: llm.VerdictNext, otherKey: true, rests: upstream.ReasonRejected, told: notAccepted}),
	refused(400, "ServiceQuotaExceededException", row{only: "converse", fault: "400 ServiceQuotaExceededException",
		verdict: llm.VerdictNext, otherKey: true, rests: upstream.ReasonRejected, told: notAccepted}),
	refused(401, "invalid_api_key", row{verdict: llm.VerdictNext, otherKey: true, rests: upstream.ReasonRejected, told: notAccepted}),
	refused(402, "insufficient_credits", row{verdict: llm.VerdictNext, otherKey: true, rests: upstream.ReasonRejected, told: notAccepted}),
	refused(403, "permission_denied", row{verdict: llm.VerdictNext, otherKey: true, rests: upstream.ReasonRejected, told: notAccepted}),
	missing(row{verdict: llm.VerdictNext}),
	refused(408, "request_timeout", row{verdict: llm.VerdictAgain, blamed: true}),
	refused(409, "conflict", row{verdict: llm.VerdictAgain}),
	refused(413, "request_too_large", row{verdict: llm.VerdictStop}),
	refused(422, "unprocessable", row{verdict: llm.VerdictStop}),
	refused(429, "rate_limit_exceeded", row{verdict: llm.VerdictAgain, otherKey: true, blamed: true}),
	limited(30*time.Millisecond, row{fault: "429 + short Retry-After", slow: true, verdict: llm.VerdictAgain, otherKey: true, blamed: true}),
	limited(time.Hour, row{fault: "429 + long Retry-After", verdict: llm.VerdictNext, otherKey: true, rests: upstream.ReasonTold, blamed: true}),
	refused(498, "", row{only: "cohere", verdict: llm.VerdictStop}),
	refused(499, "", row{only: "cohere", verdict: llm.VerdictStop}),
	refused(500, "boom", row{verdict: llm.VerdictAgain, blamed: true}),
	refused(502, "bad_gateway", row{verdict: llm.VerdictAgain, blamed: true}),
	refused(503, "unavailable", row{verdict: llm.VerdictAgain, blamed: true}),
	refused(504, "gateway_timeout", row{verdict: llm.VerdictAgain, blamed: true}),
	refused(529, "overloaded_error", row{verdict: llm.VerdictAgain, blamed: true}),

	{
		fault: insideReply, phase: beforeOutput,
		plain: fakellm.ErrorInside(503, "overloaded", providersWords), neverPlain: []fakellm.Dialect{fakellm.Converse},
		stream:  begun(fakellm.ErrorEvent(503, "overloaded", providersWords)),
		verdict: llm.VerdictAgain, blamed: true, told: reported(503, "overloaded"),
	},
	{
		fault: firstEvent, phase: beforeOutput, stream: fakellm.Steps(fakellm.Stream(), fakellm.ErrorEvent(503, "overloaded", providersWords)),
		verdict: llm.VerdictAgain, blamed: true, told: reported(503, "overloaded"),
	},
	{
		fault: "response.failed", only: "responses", phase: beforeOutput, stream: begun(fakellm.ResponseFailed("server_error", providersWords)),
		verdict: llm.VerdictAgain, blamed: true, told: reported(500, "server_error"),
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
		fault: "damaged frame", only: "converse", phase: beforeOutput, stream: begun(fakellm.Write(strings.Repeat("x", 100))),
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
		fault: insideReply, phase: midStream, stream: fakellm.ErrorEvent(503, "overloaded", providersWords),
		verdict: llm.VerdictOK, blamed: true,
		told: told{200, "stream_interrupted", "The model's answer broke off: " + providersWords, "", llm.OutcomeInterrupted},
	},
	{fault: "malformed event", phase: midStream, stream: fakellm.MalformedEvent(), verdict: llm.VerdictOK, blamed: true, told: brokeOff},
	{fault: "damaged frame", only: "converse", phase: midStream, stream: fakellm.Write(strings.Repeat("x", 100)), verdict: llm.VerdictOK, blamed: true, told: brokeOff},
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
	r.fault = cmp.Or(r.fault, strconv.Itoa(status))
	if r.told.status == 0 {
		r.told = reported(status, code)
	}
	message := providersWords
	if r.told == notAccepted {
		message = "Incorrect API key provided: " + secret + "."
	}
	return answered(fakellm.Error(status, code, message), r)
}

// missing is a 404 that says in anybody's words that there is no such model.
func missing(r row) row {
	r = refused(http.StatusNotFound, "model_not_found", r)
	r.told.message = "There is no model m."
	return answered(fakellm.Error(http.StatusNotFound, r.told.code, r.told.message), r)
}

// limited is a 429 that says how long to wait. The client is told whole seconds.
func limited(wait time.Duration, r row) row {
	const code = "rate_limit_exceeded"
	r.told = reported(429, code)
	r.told.retryAfter = strconv.Itoa(int(max(wait, time.Second).Seconds()))
	return answered(fakellm.Limited(wait, code, providersWords), r)
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
		return end // nobody comes that far
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
