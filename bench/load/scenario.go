package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"

	"github.com/mulligan-gateway/mulligan/bench/load/drive"
)

// scenario is a kind of load, and the deployment of that name.
type scenario struct {
	name  string
	about string
	shape drive.Shape
	// claude says that Mulligan's provider speaks Anthropic's dialect, so that every byte of
	// requests and answers is translated. The others have no part in it.
	claude bool
	// named says that it is run only when it is named.
	named bool
	// aims are the ratios to reverse_proxy that Mulligan should stay below.
	aims map[string]float64
}

// deployment returns the name of the scenario's deployment. Scenarios that ask for the same
// share one.
func (s *scenario) deployment() string {
	key := strings.NewReplacer("=", "", ",", "-").Replace(s.shape.Spec)
	if s.claude {
		key = "claude-" + key
	}
	return key
}

const (
	plain = "size=700"
	quick = "chunks=100"
	slow  = "chunks=50,gap=10ms"
)

func small(connections int) drive.Shape {
	return drive.Shape{Spec: plain, Connections: connections, Body: 1 << 10}
}

func streams(spec string, connections int) drive.Shape {
	return drive.Shape{Spec: spec, Connections: connections, Body: 1 << 10, Stream: true}
}

func aim(withRecords float64) map[string]float64 {
	return map[string]float64{mulligan: withRecords, withoutRecords: withRecords - 0.05}
}

var scenarios = []scenario{
	{name: "small-c1", about: "1 KB request, plain answer, 1 connection", shape: small(1), aims: aim(1)},
	{name: "small-c32", about: "the same, 32 connections", shape: small(32), aims: aim(1)},
	{name: "small-c256", about: "the same, 256 connections", shape: small(256), aims: aim(0.8)},
	{name: "100KB-c32", about: "100 KB request, plain answer, 32 connections", shape: drive.Shape{Spec: plain, Connections: 32, Body: 100 << 10}, aims: aim(0.9)},
	{name: "events-c32", about: "stream of 100 events without delay, 32 connections", shape: streams(quick, 32), aims: aim(0.9)},
	{name: "slow-c100", about: "stream of 50 events, one each 10 ms, 100 connections", shape: streams(slow, 100), aims: aim(0.9)},
	{name: "slow-c500", about: "the same, 500 connections", shape: streams(slow, 500), aims: aim(0.95)},
	{name: "claude-small-c32", about: "1 KB request, plain answer, translated to and from Anthropic's dialect", shape: small(32), claude: true, aims: map[string]float64{mulligan: 1.3}},
	{name: "claude-events-c32", about: "stream of 100 events, translated", shape: streams(quick, 32), claude: true, aims: map[string]float64{mulligan: 1.6}},
	{name: "streams-c5000", about: "5,000 streams of 50 events, one each 10 ms where the machine can", shape: streams(slow, 5000), named: true},
}

// The gateways that are always there.
const (
	direct         = "direct"
	baseline       = "reverse_proxy"
	pooledProxy    = "reverse_proxy, 1024 idle"
	mulligan       = "mulligan"
	withoutRecords = "mulligan, no records"
	moreRules      = "mulligan, no records, 20 rules"
)

// chatPath is where each of them is asked.
const chatPath = "/v1/chat/completions"

// gateway is something to be measured.
type gateway struct {
	name string
	// in says for which scenarios it is; nil is all.
	in *regexp.Regexp
	// config returns what a Caddy is started with; it is nil for what is no Caddy.
	config func(provider, addr string) caddyProcess
	// command writes what another program needs into its folder, and returns how it is started.
	command func(place) (*exec.Cmd, error)
	// target says how it is asked.
	target func(s *scenario) drive.Target
}

// place is where a gateway runs.
type place struct {
	provider string // the provider's address
	addr     string // where the gateway shall listen
	folder   string // of its own, for its config and whatever it writes
}

// gateways returns those that are measured.
func gateways(o *options) []gateway {
	all := []gateway{
		{name: direct, target: plainTarget},
		{name: baseline, config: proxyConfig(""), target: plainTarget},
		{name: pooledProxy, config: proxyConfig("transport http {\n\t\t\tkeepalive_idle_conns_per_host 1024\n\t\t}\n"),
			in: regexp.MustCompile("c256$"), target: plainTarget},
		{name: mulligan, config: ownConfig(10, ""), target: ownTarget},
		{name: withoutRecords, config: ownConfig(10, "store off"), target: ownTarget},
		{name: moreRules, config: ownConfig(20, "store off"), in: regexp.MustCompile("^small-c32$"), target: ownTarget},
	}
	for _, p := range programs {
		if path := o.programs[p.name]; path != "" {
			all = append(all, p.gateway(path))
		}
	}
	return all
}

// plainModel asks the provider for what the scenario is about, whatever stands in between.
func plainModel(s *scenario) string { return "mock:" + s.shape.Spec }

func plainTarget(s *scenario) drive.Target { return drive.Target{Model: plainModel(s)} }

// plainModels are those of all scenarios, each once, for gateways that must know them.
func plainModels() []string {
	var all []string
	for i := range scenarios {
		all = append(all, plainModel(&scenarios[i]))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// proxyConfig returns the baseline: a plain reverse_proxy.
func proxyConfig(transport string) func(provider, addr string) caddyProcess {
	return func(provider, addr string) caddyProcess {
		return caddyProcess{addr: addr, site: fmt.Sprintf("http://%s {\n\treverse_proxy %s {\n\t\t%s\n\t}\n}\n", addr, provider, transport)}
	}
}

// ownTarget asks Mulligan: which deployment, and a context for its rules to look at.
func ownTarget(s *scenario) drive.Target {
	return drive.Target{Model: "mock", Header: []string{"X-Deployment-Key: " + s.deployment(), `X-Deployment-Context: {"tier":"free"}`}}
}

// ownConfig returns Mulligan's config: a deployment for each scenario, in which that many rules
// are asked of which the last, the default, answers, and models with prices.
func ownConfig(rules int, more string) func(provider, addr string) caddyProcess {
	return func(provider, addr string) caddyProcess {
		var models, deployments strings.Builder
		seen := map[string]bool{}
		for i := range scenarios {
			s := &scenarios[i]
			if seen[s.deployment()] {
				continue
			}
			seen[s.deployment()] = true
			model := "openai-like/mock:" + s.shape.Spec
			if s.claude {
				model = "claude/mock:" + s.shape.Spec
			}
			fmt.Fprintf(&models, "model %q {\n input 1.00\n output 4.00\n }\n", model)
			fmt.Fprintf(&deployments, "deployment %s {\n", s.deployment())
			for i := range rules - 1 {
				fmt.Fprintf(&deployments, "variant v%d {\nwhen `context.tier == \"t%d\" && request.message_count < 100`\nmodel %q\n}\n", i, i, model)
			}
			fmt.Fprintf(&deployments, "variant default {\nmodel %q\n}\n}\n", model)
		}
		return caddyProcess{
			addr: addr,
			site: fmt.Sprintf("http://%s {\n\tllm_gateway\n}\n", addr),
			global: fmt.Sprintf(`llm_gateway {
	provider openai-like openai_compatible {
		base_url http://%s/v1
		api_key load
	}
	provider claude anthropic {
		base_url http://%s/v1
		api_key load
	}
	models {
		%s
	}
	%s
	%s
}
`, provider, provider, models.String(), more, deployments.String()),
		}
	}
}
