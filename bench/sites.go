package main

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // reverse_proxy and the Caddyfile

	_ "github.com/mulligan-gateway/mulligan" // what is measured
)

// site is one of the two that are compared.
type site struct {
	name, url string
	header    func(scenario) map[string]string
}

// startCaddy starts one Caddy with both sites in front of the provider.
func startCaddy(provider string) ([]site, func() error, error) {
	proxyAddr, err := freeAddress()
	if err != nil {
		return nil, nil, err
	}
	ownAddr, err := freeAddress()
	if err != nil {
		return nil, nil, err
	}
	adapter := caddyconfig.GetAdapter("caddyfile")
	config, _, err := adapter.Adapt([]byte(caddyfile(provider, proxyAddr, ownAddr)), nil)
	if err != nil {
		return nil, nil, fmt.Errorf("adapt the config: %w", err)
	}
	if err := caddy.Load(config, true); err != nil {
		return nil, nil, fmt.Errorf("load the config: %w", err)
	}
	return []site{
		{"reverse_proxy", "http://" + proxyAddr, func(scenario) map[string]string { return nil }},
		{"mulligan", "http://" + ownAddr, func(s scenario) map[string]string {
			return map[string]string{"X-Deployment-Key": s.name, "X-Deployment-Context": `{"tier":"free"}`}
		}},
	}, caddy.Stop, nil
}

// caddyfile writes the config. reverse_proxy gets as many idle connections as Mulligan's
// own transport keeps, so that the pools do not make the difference.
func caddyfile(provider, proxyAddr, ownAddr string) string {
	var deployments strings.Builder
	for _, s := range scenarios {
		fmt.Fprintf(&deployments, "deployment %s {\n", s.name)
		for i := range 9 {
			fmt.Fprintf(&deployments, "variant v%d {\nwhen `context.tier == \"t%d\" && request.message_count < 100`\nmodel bench/other\n}\n", i, i)
		}
		fmt.Fprintf(&deployments, "variant default {\nmodel bench/%s\n}\n}\n", s.name)
	}
	return fmt.Sprintf(`{
	admin off
	auto_https off
	persist_config off
	log {
		level ERROR
	}
	llm_gateway {
		provider bench openai_compatible {
			base_url http://%s/v1
			api_key bench
		}
		models {
			activate bench/*
		}
		%s
	}
}
http://%s {
	reverse_proxy %s {
		transport http {
			keepalive_idle_conns_per_host 1024
		}
	}
}
http://%s {
	llm_gateway
}
`, provider, deployments.String(), proxyAddr, provider, ownAddr)
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// scenario is a kind of request, and the deployment of that name.
type scenario struct {
	name   string
	body   []byte
	stream bool
}

var scenarios = []scenario{
	{name: "small", body: chatBody(200, false)},
	{name: "100KB-body", body: chatBody(100<<10, false)},
	{name: "stream-100-events", body: chatBody(200, true), stream: true},
}

// chatBody returns a chat request whose message has that many characters.
func chatBody(size int, stream bool) []byte {
	body, err := json.Marshal(map[string]any{
		"model": "bench",
		"messages": []map[string]string{
			{"role": "user", "content": strings.Repeat("a line of plain English text, and \"quotes\".\n", size/43+1)[:size]},
		},
		"temperature": 0.2,
		"stream":      stream,
	})
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return body
}
