package caddymodule

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/invoke"
)

// respond passes the reply on to the client. Bytes of a stream are flushed as they arrive.
func (x *exchange) respond(reply *upstream.Reply) {
	if !x.begin(reply) {
		return
	}
	out := http.NewResponseController(x.w)
	for {
		chunk, err := reply.Next()
		if len(chunk) > 0 && !x.send(out, chunk, err == nil && reply.Incremental()) {
			return
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			return
		default:
			x.breakOff(out, reply, err)
			return
		}
	}
}

// begin sends the status line and the headers, unless they are out already to keep the
// stream alive. It returns false for a reply that cannot follow them.
func (x *exchange) begin(reply *upstream.Reply) bool {
	x.keepalive.mu.Lock()
	defer x.keepalive.mu.Unlock()
	if x.early {
		if !reply.Stream {
			x.endEarly(llm.NewError(llm.CodeUpstreamUnavailable, "The model did not stream its answer. Ask for it without stream."))
		}
		return reply.Stream
	}
	h := x.w.Header()
	for name, values := range reply.Header {
		h[name] = values
	}
	if reply.Stream {
		streamHeaders(h)
	} else {
		x.keepalive.over = true // a comment in it would be damage
	}
	x.estimated = reply.Estimated
	x.setHeaders()
	x.commit(reply.Status)
	return true
}

// streamHeaders keeps Caddy's encode (by no-transform) and proxies in front from buffering
// a stream.
func streamHeaders(h http.Header) {
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no")
}

// endEarly ends a stream that was begun to keep it alive, and that nobody answers, with an
// error event. Whoever calls it holds the lock of the keepalive.
func (x *exchange) endEarly(e *llm.Error) {
	x.account.ErrorCode = e.Code
	if x.account.Outcome == "" {
		x.account.Outcome = outcomeOf(e, x.account.Attempts)
	}
	_, err := x.w.Write(x.errorEvent(e))
	if err == nil {
		err = http.NewResponseController(x.w).Flush()
	}
	if err != nil {
		x.account.Outcome = llm.OutcomeCancelled
	}
}

func (x *exchange) commit(status int) {
	x.account.Status = status
	x.committed = true
	x.w.WriteHeader(status)
}

// send writes to the client and says whether the client is still there.
func (x *exchange) send(out *http.ResponseController, b []byte, flush bool) bool {
	x.keepalive.mu.Lock()
	defer x.keepalive.mu.Unlock()
	start := time.Now()
	_, err := x.w.Write(b)
	if err == nil && flush {
		if err = out.Flush(); errors.Is(err, http.ErrNotSupported) {
			err = nil // a writer in between that cannot be flushed is not the client's leaving
		}
	}
	now := time.Now()
	x.account.ClientTime += now.Sub(start)
	x.keepalive.written(now)
	if err == nil {
		return true
	}
	x.account.Outcome, x.account.Err = llm.OutcomeCancelled, err
	return false
}

// breakOff ends a reply that broke after it was committed: a stream by an error event in
// the client's dialect, a plain body by cutting the connection, so that neither can be
// taken for a whole answer.
func (x *exchange) breakOff(out *http.ResponseController, reply *upstream.Reply, err error) {
	err = x.unlessExit(err, llm.CodeStreamInterrupted)
	e := asError(err)
	if x.r.Context().Err() != nil {
		x.account.Outcome, x.account.Err = llm.OutcomeCancelled, err
		return
	}
	x.account.Outcome, x.account.ErrorCode, x.account.Err = llm.OutcomeInterrupted, e.Code, err
	if !reply.Stream {
		_ = out.Flush() // the connection is cut next; what is lost is lost either way
		panic(http.ErrAbortHandler)
	}
	x.send(out, reply.ErrorEvent(e), true)
}

// fail answers with an error, in OpenAI's envelope, or notes it when an answer has begun.
func (x *exchange) fail(err error) {
	err = x.unlessExit(err, llm.CodeUpstreamUnavailable)
	e := asError(err)
	x.account.ErrorCode, x.account.Err = e.Code, err
	if x.account.Outcome == "" {
		x.account.Outcome = outcomeOf(e, x.account.Attempts)
	}
	if x.r.Context().Err() != nil && x.account.Outcome != llm.OutcomeTimeout {
		x.account.Outcome = llm.OutcomeCancelled
	}
	x.keepalive.mu.Lock()
	defer x.keepalive.mu.Unlock()
	x.keepalive.over = true
	if x.early {
		x.endEarly(e)
	}
	if x.committed {
		return
	}
	x.setHeaders()
	x.committed = true
	x.account.Status = e.Status
	start := time.Now()
	if e.RetryAfter > 0 {
		x.w.Header().Set("Retry-After", e.RetryAfterSeconds())
	}
	writeJSON(x.w, e.Status, x.errorBody(e))
	x.account.ClientTime += time.Since(start)
}

// errorEvent returns the event that ends a stream which nobody has answered.
func (x *exchange) errorEvent(e *llm.Error) []byte {
	if x.exit != nil {
		return invoke.AppendErrorEvent(nil, e)
	}
	return upstream.ErrorEvent(x.request.Endpoint, e)
}

// errorBody returns an error in the client's dialect.
func (x *exchange) errorBody(e *llm.Error) []byte {
	if x.exit != nil {
		return x.exit.AppendError(nil, e)
	}
	return upstream.ErrorBody(x.request.Endpoint, e)
}

// asError returns err as what the client may see. An error that is not an *llm.Error is
// one that somebody forgot to translate, so its text stays in the log.
func asError(err error) *llm.Error {
	var e *llm.Error
	if errors.As(err, &e) {
		return e
	}
	return llm.NewError(llm.CodeInternalError,
		"Mulligan failed while serving this request. The operator finds the cause in the log under the trace id.").WithCause(err)
}

// outcomeOf sorts an error that is answered instead of a reply. What a provider refuses is the
// client's mistake only if no other target was worth asking.
func outcomeOf(e *llm.Error, attempts []llm.Attempt) llm.Outcome {
	n := len(attempts)
	switch {
	case e.Code == string(llm.CodeUpstreamTimeout):
		return llm.OutcomeTimeout
	case n > 0 && attempts[n-1].Verdict != llm.VerdictStop:
		return llm.OutcomeUpstreamError
	case n == 0 && (e.Code == string(llm.CodeUpstreamBusy) || e.Code == string(llm.CodeModelNotActivated)):
		return llm.OutcomeRefused
	case e.Status >= 500, e.Status == http.StatusTooManyRequests:
		return llm.OutcomeUpstreamError
	default:
		return llm.OutcomeClientError
	}
}

// setHeaders tells the client which exchange this was and, unless the site keeps it to
// itself, who answered.
func (x *exchange) setHeaders() {
	h := llm.NewHeaders(x.w.Header(), 5)
	h.Set(headerTraceID, x.account.TraceID)
	if !x.site.fullHeaders {
		return
	}
	if x.estimated {
		h.Set(headerEstimated, "true")
	}
	if x.account.Variant != "" {
		h.Set(headerVariant, x.account.Variant)
	}
	if x.account.Model != "" && x.account.Provider != "" {
		h.Set(headerModel, x.answeredAs())
	}
	h.Set(headerAttempts, strconv.Itoa(len(x.account.Attempts)))
}

// answeredAs returns the provider/model that the account names.
func (x *exchange) answeredAs() string {
	a := &x.account
	if x.variant != nil {
		for _, t := range x.variant.Route.Targets {
			if t.Model == a.Model && t.Provider.Name() == a.Provider {
				return t.Name() // which need not be put together
			}
		}
	}
	return a.Provider + "/" + a.Model
}

func writeError(w http.ResponseWriter, e *llm.Error) {
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", e.RetryAfterSeconds())
	}
	writeJSON(w, e.Status, e.AppendJSON(nil))
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone cannot be told
}

func writeValue(w http.ResponseWriter, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		writeError(w, asError(err))
		return
	}
	writeJSON(w, http.StatusOK, append(body, '\n'))
}

// wantsUsage reads include_usage of a body's stream_options.
func wantsUsage(streamOptions []byte) bool {
	return gjson.GetBytes(streamOptions, "include_usage").Bool()
}
