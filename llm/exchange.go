package llm

import "time"

// Outcome is how an exchange ended. It is a closed set, so it may be a metric label.
type Outcome string

// The outcomes.
const (
	OutcomeOK            Outcome = "ok"             // the client has the whole answer
	OutcomeClientError   Outcome = "client_error"   // the request itself was at fault (4xx)
	OutcomeUpstreamError Outcome = "upstream_error" // no target gave an answer
	OutcomeTimeout       Outcome = "timeout"        // one of the deployment's timeouts ended it
	OutcomeCancelled     Outcome = "cancelled"      // the client left
	OutcomeInterrupted   Outcome = "interrupted"    // a committed stream broke
	OutcomeRefused       Outcome = "refused"        // not allowed or no capacity: no provider was called
)

// Verdict is what an attempt's result means for the attempts after it.
type Verdict string

// The verdicts.
const (
	VerdictOK    Verdict = "ok"    // a reply is in hand
	VerdictAgain Verdict = "again" // the same target is worth another try
	VerdictNext  Verdict = "next"  // this target will not answer, another one may
	VerdictStop  Verdict = "stop"  // nobody can answer this request, or nobody waits for it
)

// Attempt is one request to one provider.
type Attempt struct {
	Provider string // the provider's name in the config
	Model    string // the model id at the provider
	Start    time.Time
	Duration time.Duration // until its verdict, or to the end of its reply for the one that answered
	Status   int           // the provider's HTTP status, or 0 when there was none
	Verdict  Verdict
	// ErrorCode says why it failed: the provider's error code, one of Mulligan's, or "".
	ErrorCode string
	// ErrorMessage is the failure for logs, without secrets; "" when it did not fail.
	ErrorMessage string
}

// Target returns "provider/model".
func (a *Attempt) Target() string { return a.Provider + "/" + a.Model }

// Exchange is the account of one client request and of everything that happened for it.
// It is filled along the way by the goroutine that serves the request; when it is finished
// the metrics, the access log and the records are all written from it, so they agree.
type Exchange struct {
	TraceID  string // UUIDv7
	Start    time.Time
	Duration time.Duration

	Endpoint   Endpoint
	Stream     bool
	ClientID   string
	Deployment string // key, "" when none was found
	Domain     string
	Variant    string // name, "" when none was chosen

	// Requested is the model that the client named; Provider and Model are what answered,
	// or were tried last.
	Requested       string
	Provider, Model string

	Attempts []Attempt
	// Continued is how often a stream that had broken was gone on with by another target.
	Continued int
	// Dropped lists the request's members that the provider does not know and that were left out.
	Dropped []string

	Usage Usage
	Cost  Cost
	// FinishReason is the first choice's, in OpenAI's words; "" when there was none.
	FinishReason string
	// ResponseID and ResponseModel are the reply's own id and model.
	ResponseID, ResponseModel string

	Status    int // HTTP status sent to the client
	Outcome   Outcome
	ErrorCode string // "" when all went well
	Err       error  // what really happened, for logs

	// FirstToken is the time from the request's arrival until the first meaningful output
	// was in hand, 0 when there was none.
	FirstToken time.Duration
	// UpstreamTime is the time spent waiting for providers: connecting, waiting for a reply
	// and for each chunk of it, and backing off.
	UpstreamTime time.Duration
	// ClientTime is the time spent waiting for the client: reading its body, writing to it.
	ClientTime time.Duration
}

// Overhead returns the time that the exchange spent in the gateway itself: neither waiting
// for a provider nor for the client.
func (x *Exchange) Overhead() time.Duration {
	return max(x.Duration-x.UpstreamTime-x.ClientTime, 0)
}
