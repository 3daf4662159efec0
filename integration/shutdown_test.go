package integration

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
)

const shutdownCaddyfile = `{
	{$Global}
	llm_gateway {
		provider house openai_compatible {
			base_url {$House}
		}
		models {
			model house/served {
				input 1
				output 2
			}
		}
		deployment running {
			variant default {
				model house/served
			}
		}
	}
}

{$Site} {
	log
	llm_gateway
}
`

// childConfig names the environment variable that makes a process of this test binary a Caddy.
const childConfig = "MULLIGAN_TEST_CADDY_CONFIG"

// TestCaddyInAProcessOfItsOwn is no test: it is what startProcess starts. Only the end of a
// process makes Caddy drain, so it cannot be seen in the process of the tests.
func TestCaddyInAProcessOfItsOwn(t *testing.T) {
	config := os.Getenv(childConfig)
	if config == "" {
		t.Skip("this is not such a process")
	}
	os.Args = []string{"caddy", "run", "--config", config}
	caddycmd.Main()
}

// process is a Caddy in a process of its own.
type process struct {
	*gateway
	cmd    *exec.Cmd
	exited chan error
}

// startProcess runs Caddy with shutdownCaddyfile and a grace period.
func startProcess(t *testing.T, grace string, vars map[string]string) *process {
	t.Helper()
	all := map[string]string{"Grace": grace}
	maps.Copy(all, vars)
	return runProcess(t, shutdownCaddyfile, all)
}

// runProcess runs Caddy with a Caddyfile, as startGateway does, and kills it at the end of the
// test at the latest. {$Grace} is its grace period.
func runProcess(t *testing.T, caddyfile string, vars map[string]string) *process {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("there a process cannot be asked to end")
	}
	dir := t.TempDir()
	p := &process{
		gateway: &gateway{t: t, logs: filepath.Join(dir, "caddy.log"), vars: map[string]string{}},
		exited:  make(chan error, 1),
	}
	maps.Copy(p.vars, vars)
	p.pickPorts()
	if grace := vars["Grace"]; grace != "" {
		p.vars["Global"] = strings.Replace(p.vars["Global"], "grace_period 5s", "grace_period "+grace, 1)
	}
	config, err := adapt(caddyfile, p.vars)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "caddy.json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	p.cmd = exec.Command(os.Args[0], "-test.run=^TestCaddyInAProcessOfItsOwn$")
	p.cmd.Env = append(os.Environ(), childConfig+"="+file, "TMPDIR="+dir, "XDG_DATA_HOME="+dir)
	var out bytes.Buffer
	p.cmd.Stdout, p.cmd.Stderr = &out, &out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.exited <- p.cmd.Wait() }()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		if t.Failed() {
			t.Logf("the process said:\n%s\nand logged:\n%s", out.String(), lastLines(p.log(), 400))
		}
	})
	eventually(t, "Caddy listens", func() bool {
		resp, err := passingClient().Get(p.URL)
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
	return p
}

// awaitShutdown waits until Caddy has begun to shut its servers down.
func (p *process) awaitShutdown() {
	p.t.Helper()
	eventually(p.t, "Caddy begins to shut down", func() bool { return strings.Contains(p.log(), "servers shutting down") })
}

// awaitExit waits for the end of the process, which must be a good one.
func (p *process) awaitExit() {
	p.t.Helper()
	select {
	case err := <-p.exited:
		if err != nil {
			p.t.Errorf("the process ended with %v", err)
		}
	case <-time.After(patience):
		p.t.Fatal("the process did not end")
	}
}

// askAside asks, and delivers the answer when it is whole.
func (p *process) askAside(body string) <-chan answer {
	got := make(chan answer, 1)
	go func() { got <- p.ask("/chat/completions", "running", body) }()
	return got
}

// TestAShutdownLetsWhatRunsEnd has a stream and a plain request run when the process is asked
// to end. Both get their whole answers, and then it ends.
func TestAShutdownLetsWhatRunsEnd(t *testing.T) {
	gate := fakellm.NewGate()
	house := fakellm.Start(t,
		fakellm.Steps(fakellm.Stream(), fakellm.Role(), fakellm.Text("Hel"), fakellm.Wait(gate), fakellm.Text("lo"),
			fakellm.Finish("stop"), fakellm.Done()),
		fakellm.Steps(fakellm.Wait(gate), fakellm.Answer("Hello")))
	p := startProcess(t, "20s", map[string]string{"House": house.BaseURL()})
	stream := p.askAside(streamChat)
	house.Await(1)
	plain := p.askAside(plainChat)
	house.Await(2)

	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.awaitShutdown()
	gate.Open()
	for _, a := range []answer{<-stream, <-plain} {
		if a.Status != 200 || a.Err != nil || strings.Contains(a.Body, "error") || !strings.Contains(a.Body, "lo") {
			t.Errorf("got %d %s, %v", a.Status, a.Body, a.Err)
		}
		if line := p.accessLog(a.Header.Get("X-Deployment-Trace-Id")); gjson.Get(line, "llm.outcome").String() != "ok" {
			t.Errorf("access log: %s", line)
		}
	}
	p.awaitExit()
}

// TestAShutdownCutsWhatOutlastsTheGracePeriod has a stream and a plain request run, each of
// this config and of the one before, that do not end. After the grace period the clients are
// told so, and all of them are in the access log.
func TestAShutdownCutsWhatOutlastsTheGracePeriod(t *testing.T) {
	hello := fakellm.Steps(fakellm.Stream(), fakellm.Role(), fakellm.Text("Hello"), fakellm.Hang())
	house := fakellm.Start(t, hello, fakellm.Hang(), hello, fakellm.Hang())
	p := startProcess(t, "1s", map[string]string{"House": house.BaseURL()})
	var (
		streams []*stream
		plains  []<-chan answer
	)
	for i := range 2 {
		s := p.open("running")
		s.until(`"Hello"`) // or the grace period might end before it has come so far
		streams = append(streams, s)
		plains = append(plains, p.askAside(plainChat))
		house.Await(2*i + 2)
		if i == 0 {
			p.reloadProcess()
		}
	}

	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for _, s := range streams {
		rest := s.rest()
		if s.resp.StatusCode != 200 || !strings.Contains(rest, "stream_interrupted") || strings.Contains(rest, "[DONE]") {
			t.Errorf("got %d %s, %v", s.resp.StatusCode, rest, s.lines.Err())
		}
		line := p.accessLog(s.resp.Header.Get("X-Deployment-Trace-Id"))
		for field, want := range map[string]any{"outcome": "interrupted", "estimated": true, "output_tokens": 2.0} {
			if got := gjson.Get(line, "llm."+field).Value(); got != want {
				t.Errorf("access log: llm.%s is %v, want %v", field, got, want)
			}
		}
	}
	for _, s := range plains {
		a := <-s
		if a.Status != 502 || gjson.Get(a.Body, "error.code").String() != "upstream_unavailable" || a.Header.Get("Retry-After") == "" {
			t.Errorf("got %d %s, %v", a.Status, a.Body, a.Err)
		}
		line := p.accessLog(a.Header.Get("X-Deployment-Trace-Id"))
		if got := gjson.Get(line, "llm.outcome").String(); got != "upstream_error" {
			t.Errorf("access log: %s", line)
		}
	}
	for n := range 4 {
		await(t, "the end of the provider's request", house.Await(n+1).Cancelled(), 1)
	}
	p.awaitExit()
}

// reloadProcess gives the process another config, which differs in nothing that matters.
func (p *process) reloadProcess() {
	p.t.Helper()
	config, err := adapt(strings.Replace(shutdownCaddyfile, "output 2", "output 3", 1), p.vars)
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := passingClient().Post(p.AdminURL+"/load", "application/json", bytes.NewReader(config))
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); resp.StatusCode != 200 {
		p.t.Fatal(errors.Join(errors.New(string(b)), err))
	}
}
