package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/mulligan-gateway/mulligan/bench/load/drive"
)

// nginxConfig is a plain proxy that keeps its upstream connections and does not hold streams
// back (source: https://nginx.org/en/docs/http/ngx_http_proxy_module.html).
const nginxConfig = `daemon off;
worker_processes auto;
worker_rlimit_nofile 65536;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log;
events { worker_connections 16384; }
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	client_max_body_size 64m;
	client_body_buffer_size 1m;
	keepalive_requests 1000000;
	upstream provider {
		server %[2]s;
		keepalive 1024;
		keepalive_requests 1000000;
	}
	server {
		listen %[3]s;
		location / {
			proxy_pass http://provider;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_buffering off;
		}
	}
}
`

func nginx(binary string) gateway {
	return gateway{
		name: "nginx",
		command: func(provider, addr, folder string) ([]string, error) {
			path := filepath.Join(folder, "nginx.conf")
			config := fmt.Sprintf(nginxConfig, folder, provider, addr)
			if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
				return nil, err
			}
			return []string{binary, "-p", folder, "-c", path}, nil
		},
		target: func(s *scenario) drive.Target { return drive.Target{Model: "mock:" + s.shape.Spec} },
	}
}

// portkey is Portkey's gateway on Node.js (source: https://github.com/Portkey-AI/gateway). The
// provider is named by headers, with each request.
func portkey(script string) gateway {
	var at string
	return gateway{
		name: "portkey",
		command: func(provider, addr, _ string) ([]string, error) {
			at = provider
			_, port, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			return []string{"node", script, "--headless", "--port=" + port}, nil
		},
		target: func(s *scenario) drive.Target {
			return drive.Target{Model: "mock:" + s.shape.Spec, Header: []string{
				"x-portkey-provider: openai", "x-portkey-custom-host: http://" + at + "/v1",
			}}
		},
	}
}

// running reads a gateway that runs already: name,url,pid,model.
func running(text string) (gateway, drive.Target, error) {
	parts := strings.SplitN(text, ",", 4)
	if len(parts) != 4 {
		return gateway{}, drive.Target{}, fmt.Errorf("-other %q: write name,url,pid,model", text)
	}
	pid, err := strconv.Atoi(parts[2])
	if err != nil {
		return gateway{}, drive.Target{}, fmt.Errorf("-other %q: read the pid: %w", text, err)
	}
	g := gateway{name: parts[0], target: func(s *scenario) drive.Target {
		return drive.Target{Model: parts[3] + "mock:" + s.shape.Spec}
	}}
	return g, drive.Target{URL: parts[1], PID: pid}, nil
}
