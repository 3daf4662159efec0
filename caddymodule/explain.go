package caddymodule

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/mulligan-gateway/mulligan/deployment"
	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/rewrite"
	"github.com/mulligan-gateway/mulligan/rules"
	"github.com/mulligan-gateway/mulligan/upstream"
)

// Explanation is what the explain endpoint, the admin endpoint and `caddy llm explain`
// answer: which variant would answer a request, what every rule said and why, and what
// each target would be sent. Nobody is called for it.
type Explanation struct {
	Deployment string `json:"deployment"`
	Domain     string `json:"domain,omitempty"`
	// Variant is the name of the variant that would answer, or null.
	Variant *string `json:"variant"`
	// Error is the error that the client would get instead of an answer.
	Error *ExplainedError `json:"error,omitempty"`
	// Rules has one entry per variant, in the order in which they are asked.
	Rules []ExplainedRule `json:"rules"`
	// Targets are those of the variant, in the order in which they would be tried.
	Targets []ExplainedTarget `json:"targets,omitempty"`
}

// ExplainedError is an error of Mulligan's own.
type ExplainedError struct {
	Status  int    `json:"status"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// ExplainedRule says what one variant's rule said.
type ExplainedRule struct {
	Variant string `json:"variant"`
	// When is the rule, absent for a variant that always answers.
	When string `json:"when,omitempty"`
	// Verdict is matched, not_matched, key_missing, failed, default or not_asked.
	Verdict string `json:"verdict"`
	// Why says it in words.
	Why string `json:"why"`
	// Values are the parts of the rule with the values they had.
	Values []ExplainedValue `json:"values,omitempty"`
}

// ExplainedValue is a part of a rule and the value it had.
type ExplainedValue struct {
	Expression string `json:"expression"`
	Value      string `json:"value"`
}

// ExplainedTarget is one target and the request it would be sent.
type ExplainedTarget struct {
	// Target is provider/model.
	Target string `json:"target"`
	// Body is the rewritten body. For an upload it is absent and Form has its fields.
	Body json.RawMessage `json:"body,omitempty"`
	// Dropped lists members of the request that the provider does not know and is not sent.
	Dropped []string `json:"dropped,omitempty"`
	// Error says why this target could not be asked.
	Error *ExplainedError `json:"error,omitempty"`
}

func explainError(err error) *ExplainedError {
	e := asError(err)
	return &ExplainedError{Status: e.Status, Code: e.Code, Message: e.Message}
}

// explainDeployment says what d would do with req.
func explainDeployment(ctx context.Context, d *deployment.Deployment, req *llm.Request, healthy func(string) bool) Explanation {
	facts := rules.Facts{Request: req, Deployment: d.Key, Domain: d.Domain, Healthy: healthy}
	decision := d.Explain(ctx, &facts)
	out := Explanation{Deployment: d.Key, Domain: d.Domain}
	for _, r := range decision.Rules {
		rule := ExplainedRule{Variant: r.Variant, When: r.When, Verdict: r.Verdict, Why: r.Why}
		for _, v := range r.Values {
			rule.Values = append(rule.Values, ExplainedValue(v))
		}
		out.Rules = append(out.Rules, rule)
	}
	if decision.Err != nil {
		out.Error = explainError(decision.Err)
		return out
	}
	out.Variant = &decision.Variant.Name
	for i, t := range decision.Variant.Route.Targets {
		out.Targets = append(out.Targets, explainTarget(t, decision.Variant.Edits[i], req))
	}
	return out
}

func explainTarget(t *upstream.Target, edit *rewrite.Edit, req *llm.Request) ExplainedTarget {
	out := ExplainedTarget{Target: t.Name()}
	payload, dropped, err := edit.Apply(req)
	if err != nil {
		out.Error = explainError(err)
		return out
	}
	payload, unsaid, err := t.Translate(req, payload)
	if err != nil {
		out.Error = explainError(llm.NewError(llm.CodeUnsupportedByProvider, err.Error()))
		return out
	}
	out.Dropped = append(dropped, unsaid...)
	if body := payload.Bytes(); json.Valid(body) {
		out.Body = body
	}
	return out
}

// serveExplain answers POST /v1/deployments/{key}/explain: the body is a request of the
// endpoint that the query's endpoint names (chat when there is none), any field of which
// may be left out, and the headers count as they would in the real request.
func (s *site) serveExplain(w http.ResponseWriter, r *http.Request) {
	if !s.explain {
		off := llm.NewError(llm.CodeNotAvailable,
			"Explanations are off on this site, because they show prompts and rules. The operator turns them on with explain on, and always has them on Caddy's admin endpoint.")
		off.Status = http.StatusNotFound
		writeError(w, off)
		return
	}
	key := explainKey(r.URL.Path)
	d, ok := s.app.Catalog().Lookup(key)
	if !ok || !s.serves(key) {
		writeError(w, llm.NewError(llm.CodeDeploymentNotFound,
			fmt.Sprintf("There is no deployment %q here.", truncate(key))))
		return
	}
	e, err := explainHTTP(s.app, d, r, s.maxBody)
	if err != nil {
		writeError(w, asError(err))
		return
	}
	writeValue(w, e)
}

// explainHTTP reads a request that asks for an explanation, and explains.
func explainHTTP(app *App, d *deployment.Deployment, r *http.Request, maxBody int64) (Explanation, error) {
	endpoint := llm.Chat
	if name := r.URL.Query().Get("endpoint"); name != "" {
		endpoint = llm.Endpoint(name)
		if endpoint.Path() == "" {
			return Explanation{}, llm.NewError(llm.CodeInvalidContext, fmt.Sprintf(
				"There is no endpoint %q. The endpoints are %v.", truncate(name), llm.Endpoints())).WithParam("endpoint")
		}
	}
	sent, err := readBody(r, maxBody)
	if err != nil {
		return Explanation{}, err
	}
	raw := sent.bytes // not released: explanations are rare, and hold parts of it
	if len(raw) == 0 {
		raw = []byte("{}")
	}
	req := llm.Request{Endpoint: endpoint, Time: time.Now(), TraceID: newTraceID()}
	if err := readRequest(&req, r, raw); err != nil {
		return Explanation{}, err
	}
	req.Client = clientOf(r)
	return explainDeployment(r.Context(), d, &req, app.healthy), nil
}
