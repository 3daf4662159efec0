package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // reverse_proxy and the Caddyfile

	_ "github.com/mulligan-gateway/mulligan" // what is measured
)

// caddyProcess is what a Caddy of its own is started with.
type caddyProcess struct {
	site   string // the Caddyfile without its global options
	global string // the global options
	addr   string // where it will listen
	data   string // its data directory
}

// startCaddy starts a Caddy in a process of its own, and waits until it listens.
func startCaddy(ctx context.Context, c caddyProcess, profiled bool) (*process, error) {
	args := []string{roleGateway}
	admin := "off"
	if profiled {
		var err error
		if admin, err = freeAddress(); err != nil {
			return nil, err
		}
		args = append(args, "profiled")
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+c.data, "XDG_CONFIG_HOME="+c.data)
	p, err := startOwn(cmd)
	if err != nil {
		return nil, err
	}
	config := fmt.Sprintf("{\n\tadmin %s\n\tauto_https off\n\tpersist_config off\n\tlog {\n\t\tlevel ERROR\n\t}\n%s}\n%s", admin, c.global, c.site)
	err = binary.Write(p.stdin, binary.LittleEndian, int64(len(config)))
	if err == nil {
		_, err = io.WriteString(p.stdin, config)
	}
	if err == nil {
		err = p.listens(ctx, c.addr)
	}
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("start Caddy: %w", err)
	}
	if profiled {
		p.admin = admin
	}
	return p, nil
}

// beGateway runs Caddy with the config that comes first in in, until in ends.
func beGateway(in io.Reader, profiled bool) error {
	if profiled {
		runtime.SetBlockProfileRate(10_000) // nanoseconds
		runtime.SetMutexProfileFraction(10)
	}
	var length int64
	if err := binary.Read(in, binary.LittleEndian, &length); err != nil {
		return fmt.Errorf("read the config: %w", err)
	}
	config, err := io.ReadAll(io.LimitReader(in, length))
	if err != nil {
		return fmt.Errorf("read the config: %w", err)
	}
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(config, nil)
	if err != nil {
		return fmt.Errorf("adapt the config: %w", err)
	}
	if err := caddy.Load(adapted, true); err != nil {
		return fmt.Errorf("load the config: %w", err)
	}
	_, _ = io.Copy(io.Discard, in)
	return caddy.Stop()
}
