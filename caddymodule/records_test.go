package caddymodule

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/record"
)

// askAdmin asks the records of the app that runs, on the admin endpoint.
func askAdmin(t *testing.T, path string) (gjson.Result, string, error) {
	t.Helper()
	w := httptest.NewRecorder()
	err := new(admin).serveRecords(w, httptest.NewRequest(http.MethodGet, adminRecords+path, nil))
	return gjson.ParseBytes(w.Body.Bytes()), w.Body.String(), err
}

func TestTheAdminEndpointAnswersQuestions(t *testing.T) {
	g, _ := recordingGateway(t, "")
	trace := chat(g, `{"model":"deployment/support","metadata":{"team":"=a"},"messages":[{"role":"user","content":"hello"}]}`).Header().Get("X-Deployment-Trace-Id")
	chat(g, `{"model":"deployment/down","messages":[{"role":"user","content":"hello"}]}`)
	call(g, "POST /v1/feedback", `{"trace_id":"`+trace+`","name":"thumb","value":true}`)

	first, _, err := askAdmin(t, "?limit=1")
	if err != nil || first.Get("rows.0.deployment").Str != "down" || first.Get("next").Str == "" {
		t.Fatalf("%v %s", err, first)
	}
	second, _, err := askAdmin(t, "?limit=1&after="+first.Get("next").Str)
	if err != nil || second.Get("rows.0.trace_id").Str != trace || second.Get("next").Exists() {
		t.Errorf("%v %s", err, second)
	}
	if one, _, err := askAdmin(t, "/"+trace); err != nil || one.Get("feedback.0.name").Str != "thumb" || one.Get("variant").Str != "plain" {
		t.Errorf("%v %s", err, one)
	}
	stats, _, err := askAdmin(t, "/stats?by=deployment,variant&feedback=thumb%3Dtrue&since=1h")
	if err != nil || stats.Get("groups.#").Int() != 1 || stats.Get("groups.0.key").Raw != `["support","plain"]` || stats.Get("groups.0.feedback.0.mean").Num != 1 {
		t.Errorf("%v %s", err, stats)
	}
	if _, text, err := askAdmin(t, "/export?format=csv&deployment=support"); err != nil || strings.Count(text, "\n") != 2 || !strings.Contains(text, trace) {
		t.Errorf("%v %s", err, text)
	}
	for path, says := range map[string]string{
		"?colour=red": "no such parameter", "/stats?by=colour": "nothing to group by", "?after=x": "cursor", "/nobody": record.ErrNotFound.Error(),
		"/export?format=xml": "jsonl", "/export?by=variant": "no such parameter",
	} {
		if _, _, err := askAdmin(t, path); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want it to say %q", path, err, says)
		}
	}
}

// recordsOutput runs caddy llm records with arguments and returns what it printed.
func recordsOutput(t *testing.T, config string, args ...string) (string, error) {
	t.Helper()
	cmd := recordsCommand()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SilenceUsage = true
	cmd.SetArgs(append([]string{"--config", config, "--adapter", "caddyfile"}, args...))
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestTheCommandLineReadsTheStoreOfARunningGateway(t *testing.T) {
	g, app := recordingGateway(t, "")
	trace := chat(g, `{"model":"deployment/support","metadata":{"team":"a"},"messages":[{"role":"user","content":"hello"}]}`).Header().Get("X-Deployment-Trace-Id")
	chat(g, `{"model":"deployment/down","messages":[{"role":"user","content":"hello"}]}`)
	call(g, "POST /v1/feedback", `{"trace_id":"`+trace+`","name":"thumb","value":true}`)
	recorded(t, app, trace)

	config := filepath.Join(t.TempDir(), "Caddyfile")
	text := "{\nllm_gateway {\nprovider openai {\napi_key {env.NOT_SET}\n}\nstore sqlite {\npath " + filepath.ToSlash(strings.TrimPrefix(app.store.Location, "sqlite ")) + "\n}\n}\n}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		says []string
	}{
		{[]string{"list"}, []string{trace, "support", "upstream_error"}},
		{[]string{"list", "--metadata", "team=a", "--json"}, []string{`"trace_id": "` + trace}},
		{[]string{"show", trace}, []string{"thumb = true", "attempt 1", "demo/echo"}},
		{[]string{"stats", "--by", "deployment", "--by", "variant"}, []string{"COST/REQUEST", "support", "1 (100.0%)", "THUMB", "n=1"}},
		{[]string{"export", "--format", "csv", "--outcome", "ok"}, []string{"trace_id,time", trace, "1 records"}},
		{[]string{"check"}, []string{"All is sound"}},
	} {
		out, err := recordsOutput(t, config, c.args...)
		if err != nil {
			t.Errorf("%v: %v", c.args, err)
		}
		for _, want := range c.says {
			if !strings.Contains(out, want) {
				t.Errorf("%v does not print %q:\n%s", c.args, want, out)
			}
		}
	}
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"list", "--since", "yesterday"}, "--since"},
		{[]string{"stats", "--by", "colour"}, "--by"},
		{[]string{"list", "--min-cost", "x"}, "--min-cost"},
		{[]string{"export", "--format", "xml"}, "jsonl"},
		{[]string{"show", "nobody"}, record.ErrNotFound.Error()},
	} {
		if _, err := recordsOutput(t, config, c.args...); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %v, want it to say %q", c.args, err, c.says)
		}
	}
}

func TestACommandWithoutAConfigSaysHowToNameOne(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, _, err := storeOfConfig("", ""); err == nil || !strings.Contains(err.Error(), "--config") {
		t.Errorf("%v", err)
	}
}

func TestCheckStoresWhatWaits(t *testing.T) {
	dir := t.TempDir()
	path := filepath.ToSlash(filepath.Join(dir, "records.db"))
	config := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(config, []byte("{\nllm_gateway {\nstore sqlite {\npath "+path+"\n}\n}\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	spill := path + ".spill.000001"
	if err := os.WriteFile(spill, []byte("mulligan-spill 1 0000000000000000\nthis is no line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := recordsOutput(t, config, "check", "--repair")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if strings.Contains(out, "problem: "+spill) || !strings.Contains(out, "mended: "+spill) || !strings.Contains(out, "0 in 0 files") {
		t.Errorf("what is mended is not said to be:\n%s", out)
	}
	if _, err := os.Stat(spill); err == nil {
		t.Error("the spill file is still there")
	}
	if out, err := recordsOutput(t, config, "check"); err == nil || !strings.Contains(out, ".damaged") {
		t.Errorf("what was set aside is not named: %v\n%s", err, out)
	}
}

func TestTablesCannotMoveTheCursor(t *testing.T) {
	var b bytes.Buffer
	e := &record.Entry{Row: record.Row{TraceID: "t", Deployment: "a\x1b[2Jb", Metadata: []byte("{\"a\":\"\u202e\"}")}}
	if err := printEntry(&b, e); err != nil || strings.ContainsAny(b.String(), "\x1b\u202e") {
		t.Errorf("%v %q", err, b.String())
	}
}
