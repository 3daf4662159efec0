package caddymodule

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

// adminCall asks the admin endpoint of the app that runs.
func adminCall(method, path, body string) (*httptest.ResponseRecorder, error) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	w := httptest.NewRecorder()
	return w, new(admin).serveTargets(w, r)
}

func TestOperatorsPutTargetsToRestAndWakeThem(t *testing.T) {
	app := provisioned(t, demoApp)
	defer cleanUp(t, app)
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = app.Stop() }()

	w, err := adminCall(http.MethodGet, "/llm_gateway/targets", "")
	if err != nil {
		t.Fatal(err)
	}
	if got := gjson.Get(w.Body.String(), "targets.#.target").String(); got != `["demo/assistant","demo/echo","house/other","house/priced"]` {
		t.Errorf("the targets are %s", got)
	}

	w, err = adminCall(http.MethodPost, "/llm_gateway/targets/demo/echo", `{"rest":"10m"}`)
	if err != nil {
		t.Fatal(err)
	}
	status := gjson.ParseBytes(w.Body.Bytes())
	if !status.Get("resting").Bool() || status.Get("why").String() != "operator" ||
		status.Get("rests_for_ms").Int() > (10*time.Minute).Milliseconds() || status.Get("rests_for_ms").Int() < (9*time.Minute).Milliseconds() {
		t.Errorf("got %s", w.Body)
	}
	if app.healthy("demo/echo") || !app.healthy("demo/assistant") {
		t.Error("rules do not see what rests")
	}

	w, err = adminCall(http.MethodPost, "/llm_gateway/targets/demo/echo", `{"rest":"0s"}`)
	if err != nil || gjson.Get(w.Body.String(), "resting").Bool() || !app.healthy("demo/echo") {
		t.Errorf("waking: %v %s", err, w.Body)
	}
}

func TestBadTargetRequestsSayWhatToDo(t *testing.T) {
	app := provisioned(t, demoApp)
	defer cleanUp(t, app)
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = app.Stop() }()
	for _, c := range []struct{ method, path, body, says string }{
		{http.MethodPost, "/llm_gateway/targets", `{}`, "takes GET"},
		{http.MethodDelete, "/llm_gateway/targets/demo/echo", ``, "GET and POST"},
		{http.MethodPost, "/llm_gateway/targets/demo/ecco", `{"rest":"1m"}`, `did you mean "demo/echo"`},
		{http.MethodPost, "/llm_gateway/targets/demo/echo", `{"rest":"soon"}`, "not a duration"},
		{http.MethodPost, "/llm_gateway/targets/demo/echo", `{"sleep":"1m"}`, `{"rest":"10m"}`},
	} {
		if _, err := adminCall(c.method, c.path, c.body); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s %s %s: got %v, want it to say %q", c.method, c.path, c.body, err, c.says)
		}
	}
}
