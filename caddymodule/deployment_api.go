package caddymodule

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/rewrite"
	"github.com/mulligan-gateway/mulligan/upstream"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/invoke"
)

// The Deployment API: requests in the shape of orq's SDKs, which name the deployment in their
// body. Behind ingress they are chats like all others.

// serveInvoke answers POST /v2/deployments/invoke.
func (s *site) serveInvoke(w http.ResponseWriter, r *http.Request) { s.invoke(w, r, false) }

// serveInvokeStream answers POST /v2/deployments/stream.
func (s *site) serveInvokeStream(w http.ResponseWriter, r *http.Request) { s.invoke(w, r, true) }

func (s *site) invoke(w http.ResponseWriter, r *http.Request, stream bool) {
	s.serve(s.beginInvoke(w, r, llm.Invoke), steps{
		ingress: func(x *exchange) error { return x.ingressInvoke(stream) },
		answer: func(x *exchange) error {
			if x.mock() {
				return x.answerMock()
			}
			return x.askAndRespond()
		},
	})
}

// serveGetConfig answers POST /v2/deployments/get_config: the caller asks the provider itself,
// and reports to the metrics path what came of it.
func (s *site) serveGetConfig(w http.ResponseWriter, r *http.Request) {
	s.serve(s.beginInvoke(w, r, llm.GetConfig), steps{
		ingress: func(x *exchange) error { return x.ingressInvoke(false) },
		answer:  (*exchange).answerConfig,
	})
}

// beginInvoke begins an exchange that rules and providers see as a chat.
func (s *site) beginInvoke(w http.ResponseWriter, r *http.Request, endpoint llm.Endpoint) *exchange {
	x := s.begin(w, r, llm.Chat)
	x.account.Endpoint = endpoint
	x.exit = &invoke.Exit{TraceID: x.account.TraceID, SpanID: spanID(r, x.account.TraceID), Created: x.account.Start, Target: x.answering, Now: time.Now}
	return x
}

// spanID returns the id of the span that a request is in. Without tracing it is the end of the
// trace id, since SDKs want one.
func spanID(r *http.Request, traceID string) string {
	if span := trace.SpanContextFromContext(r.Context()); span.HasSpanID() {
		return span.SpanID().String()
	}
	digits := strings.ReplaceAll(traceID, "-", "")
	return digits[max(len(digits)-16, 0):]
}

// answering says who answers: the kind of the provider, and the model.
func (x *exchange) answering() (kind, model string) {
	if p, ok := x.site.app.Provider(x.account.Provider); ok {
		kind = p.Kind()
	}
	return kind, x.account.Model
}

// mock says that the client wants an answer of its own and nobody to be asked.
func (x *exchange) mock() bool { return x.invoked != nil && x.invoked.Mock != nil }

// ingressInvoke reads the body and makes the hub's request of it.
func (x *exchange) ingressInvoke(stream bool) error {
	start := time.Now()
	var err error
	x.body, err = readBody(x.r, x.site.maxBody)
	x.account.ClientTime += time.Since(start)
	if err != nil {
		return err
	}
	doc, err := llm.ParseJSON(x.body.bytes)
	if err != nil {
		return err
	}
	if err := checkSpelling(&doc); err != nil {
		return err
	}
	asked, err := invoke.Read(&doc, stream)
	if err != nil {
		return err
	}
	x.invoked, x.exit.IncludeUsage = asked, asked.IncludeUsage
	return x.readInvoked()
}

// readInvoked fills in the request as readRequest does it for the other endpoints.
func (x *exchange) readInvoked() error {
	q, asked := &x.request, x.invoked
	var err error
	if q.Doc, err = llm.ParseJSON(asked.Body); err != nil {
		return err
	}
	q.Doc.ContentType = "application/json"
	q.Header, q.Client, q.Stream = x.r.Header, clientOf(x.r), asked.Stream
	q.Prefix, q.Insists = asked.Prefix, asked.Insists
	if q.Context, err = mergeHeader(x.r.Header, headerContext, asked.Context); err != nil {
		return err
	}
	if q.Inputs, err = mergeHeader(x.r.Header, headerInputs, asked.Inputs); err != nil {
		return err
	}
	if q.Metadata, err = mergeHeader(x.r.Header, headerMetadata, asked.Metadata); err != nil {
		return err
	}
	x.account.ClientID, x.account.Stream = q.Client.ID, q.Stream
	return nil
}

// first returns the target that is asked first, and the edits for it.
func (x *exchange) first() (*upstream.Target, *rewrite.Edit) {
	t := x.variant.Route.Targets[0]
	x.account.Provider, x.account.Model = t.Provider.Name(), t.Model
	return t, x.variant.Edits[0]
}

// answerMock answers with the client's own words.
func (x *exchange) answerMock() error {
	x.first()
	contentType := "application/json"
	if x.request.Stream {
		contentType = "text/event-stream"
		streamHeaders(x.w.Header())
	}
	x.answerWith(contentType, x.exit.Mock(*x.invoked.Mock, x.request.Stream))
	return nil
}

// answerConfig answers with what the caller is to send to the variant's first target.
func (x *exchange) answerConfig() error {
	target, edit := x.first()
	payload, dropped, err := edit.Apply(&x.request)
	if err != nil {
		return err
	}
	x.account.Dropped = append(dropped, x.invoked.Ignored...)
	x.answerWith("application/json", invoke.AppendConfig(nil, &invoke.Config{
		ID: x.account.TraceID, Provider: target.Provider.Kind(), Model: target.Model,
		Version: x.site.app.deploymentVersion(x.deployment.Key), Body: payload.Bytes(),
	}))
	return nil
}

// answerWith answers with a body that is whole.
func (x *exchange) answerWith(contentType string, body []byte) {
	h := x.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", fmt.Sprint(len(body)))
	x.setHeaders()
	x.commit(http.StatusOK)
	x.send(http.NewResponseController(x.w), body, true)
}
