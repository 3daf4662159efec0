package rules

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
)

// sample is a request in the words of a test.
type sample struct {
	endpoint llm.Endpoint // chat when empty
	body     string       // {} when empty
	form     string       // a multipart body with the boundary "b", instead of body
	context  string
	header   http.Header
	client   llm.Client
}

// sampleTime is when samples arrive, on a Saturday.
var sampleTime = time.Date(2026, 2, 28, 22, 30, 0, 0, time.UTC)

func (s sample) facts(t testing.TB) *Facts {
	t.Helper()
	req := &llm.Request{
		Endpoint: s.endpoint, Time: sampleTime, TraceID: "trace-1",
		Header: s.header, Client: s.client, Context: []byte(s.context),
	}
	if s.endpoint == "" {
		req.Endpoint = llm.Chat
	}
	var err error
	switch {
	case s.form != "":
		req.Doc, err = llm.ParseForm([]byte(s.form), "multipart/form-data; boundary=b")
	case s.body != "":
		req.Doc, err = llm.ParseJSON([]byte(s.body))
	default:
		req.Doc, err = llm.ParseJSON([]byte("{}"))
	}
	if err != nil {
		t.Fatalf("the sample's body: %v", err)
	}
	req.Model, _ = req.Doc.String("model")
	req.Stream, _ = req.Doc.Bool("stream")
	req.Metadata, _ = req.Doc.Get("metadata")
	req.Inputs, _ = req.Doc.Get("inputs")
	return &Facts{Request: req, Deployment: "support-reply", Domain: "customer-care"}
}

// usedFacts returns the sample's facts in those of another request, which the rule has asked
// before.
func (s sample) usedFacts(t testing.TB, rule *Condition) *Facts {
	f := sample{
		endpoint: llm.Responses, body: `{"model":"other","stream":true,"input":"other","user":"other","metadata":{"a":"other"},"inputs":{"a":"other"}}`,
		context: `{"tier":"other","a":{"b":"other"}}`, header: http.Header{"X-Other": {"other"}},
		client: llm.Client{ID: "other", IP: "192.0.2.1", Authenticated: true},
	}.facts(t)
	rule.Eval(context.Background(), f)
	f.InputTokens()
	f.Reset()
	own := s.facts(t)
	*f.Request, f.Deployment, f.Domain = *own.Request, own.Deployment, own.Domain
	return f
}

func newCompiler(t testing.TB, o Options) *Compiler {
	t.Helper()
	c, err := NewCompiler(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func compile(t testing.TB, source string) *Condition {
	t.Helper()
	c, err := newCompiler(t, Options{}).Compile(source)
	if err != nil {
		t.Fatalf("Compile(%s): %v", source, err)
	}
	return c
}

// expect asks a rule about a sample and checks the verdict, which Explain must share.
func expect(t *testing.T, s sample, source string, want Verdict) Result {
	t.Helper()
	rule := compile(t, source)
	got := rule.Eval(context.Background(), s.facts(t))
	if got.Verdict != want {
		t.Errorf("%s: %s (key %q, error %v), want %s", source, got.Verdict, got.Key, got.Err, want)
	}
	if used := rule.Eval(context.Background(), s.usedFacts(t, rule)); used.Verdict != got.Verdict || used.Key != got.Key {
		t.Errorf("%s: of facts that are used again it says %s %q, else %s %q", source, used.Verdict, used.Key, got.Verdict, got.Key)
	}
	e := rule.Explain(context.Background(), s.facts(t))
	if e.Verdict != got.Verdict || e.Key != got.Key {
		t.Errorf("%s: Explain says %s %q, Eval %s %q", source, e.Verdict, e.Key, got.Verdict, got.Key)
	}
	if e.Why == "" {
		t.Errorf("%s: Explain says no why", source)
	}
	return got
}
