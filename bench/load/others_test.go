package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/mulligan-gateway/mulligan/bench/load/drive"
)

// started is how a program would be started, and what was written for it.
type started struct {
	arguments, environment, config string
}

func startOf(t *testing.T, g gateway) started {
	t.Helper()
	p := place{provider: "127.0.0.1:7001", addr: "127.0.0.1:7002", folder: t.TempDir()}
	cmd, err := g.command(p)
	if err != nil {
		t.Fatal(err)
	}
	s := started{arguments: strings.Join(cmd.Args, " "), environment: strings.Join(cmd.Env, "\n")}
	files, err := filepath.Glob(filepath.Join(p.folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s.config += string(b)
	}
	return s
}

func TestNginxPassesOnFromItsAddressToTheProvider(t *testing.T) {
	s := startOf(t, nginx("/opt/nginx"))
	for _, want := range []string{"server 127.0.0.1:7001;", "listen 127.0.0.1:7002;"} {
		if !strings.Contains(s.config, want) {
			t.Errorf("there is no %q in\n%s", want, s.config)
		}
	}
}

func TestPortkeyIsToldTheProviderWithEachRequest(t *testing.T) {
	g := portkey("/opt/start-server.js")
	if s := startOf(t, g); s.arguments != "node /opt/start-server.js --headless --port=7002" {
		t.Errorf("it is started as %q", s.arguments)
	}
	if h := g.target(&scenarios[0]).Header; !slices.Contains(h, "x-portkey-custom-host: http://127.0.0.1:7001/v1") {
		t.Errorf("the header is %q", h)
	}
}

func TestLiteLLMKnowsEveryModelAndTheKeyOfRequests(t *testing.T) {
	g := litellm("/opt/litellm")
	s := startOf(t, g)
	var config struct {
		Models []struct {
			Name   string `yaml:"model_name"`
			Params struct {
				Model string `yaml:"model"`
				Base  string `yaml:"api_base"`
			} `yaml:"litellm_params"`
		} `yaml:"model_list"`
	}
	if err := yaml.Unmarshal([]byte(s.config), &config); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, m := range config.Models {
		known[m.Name] = m.Params.Model == "openai/"+m.Name && m.Params.Base == "http://127.0.0.1:7001/v1"
	}
	for i := range scenarios {
		target := g.target(&scenarios[i])
		if !known[target.Model] {
			t.Errorf("%s: the model %q is not in\n%s", scenarios[i].name, target.Model, s.config)
		}
		key, is := strings.CutPrefix(target.Header[0], "Authorization: Bearer ")
		if !is || !strings.Contains(s.environment, "\nLITELLM_MASTER_KEY="+key+"\n") {
			t.Errorf("the header is %q, and the process has another key", target.Header)
		}
	}
	if !strings.Contains(s.arguments, "--host 127.0.0.1 --port 7002") {
		t.Errorf("it is started as %q", s.arguments)
	}
}

func TestGoModelKnowsEveryModel(t *testing.T) {
	g := gomodel("/opt/gomodel")
	s := startOf(t, g)
	var config struct {
		Providers map[string]struct {
			Base   string   `yaml:"base_url"`
			Models []string `yaml:"models"`
		} `yaml:"providers"`
	}
	if err := yaml.Unmarshal([]byte(s.config), &config); err != nil {
		t.Fatal(err)
	}
	p := config.Providers["openai"]
	if p.Base != "http://127.0.0.1:7001/v1" || !strings.Contains(s.environment, "\nPORT=7002\n") {
		t.Errorf("the provider is at %q, the environment is %s", p.Base, s.environment)
	}
	for i := range scenarios {
		if m := g.target(&scenarios[i]).Model; !slices.Contains(p.Models, strings.TrimPrefix(m, "openai/")) {
			t.Errorf("%s: the model %q is not in %q", scenarios[i].name, m, p.Models)
		}
	}
}

func TestProgramsAreNamedByFlagOrEnvironment(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	for _, p := range programs {
		t.Setenv(strings.ToUpper(p.name), "")
		if err := os.WriteFile(p.name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("LITELLM", "./litellm")
	o, err := parse([]string{"-portkey", "portkey", "-gomodel", filepath.Join(folder, "gomodel")})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, g := range gateways(o) {
		names = append(names, g.name)
	}
	if got := strings.Join(names[len(names)-3:], " "); got != "portkey litellm gomodel" || slices.Contains(names, "nginx") {
		t.Errorf("the gateways are %q", names)
	}
	for _, name := range []string{"portkey", "litellm", "gomodel"} {
		if o.programs[name] != filepath.Join(folder, name) {
			t.Errorf("%s is at %q", name, o.programs[name])
		}
	}
	if _, err := parse([]string{"-nginx", "./elsewhere"}); err == nil || !strings.Contains(err.Error(), "-nginx") {
		t.Errorf("want an error about -nginx, got %v", err)
	}
}

func TestARunningGatewayNeedsAProviderThatItKnows(t *testing.T) {
	other := []string{"-other", "mine,http://127.0.0.1:7002/v1/chat/completions,1,mine/"}
	if _, err := parse(other); err == nil || !strings.Contains(err.Error(), "-provider 127.0.0.1:PORT") {
		t.Errorf("want an error that says what to do, got %v", err)
	}
	o, err := parse(append(other, "-provider", "127.0.0.1:7001"))
	if err != nil {
		t.Fatal(err)
	}
	g, target, err := running(o.others[0])
	if err != nil {
		t.Fatal(err)
	}
	if model := g.target(&scenarios[0]).Model; g.name != "mine" || target.PID != 1 || model != "mine/mock:"+plain {
		t.Errorf("it is %q, process %d, asked for %q", g.name, target.PID, model)
	}
}

func TestRequestsCarryOneAuthorization(t *testing.T) {
	seen := make(chan []string, 1)
	gateway := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case seen <- r.Header["Authorization"]:
		default:
		}
	}))
	defer gateway.Close()
	for _, header := range [][]string{nil, {"Authorization: Bearer own"}} {
		l, err := drive.New(drive.Target{URL: gateway.URL + chatPath, Header: header}, drive.Shape{Spec: plain, Connections: 1, Body: 1000})
		if err != nil {
			t.Fatal(err)
		}
		l.Turn(time.Millisecond)
		l.Close()
		if got := <-seen; len(got) != 1 || header != nil && "Authorization: "+got[0] != header[0] {
			t.Errorf("with the header %q the gateway has got %q", header, got)
		}
	}
}

func TestWrongAnswersAreToldAndHaveNoRatio(t *testing.T) {
	good := &contestant{gateway: gateway{name: baseline}, warmup: &drive.Sample{},
		samples: []*drive.Sample{{Requests: 9, CPU: time.Millisecond, Processes: 1}}}
	bad := &contestant{gateway: gateway{name: "bad"}, process: &process{}, warmup: &drive.Sample{Wrong: map[string]int{"bad JSON": 1}},
		samples: []*drive.Sample{{Wrong: map[string]int{"status 400": 9}, Processes: 3}}}
	r := result{scenario: &scenarios[0], contestants: []*contestant{good, bad}}
	if got := r.ratio(bad); got != "–" {
		t.Errorf("the ratio is %q", got)
	}
	var out strings.Builder
	r.print(&out)
	if !strings.Contains(out.String(), "reverse_proxy 1; bad 3") {
		t.Errorf("it does not say how many processes are counted:\n%s", out.String())
	}
	if got := bad.wrong(); got != "map[bad JSON:1 status 400:9]" || good.wrong() != "0" || !r.wrong() {
		t.Errorf("what is called wrong is %s, and %s", got, good.wrong())
	}
}
