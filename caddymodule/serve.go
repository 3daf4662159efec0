package caddymodule

import (
	"context"
	"net/http"
	"runtime/debug"
	"time"

	"go.uber.org/zap"

	"github.com/mulligan-gateway/mulligan/deployment"
	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/metrics"
	"github.com/mulligan-gateway/mulligan/upstream"
)

// serveEndpoint is the path of one request, top to bottom.
func (s *site) serveEndpoint(w http.ResponseWriter, r *http.Request, endpoint llm.Endpoint) {
	x := s.begin(w, r, endpoint)
	s.serve(x, steps{ingress: (*exchange).ingress, answer: (*exchange).askAndRespond})
	x.recycle() // not behind a panic
}

// steps are those of an exchange that are not the same for every path.
type steps struct {
	ingress func(*exchange) error // 1
	answer  func(*exchange) error // 4 to 6
}

// serve takes the steps in order.
func (s *site) serve(x *exchange, do steps) {
	lease := s.app.acquire()
	defer lease.release()

	defer x.letGo()
	x.enlist()
	defer x.strike()
	defer x.finish() // 7 account
	defer x.rescue()

	if err := do.ingress(x); err != nil { // 1
		x.fail(err)
		return
	}
	if err := x.resolve(); err != nil { // 2
		x.fail(err)
		return
	}
	x.captureResponse()
	if err := x.choose(); err != nil { // 3
		x.fail(err)
		return
	}
	if err := do.answer(x); err != nil { // 4 to 6
		x.fail(err)
	}
}

// askAndRespond answers with what a target of the variant says.
func (x *exchange) askAndRespond() error {
	x.keepAlive()
	defer x.keepalive.stop()
	reply, err := x.attempt() // 4 rewrite, for each target that is tried, and 5 attempt
	if err != nil {
		x.fail(err) // before the keepalive ends
		return nil
	}
	defer reply.Close()
	x.respond(reply) // 6
	return nil
}

func (s *site) begin(w http.ResponseWriter, r *http.Request, endpoint llm.Endpoint) *exchange {
	now := time.Now()
	id := newTraceID()
	x := spareExchanges.Get().(*exchange)
	x.site, x.w, x.r = s, w, r
	x.account.TraceID, x.account.Start, x.account.Endpoint = id, now, endpoint
	x.request.TraceID, x.request.Time, x.request.Endpoint = id, now, endpoint
	return x
}

// choose asks the rules which variant answers.
func (x *exchange) choose() error {
	if x.deployment == nil {
		return nil // resolve has made the variant of the model that the client named
	}
	x.facts.Deployment, x.facts.Domain = x.deployment.Key, x.deployment.Domain
	x.facts.Healthy = x.site.healthy

	ctx, end := metrics.StartRules(x.r.Context(), &x.account)
	v, err := x.deployment.Choose(ctx, x.facts, x.skipped)
	if v != nil {
		x.variant = v
		x.account.Variant = v.Name
	}
	end(&x.account)
	if err != nil {
		return err
	}
	return nil
}

func (x *exchange) ruleFailed(v *deployment.Variant, err error) {
	metrics.RuleError(x.deployment.Key, v.Name)
	x.site.log.Warn("rule failed",
		zap.String("trace_id", x.account.TraceID),
		zap.String("deployment", x.deployment.Key),
		zap.String("variant", v.Name),
		zap.Error(err))
}

// attempt gets one good reply out of the variant's route.
func (x *exchange) attempt() (*upstream.Reply, error) {
	if x.exit != nil {
		x.call.Exit = x.exit
	}
	ctx := x.newContext()
	x.call.Cancel = x.place.cancel
	return x.variant.Route.Do(ctx, x.call)
}

// rewrite makes the body for one target: the variant's edits on the client's bytes.
func (x *exchange) rewrite(target int) (llm.Payload, []string, error) {
	payload, dropped, err := x.variant.Edits[target].Apply(&x.request)
	if x.invoked != nil {
		dropped = append(dropped, x.invoked.Ignored...)
	}
	return payload, dropped, err
}

func (x *exchange) attemptSpan(ctx context.Context, a *llm.Attempt) (context.Context, func(*llm.Attempt)) {
	return metrics.StartAttempt(ctx, &x.account, a)
}

// rescue turns a panic into an answer and a log line: one request's fault must not end the
// process, nor leave the client with nothing.
func (x *exchange) rescue() {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler { //nolint:errorlint // the sentinel is panicked as it is
		panic(p)
	}
	x.kept = true
	x.site.log.Error("panic while serving a request",
		zap.String("trace_id", x.account.TraceID),
		zap.Any("panic", p),
		zap.ByteString("stack", debug.Stack()))
	begun := x.committed && !x.early
	x.fail(llm.NewError(llm.CodeInternalError,
		"Mulligan failed while serving this request. The operator finds the cause in the log under the trace id."))
	if begun {
		// What is out must not look like a whole answer.
		x.account.Outcome = llm.OutcomeInterrupted
		panic(http.ErrAbortHandler)
	}
}
