package main

import (
	"crypto/rand"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/mulligan-gateway/mulligan/bench/load/drive"
)

// program is another gateway that the load test can start, when it is told where it is.
type program struct {
	name    string // of its flag, and in capitals of its environment variable
	usage   string
	gateway func(path string) gateway
}

var programs = []program{
	{"nginx", "measure nginx, too: the `path` of its binary", nginx},
	{"portkey", "measure Portkey, too: the `path` of its start-server.js, which Node.js runs", portkey},
	{"litellm", "measure LiteLLM, too: the `path` of its command litellm", litellm},
	{"gomodel", "measure GoModel, too: the `path` of its binary", gomodel},
}

// flag defines the flag for the program's path, which goes into paths.
func (p program) flag(f *flag.FlagSet, paths map[string]string) {
	env := strings.ToUpper(p.name)
	paths[p.name] = os.Getenv(env)
	f.Func(p.name, p.usage+"; "+env+" in the environment is the same", func(path string) error {
		paths[p.name] = path
		return nil
	})
}

// findPrograms makes the paths absolute, for gateways are started in folders of their own.
func findPrograms(paths map[string]string) error {
	for name, path := range paths {
		if path == "" {
			continue
		}
		if found, err := exec.LookPath(path); err == nil {
			path = found
		}
		if _, err := os.Stat(path); err != nil { // LookPath does not find scripts that are no programs
			return fmt.Errorf("-%s: %w", name, err)
		}
		var err error
		if paths[name], err = filepath.Abs(path); err != nil {
			return fmt.Errorf("-%s: %w", name, err)
		}
	}
	return nil
}

// nginxConfig is a plain proxy with a worker per core that keeps its upstream connections and
// does not hold streams back
// (source: https://nginx.org/en/docs/http/ngx_http_proxy_module.html).
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
		command: func(p place) (*exec.Cmd, error) {
			path, err := p.write("nginx.conf", fmt.Sprintf(nginxConfig, p.folder, p.provider, p.addr))
			if err != nil {
				return nil, err
			}
			return exec.Command(binary, "-p", p.folder, "-c", path), nil
		},
		target: plainTarget,
	}
}

// portkey is Portkey's gateway, one process of Node.js. The provider is named by headers, with
// each request (source: https://github.com/Portkey-AI/gateway).
func portkey(script string) gateway {
	var provider string
	return gateway{
		name: "portkey",
		command: func(p place) (*exec.Cmd, error) {
			provider = p.provider
			_, port, err := net.SplitHostPort(p.addr)
			if err != nil {
				return nil, err
			}
			cmd := exec.Command("node", script, "--headless", "--port="+port)
			cmd.Env = append(os.Environ(), "NODE_ENV=production")
			return cmd, nil
		},
		target: func(s *scenario) drive.Target {
			t := plainTarget(s)
			t.Header = []string{"x-portkey-provider: openai", "x-portkey-custom-host: http://" + provider + "/v1"}
			return t
		},
	}
}

// litellm is LiteLLM's proxy with one worker, its default, and without a database, so that it
// records nothing. It refuses to run without a key, so requests carry one. Nothing is fetched
// from elsewhere when it starts, and requests are not logged, as with the others
// (source: https://docs.litellm.ai/docs/proxy/configs, https://docs.litellm.ai/docs/proxy/prod).
func litellm(command string) gateway {
	key := "sk-" + rand.Text()
	return gateway{
		name: "litellm",
		command: func(p place) (*exec.Cmd, error) {
			var config strings.Builder
			config.WriteString("model_list:\n")
			for _, m := range plainModels() {
				fmt.Fprintf(&config, "  - model_name: %q\n    litellm_params: {model: %q, api_base: \"http://%s/v1\", api_key: load}\n", m, "openai/"+m, p.provider)
			}
			path, err := p.write("config.yaml", config.String())
			if err != nil {
				return nil, err
			}
			host, port, err := net.SplitHostPort(p.addr)
			if err != nil {
				return nil, err
			}
			cmd := exec.Command(command, "--config", path, "--host", host, "--port", port, "--num_workers", "1", "--telemetry", "False")
			cmd.Dir = p.folder
			cmd.Env = append(os.Environ(),
				"LITELLM_MASTER_KEY="+key, "LITELLM_MODE=PRODUCTION", "LITELLM_LOG=ERROR",
				"LITELLM_DISABLE_ACCESS_LOG_PATHS="+chatPath,
				"LITELLM_LOCAL_MODEL_COST_MAP=True", "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS=True",
				"LITELLM_LOCAL_BLOG_POSTS=True", "LITELLM_LOCAL_POLICY_TEMPLATES=True", "LITELLM_LOCAL_AUTOROUTER_PRESETS=True")
			return cmd, nil
		},
		target: func(s *scenario) drive.Target {
			t := plainTarget(s)
			t.Header = []string{"Authorization: Bearer " + key}
			return t
		},
	}
}

// gomodel is GoModel with its defaults, which record requests and usage in SQLite; what it
// would fetch from elsewhere is off
// (source: .env.template and docs/advanced of https://github.com/ENTERPILOT/GoModel).
func gomodel(binary string) gateway {
	return gateway{
		name: "gomodel",
		command: func(p place) (*exec.Cmd, error) {
			config := fmt.Sprintf("providers:\n  openai:\n    type: openai\n    base_url: \"http://%s/v1\"\n    api_key: load\n    models:\n", p.provider)
			for _, m := range plainModels() {
				config += fmt.Sprintf("      - %q\n", m)
			}
			if _, err := p.write("config.yaml", config); err != nil {
				return nil, err
			}
			_, port, err := net.SplitHostPort(p.addr)
			if err != nil {
				return nil, err
			}
			cmd := exec.Command(binary)
			cmd.Dir = p.folder
			cmd.Env = append(os.Environ(), "PORT="+port, "CONFIGURED_PROVIDER_MODELS_MODE=allowlist",
				"SQLITE_PATH="+filepath.Join(p.folder, "gomodel.db"), "GOMODEL_CACHE_DIR="+filepath.Join(p.folder, "cache"),
				"PID_FILE="+filepath.Join(p.folder, "pid"), "MODEL_LIST_URL=off", "GOMODEL_OFFLINE=true")
			return cmd, nil
		},
		target: func(s *scenario) drive.Target { return drive.Target{Model: "openai/" + plainModel(s)} },
	}
}

// write writes a file into the gateway's folder and returns its path.
func (p place) write(name, text string) (string, error) {
	path := filepath.Join(p.folder, name)
	return path, os.WriteFile(path, []byte(text), 0o600)
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
		return drive.Target{Model: parts[3] + plainModel(s)}
	}}
	return g, drive.Target{URL: parts[1], PID: pid}, nil
}
