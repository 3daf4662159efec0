package caddymodule

import (
	"runtime/debug"
	"time"

	"go.uber.org/zap"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/metrics"
	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/redact"
)

// rowSpace is a row with room for the attempts that most exchanges have, in one piece of
// memory.
type rowSpace struct {
	row      record.Row
	attempts [2]record.Attempt
}

// record hands what happened to the recorder. The exchange is over, and the client waits for
// the end of its answer: what takes time is left to the recorder's writer.
func (x *exchange) record() {
	rec := x.site.app.Recorder()
	if rec == nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			x.site.log.Error("panic while recording an exchange",
				zap.String("trace_id", x.account.TraceID), zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
		}
	}()
	rec.Add(x.row())
}

// row returns the record of a finished exchange, clean as Batch.Clean has it but for what others
// said. It holds nothing of the request's buffers, which are used again.
func (x *exchange) row() *record.Row {
	a := &x.account
	space := &rowSpace{row: record.Row{
		TraceID: a.TraceID, Time: a.Start.UTC().Truncate(time.Microsecond),
		Deployment: a.Deployment, Domain: a.Domain, Variant: a.Variant,
		ConfigVersion: x.site.app.configVersion, ClientID: a.ClientID,
		Endpoint: a.Endpoint, Requested: a.Requested, Provider: a.Provider, Model: a.Model,
		ResponseModel: a.ResponseModel, Stream: a.Stream,
		Outcome: a.Outcome, Status: a.Status, ErrorCode: a.ErrorCode, FinishReason: a.FinishReason,
		Continued: a.Continued, Dropped: a.Dropped,
		Usage: record.Usage{
			Input: a.Usage.Input, Output: a.Usage.Output, CachedInput: a.Usage.CachedInput, CacheWrite: a.Usage.CacheWrite,
			Reasoning: a.Usage.Reasoning, InputAudio: a.Usage.InputAudio, OutputAudio: a.Usage.OutputAudio,
			Known: a.Usage.Known, Estimated: a.Usage.Estimated,
		},
		FirstToken: record.MillisOf(a.FirstToken), Duration: record.MillisOf(a.Duration),
		Upstream: record.MillisOf(a.UpstreamTime), Overhead: record.MillisOf(a.Overhead()),
	}}
	r := &space.row
	if r.Dropped == nil {
		r.Dropped = []string{} // as stores keep it, which need no copy of a row that is clean
	}
	r.CostUSD, r.Priced = metrics.CostOf(a)
	if a.Endpoint == llm.GetConfig {
		r.Duration = 0 // the answer's is not known before the caller reports it
	}
	if x.variant != nil {
		if x.variant.When != nil {
			r.Rule = x.variant.When.Source()
		}
		if by, ok := answeredBy(a.Attempts); ok {
			first := x.variant.Route.Targets[0]
			r.Fallback = by.Provider != first.Provider.Name() || by.Model != first.Model
		}
	}
	r.Attempts = space.attempts[:0:len(space.attempts)]
	for i := range a.Attempts {
		t := &a.Attempts[i]
		r.Attempts = append(r.Attempts, record.Attempt{
			Provider: t.Provider, Model: t.Model,
			Start: record.MillisOf(t.Start.Sub(a.Start)), Duration: record.MillisOf(t.Duration),
			Status: t.Status, Verdict: t.Verdict, ErrorCode: t.ErrorCode, Error: t.ErrorMessage,
		})
	}
	x.describe(r)
	return r
}

// describe adds what the client said, with secret values masked, and the bodies where they are
// kept.
func (x *exchange) describe(r *record.Row) {
	plan := x.site.app.planOf(x.account.Deployment)
	q := &x.request
	if plan.secrets.none() {
		r.Context, r.Inputs, r.Metadata = record.CloneObjects(q.Context, q.Inputs, q.Metadata)
		r.Bodies = x.bodies(plan, nil)
		return
	}
	mask := redact.NewMask()
	r.Context = record.BoundObject(mask.Object(q.Context, plan.secrets.context))
	r.Inputs = record.BoundObject(mask.Object(q.Inputs, plan.secrets.inputs))
	r.Metadata = record.BoundObject(mask.Object(q.Metadata, plan.secrets.metadata))
	r.Bodies = x.bodies(plan, mask)
}

// bodies returns what the client sent and got, or nil where that is not kept.
func (x *exchange) bodies(plan *recordPlan, mask *redact.Mask) *record.Bodies {
	if x.capture == nil || x.body == nil {
		return nil
	}
	b := &record.Bodies{Redacted: plan.bodies == BodiesRedacted}
	request := x.body.bytes
	if x.request.Doc.IsForm() {
		request = redact.Binary("multipart/form-data", len(request))
	}
	response, cut := x.capture.text()
	if mask != nil {
		// Before it is cut, so that no half of a secret is left at the end.
		if !x.request.Doc.IsForm() {
			request = mask.Object(request, plan.secrets.all)
		}
		request, response = mask.Text(request), mask.Text(response)
	}
	var long bool
	b.Request, long = redact.Cut(request, plan.maxBody)
	if b.Redacted && long {
		b.Request = redact.DropHalf(b.Request)
	}
	b.Truncated = long
	b.Response, long = redact.Cut(response, plan.maxBody)
	if long = long || cut; long && b.Redacted {
		b.Response = redact.DropHalf(b.Response)
	}
	b.Truncated = b.Truncated || long
	return b
}
