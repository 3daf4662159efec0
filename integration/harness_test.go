// Package integration runs the real Caddy, with Mulligan in it, in front of scripted
// providers (internal/fakellm), and real clients in front of it.
//
// One process has one Caddy, so no test here is parallel.
package integration

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // all of Caddy, as a user has it
	"github.com/tidwall/gjson"

	_ "github.com/mulligan-gateway/mulligan" // what is tested, as xcaddy links it
	"github.com/mulligan-gateway/mulligan/internal/port"
)

// TestMain keeps Caddy's instance id out of the home folder of whoever runs the tests. Its
// other files are kept out by startGateway.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "mulligan-integration-*")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		os.Setenv("XDG_DATA_HOME", dir)
		os.Setenv("XDG_CONFIG_HOME", dir)
		return m.Run()
	}())
}

// gateway is a running Caddy.
type gateway struct {
	// URL is the site's origin, such as http://127.0.0.1:49152.
	URL string
	// AdminURL is the admin endpoint's origin.
	AdminURL string

	t    testing.TB
	logs string // file with Caddy's log and the access log, one JSON object per line
	vars map[string]string
}

// startGateway loads a Caddyfile and stops Caddy when the test ends. In the Caddyfile, {$Name}
// stands for vars["Name"], and
//
//	{$Global}  for lines of the global options: admin endpoint, logs to a file, no files of Caddy's own
//	{$Site}    for the address of the site: http://127.0.0.1 and a free port
//
// A typical one is
//
//	{
//		{$Global}
//		llm_gateway { … base_url {$House} … }
//	}
//	{$Site} {
//		log
//		llm_gateway
//	}
func startGateway(t testing.TB, caddyfile string, vars map[string]string) *gateway {
	t.Helper()
	g := &gateway{t: t, logs: filepath.Join(t.TempDir(), "caddy.log"), vars: map[string]string{}}
	maps.Copy(g.vars, vars)
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("stop Caddy: %v", err)
		}
		if t.Failed() {
			t.Logf("Caddy's log:\n%s", lastLines(g.log(), 400))
		}
	})
	var err error
	for range 5 {
		g.pickPorts()
		// Where ports cannot be held, somebody else may take one between the picking and the listening.
		if err = g.load(caddyfile); !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	if err != nil {
		t.Fatalf("load Caddyfile: %v", err)
	}
	return g
}

func (g *gateway) pickPorts() {
	site, admin := port.Reserve(g.t), port.Reserve(g.t)
	g.URL = "http://127.0.0.1:" + site
	g.AdminURL = "http://127.0.0.1:" + admin
	g.vars["Site"] = g.URL
	// A site's address alone does not say where Caddy listens: default_bind does.
	g.vars["Global"] = `admin 127.0.0.1:` + admin + `
	default_bind 127.0.0.1
	persist_config off
	storage file_system "` + filepath.ToSlash(g.t.TempDir()) + `"
	auto_https off
	grace_period 5s
	log {
		output file "` + filepath.ToSlash(g.logs) + `"
		format json
		level DEBUG
	}`
}

// load adapts the Caddyfile and makes it Caddy's config. It may be called again: that is a
// reload.
func (g *gateway) load(caddyfile string) error {
	config, err := adapt(caddyfile, g.vars)
	if err != nil {
		return err
	}
	return caddy.Load(config, true)
}

// reload makes another Caddyfile the config of the running Caddy.
func (g *gateway) reload(caddyfile string) {
	g.t.Helper()
	if err := g.load(caddyfile); err != nil {
		g.t.Fatalf("reload: %v", err)
	}
}

// adapt turns a Caddyfile with {$Name} in it into Caddy's JSON.
func adapt(caddyfile string, vars map[string]string) ([]byte, error) {
	for name, value := range vars {
		caddyfile = strings.ReplaceAll(caddyfile, "{$"+name+"}", value)
	}
	if _, rest, found := strings.Cut(caddyfile, "{$"); found {
		name, _, _ := strings.Cut(rest, "}")
		return nil, fmt.Errorf("the Caddyfile has {$%s}, which nobody sets", name)
	}
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), map[string]any{"filename": "Caddyfile"})
	return config, err
}

// baseURL is what clients are given.
func (g *gateway) baseURL() string { return g.URL + "/v1" }

// log returns what Caddy has logged so far, in whole lines: the last one may still be in the making.
func (g *gateway) log() string {
	b, err := os.ReadFile(g.logs)
	if err != nil {
		return err.Error()
	}
	return string(b[:bytes.LastIndexByte(b, '\n')+1])
}

// lastLines shortens a text to its end: some tests make tens of thousands of lines.
func lastLines(s string, n int) string {
	lines := strings.SplitAfter(s, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "")
}

// metrics returns the text of the admin endpoint's /metrics. It keeps no connection: after a minute
// without a request Caddy would close it, and the goroutines of the next one would look left behind.
func (g *gateway) metrics() string {
	g.t.Helper()
	resp, err := passingClient().Get(g.AdminURL + "/metrics")
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return string(b)
}

// sample returns the value of one series in the text of /metrics, 0 when it is not there.
func sample(t testing.TB, metrics, series string) float64 {
	t.Helper()
	for line := range strings.Lines(metrics) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
	}
	return 0
}

// accessLog waits for the line of the access log that belongs to an exchange. Caddy writes it
// when the exchange is over, so from then on the metrics have it, too.
func (g *gateway) accessLog(traceID string) string {
	g.t.Helper()
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for giveUp := time.Now().Add(patience); time.Now().Before(giveUp); <-look.C {
		for line := range strings.Lines(g.log()) {
			if gjson.Get(line, "llm.trace_id").String() == traceID && strings.HasPrefix(gjson.Get(line, "logger").String(), "http.log.access") {
				return line
			}
		}
	}
	g.t.Fatalf("the access log has no line for %s", traceID)
	return ""
}

// answer is a whole answer of the gateway.
type answer struct {
	Status int
	Header http.Header
	Body   string
	Err    error // how the body ended, if not well
}

// request is what send sends, by POST.
type request struct {
	path        string // below the base URL
	deployment  string // the header that names it; "" names none
	contentType string // default: JSON
	header      http.Header
	body        string
}

// ask sends JSON to the gateway and reads the whole answer.
func (g *gateway) ask(path, deployment, body string) answer {
	g.t.Helper()
	return g.send(request{path: path, deployment: deployment, body: body})
}

// send sends a request to the gateway and reads the whole answer.
func (g *gateway) send(r request) answer {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), 2*patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.baseURL()+r.path, strings.NewReader(r.body))
	if err != nil {
		g.t.Fatal(err)
	}
	if r.header != nil {
		req.Header = r.header.Clone()
	}
	req.Header.Set("Content-Type", cmp.Or(r.contentType, "application/json"))
	if r.deployment != "" {
		req.Header.Set("X-Deployment-Key", r.deployment)
	}
	resp, err := sharedClient().Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{Status: resp.StatusCode, Header: resp.Header, Body: string(b), Err: err}
}

// sharedClient keeps its connections from test to test; http.DefaultClient belongs to the
// code under test.
var sharedClient = sync.OnceValue(func() *http.Client {
	return &http.Client{Transport: &http.Transport{}}
})
