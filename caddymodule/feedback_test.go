package caddymodule

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/record"
)

// recordingGateway returns a gateway that keeps records in a folder of the test's own, and the
// store. Its feedback is declared as given.
func recordingGateway(t *testing.T, feedback string) (http.Handler, *App) {
	t.Helper()
	path := filepath.ToSlash(filepath.Join(t.TempDir(), "records.db"))
	config := demoGlobals(echoDeployment + "store sqlite {\npath " + path + "\nbodies on\n}\nmodels {\nmodel demo/echo {\ninput 1\noutput 2\n}\n}\n" + feedback)
	ctx, err := provision(t, config+"http://127.0.0.1:9999 {\nllm_gateway\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	module, err := ctx.App("llm_gateway")
	if err != nil {
		t.Fatal(err)
	}
	app := module.(*App)
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = app.Stop() })
	site, err := ctx.App("http")
	if err != nil {
		t.Fatal(err)
	}
	for _, server := range site.(*caddyhttp.App).Servers {
		return server, app
	}
	t.Fatal("the config has no server")
	return nil, nil
}

// recorded returns the record of a trace, with all that was recorded before.
func recorded(t *testing.T, app *App, trace string) *record.Entry {
	t.Helper()
	store, err := app.records(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e, err := store.Get(t.Context(), trace)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestFeedbackJoinsItsExchange(t *testing.T) {
	g, app := recordingGateway(t, "")
	trace := chat(g, `{"model":"deployment/support","messages":[{"role":"user","content":"hello"}]}`).Header().Get("X-Deployment-Trace-Id")
	w := call(g, "POST /v1/feedback", `{"trace_id":"`+trace+`","name":"thumb","value":true,"comment":"well done","metadata":{"by":"Ada"}}`)
	if w.Code != http.StatusOK || gjson.Get(w.Body.String(), "value").Raw != "true" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	call(g, "POST /v1/feedback", `{"trace_id":"`+trace+`","name":"thumb","value":false}`)
	call(g, "POST /v1/feedback", `{"trace_id":"`+trace+`","name":"tags","value":["a","b"],"id":"one"}`)
	call(g, "POST /v1/feedback", `{"trace_id":"`+trace+`","name":"tags","value":["c"],"id":"two"}`)
	e := recorded(t, app, trace)
	if len(e.Feedback) != 3 || e.Feedback[0].Name != "thumb" || e.Feedback[0].Value.Number != 0 {
		t.Fatalf("feedback %+v", e.Feedback)
	}
	for body, path := range map[string]string{
		`{"trace_id":"` + trace + `","name":"thumb"}`: "DELETE /v1/feedback", ``: "DELETE /v1/feedback?id=one&trace_id=" + trace,
	} {
		if w := call(g, path, body); w.Code != http.StatusOK || !gjson.Get(w.Body.String(), "removed").Bool() {
			t.Errorf("%s %s: %d %s", path, body, w.Code, w.Body)
		}
	}
	if e := recorded(t, app, trace); len(e.Feedback) != 1 || e.Feedback[0].ID != "two" {
		t.Errorf("feedback %+v", e.Feedback)
	}
}

func TestFeedbackForNobodyIsAnsweredAlike(t *testing.T) {
	g, _ := recordingGateway(t, "")
	trace := chat(g, `{"model":"deployment/support","messages":[{"role":"user","content":"hello"}]}`).Header().Get("X-Deployment-Trace-Id")
	stranger := "01890000-0000-7000-8000-000000000000"
	body := func(id string) string { return `{"trace_id":"` + id + `","name":"thumb","value":1}` }
	known, unknown := call(g, "POST /v1/feedback", body(trace)), call(g, "POST /v1/feedback", body(stranger))
	blank := func(s, id string) string {
		s = strings.ReplaceAll(s, id, "ID")
		return strings.ReplaceAll(s, gjson.Get(s, "time").Raw, "TIME")
	}
	if known.Code != unknown.Code || blank(known.Body.String(), trace) != blank(unknown.Body.String(), stranger) {
		t.Errorf("%s\n%s", known.Body, unknown.Body)
	}
	done, undone := call(g, "POST /v2/deployments/"+trace+"/metrics", `{"usage":{"prompt_tokens":1,"completion_tokens":1}}`),
		call(g, "POST /v2/deployments/"+stranger+"/metrics", `{"usage":{"prompt_tokens":1,"completion_tokens":1}}`)
	if done.Body.String() != undone.Body.String() || done.Code != http.StatusOK {
		t.Errorf("%s\n%s", done.Body, undone.Body)
	}
}

func TestSDKsGiveFeedbackAndTakeItBack(t *testing.T) {
	g, app := recordingGateway(t, "feedback {\nrating string good bad\nlikes boolean\n}")
	trace := chat(g, `{"model":"deployment/support","messages":[{"role":"user","content":"hello"}]}`).Header().Get("X-Deployment-Trace-Id")
	w := call(g, "POST /v2/feedback", `{"property":"rating","value":["good"],"trace_id":"`+trace+`","product":"deployments"}`)
	got := gjson.ParseBytes(w.Body.Bytes())
	if w.Code != http.StatusOK || got.Get("property").Str != "rating" || got.Get("trace_id").Str != trace || got.Get("product").Str != "deployments" || got.Get("id").Str == "" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	call(g, "POST /v2/feedback", `{"property":"likes","value":1,"trace_id":"`+trace+`"}`)
	e := recorded(t, app, trace)
	if len(e.Feedback) != 2 || e.Feedback[0].Value.Kind != record.ValueText || e.Feedback[1].Value.Kind != record.ValueBool {
		t.Fatalf("feedback %+v", e.Feedback)
	}
	w = call(g, "POST /v2/feedback/remove", `{"id":"`+got.Get("id").Str+`","trace_id":"`+trace+`","product":"deployments"}`)
	if w.Code != http.StatusOK || gjson.Get(w.Body.String(), "id").Str != got.Get("id").Str {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if e := recorded(t, app, trace); len(e.Feedback) != 1 || e.Feedback[0].Name != "likes" {
		t.Errorf("feedback %+v", e.Feedback)
	}
	w = call(g, "POST /v2/feedback", `{"property":"rating","value":["great"],"trace_id":"x"}`)
	if w.Code != http.StatusBadRequest || gjson.Get(w.Body.String(), "message").Str == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestBadFeedbackSaysWhatIsWrong(t *testing.T) {
	g, _ := recordingGateway(t, "feedback {\nscore number 1 5\nquality string good bad\ntags list a b\nthumb boolean\nstrict\n}")
	long := strings.Repeat("x", 200)
	for _, c := range []struct{ body, param, says string }{
		{`{"name":"score","value":1}`, "trace_id", "missing"},
		{`{"trace_id":"t","value":1}`, "name", "missing"},
		{`{"trace_id":"t","name":"score"}`, "value", "missing"},
		{`{"trace_id":"t","name":"score","value":null}`, "value", "boolean"},
		{`{"trace_id":"t","name":"score","value":1e999}`, "value", "number"},
		{`{"trace_id":"t","name":"score","value":{"a":1}}`, "value", "boolean"},
		{`{"trace_id":"t","name":"score","value":6}`, "value", "from 1 to 5"},
		{`{"trace_id":"t","name":"score","value":"5"}`, "value", "number"},
		{`{"trace_id":"t","name":"quality","value":"fine"}`, "value", "good"},
		{`{"trace_id":"t","name":"tags","value":["a","c"]}`, "value", "a"},
		{`{"trace_id":"t","name":"scoer","value":1}`, "value", `did you mean "score"`},
		{`{"trace_id":"t\u0000","name":"score","value":1}`, "trace_id", "control"},
		{`{"trace_id":"` + long + `","name":"score","value":1}`, "trace_id", "128"},
		{`{"trace_id":"t","name":"score","value":1,"id":"name:other"}`, "id", "name:"},
		{`{"trace_id":"t","name":"score","value":1,"comment":"a\u0007b"}`, "comment", "control"},
		{`{"trace_id":"t","name":"score","value":1,"metadata":[1]}`, "metadata", "object"},
		{`{"trace_id":"t","name":"score","value":1,"note":"x"}`, "note", "no member"},
		{`{"trace_id":1,"name":"score","value":1}`, "trace_id", "string"},
	} {
		w := call(g, "POST /v1/feedback", c.body)
		e := gjson.GetBytes(w.Body.Bytes(), "error")
		if w.Code != http.StatusBadRequest || e.Get("param").Str != c.param || !strings.Contains(e.Get("message").Str, c.says) {
			t.Errorf("%s: %d %s, want %s to say %q", c.body, w.Code, w.Body, c.param, c.says)
		}
	}
	if w := call(g, "POST /v1/feedback", `{"trace_id":"t","name":"score","value":1,"comment":"`+strings.Repeat("x", 200<<10)+`"}`); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("%d", w.Code)
	}
	if w := call(g, "DELETE /v1/feedback?trace_id=t", ""); w.Code != http.StatusBadRequest {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestWithoutRecordsFeedbackIsNotAcknowledged(t *testing.T) {
	ctx, err := provision(t, demoGlobals(echoDeployment+"store off")+"http://127.0.0.1:9999 {\nllm_gateway\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	site, err := ctx.App("http")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range site.(*caddyhttp.App).Servers {
		w := call(g, "POST /v1/feedback", `{"trace_id":"t","name":"score","value":1}`)
		if w.Code != http.StatusServiceUnavailable || gjson.Get(w.Body.String(), "error.code").Str != "records_unavailable" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}

func TestReportsCompleteAConfigThatWasAskedFor(t *testing.T) {
	g, app := recordingGateway(t, "")
	w := call(g, "POST /v2/deployments/get_config", `{"key":"support","metadata":{"team":"a"},"messages":[{"role":"user","content":"hi"}]}`)
	id := gjson.Get(w.Body.String(), "id").Str
	report := `{"usage":{"prompt_tokens":1000000,"completion_tokens":500000,"total_tokens":1500000},"performance":{"latency":9000,"time_to_first_token":250},
		"metadata":{"custom":"x"},"messages":[{"role":"user","content":"hi"}],"choices":[{"role":"assistant","content":"ho"}],"feedback":{"score":100}}`
	if w := call(g, "POST /v2/deployments/"+id+"/metrics", report); w.Body.String() != `{"success":true}` {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	call(g, "POST /v2/deployments/"+id+"/metrics", `{"usage":{"prompt_tokens":10,"completion_tokens":0}}`)
	e := recorded(t, app, id)
	if e.Endpoint != "get_config" || e.Input != 1000010 || e.Output != 500000 || !e.Priced || e.CostUSD < 2 || e.CostUSD > 2.1 {
		t.Errorf("got %+v", e.Row)
	}
	if time.Duration(e.Duration) != 9*time.Second || time.Duration(e.FirstToken) != 250*time.Millisecond || string(e.Metadata) != `{"custom":"x","team":"a"}` {
		t.Errorf("got %v %v %s", e.Duration, e.FirstToken, e.Metadata)
	}
	if len(e.Feedback) != 1 || e.Feedback[0].Name != "score" || e.Feedback[0].Value.Number != 100 {
		t.Errorf("feedback %+v", e.Feedback)
	}
	for _, c := range []struct{ body, param string }{
		{`{"usage":{"prompt_tokens":1}}`, "usage.completion_tokens"},
		{`{"usage":{"prompt_tokens":-1,"completion_tokens":1}}`, "usage.prompt_tokens"},
		{`{"usage":{"prompt_tokens":1.5,"completion_tokens":1}}`, "usage.prompt_tokens"},
		{`{"performance":{}}`, "performance.latency"},
		{`{"performance":{"latency":1e999}}`, "performance.latency"},
		{`{"feedback":{"score":"high"}}`, "feedback.score"},
		{`{"metadata":[]}`, "metadata"},
	} {
		w := call(g, "POST /v2/deployments/"+id+"/metrics", c.body)
		if w.Code != http.StatusBadRequest || gjson.Get(w.Body.String(), "error.param").Str != c.param || gjson.Get(w.Body.String(), "message").Str == "" {
			t.Errorf("%s: %d %s", c.body, w.Code, w.Body)
		}
	}
}

func TestMocksLeaveNoRecord(t *testing.T) {
	g, app := recordingGateway(t, "")
	trace := call(g, "POST /v2/deployments/invoke", `{"key":"support","invoke_options":{"mock_response":"x"}}`).Header().Get("X-Deployment-Trace-Id")
	kept := call(g, "POST /v2/deployments/invoke", `{"key":"support","thread":{"id":"t1"},"messages":[{"role":"user","content":"x"}]}`).Header().Get("X-Deployment-Trace-Id")
	if e := recorded(t, app, kept); e.Endpoint != "invoke" || record.Member(e.Metadata, "thread") != "t1" || e.Deployment != "support" {
		t.Errorf("got %+v", e.Row)
	}
	store, err := app.records(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Get(t.Context(), trace); err == nil {
		t.Error("a mock left a record")
	}
}
