package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // reverse_proxy and the Caddyfile

	_ "github.com/mulligan-gateway/mulligan" // what is measured
)

// process is a child of the load test. It ends when its standard input does, so it does not
// outlive the load test even when that is killed.
type process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	admin string // address of a gateway's admin endpoint, "" for none
}

// stop ends the process.
func (p *process) stop() {
	if p == nil {
		return
	}
	_ = p.stdin.Close() // it ends for that
	done := make(chan struct{})
	go func() {
		_ = p.cmd.Wait() // what it has to say is on standard error
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		_ = p.cmd.Process.Kill() // it may have ended meanwhile
		<-done
	}
}

func startProvider(ctx context.Context, addr string) (*process, string, error) {
	p, out, err := startSelf(ctx, roleProvider, addr)
	if err != nil {
		return nil, "", err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		p.stop()
		return nil, "", fmt.Errorf("read the provider's address: %w", err)
	}
	return p, strings.TrimSpace(line), nil
}

func startSelf(ctx context.Context, args ...string) (*process, io.Reader, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	return start(exec.CommandContext(ctx, self, args...))
}

func start(cmd *exec.Cmd) (*process, io.Reader, error) {
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("start %s: %w", filepath.Base(cmd.Path), err)
	}
	return &process{cmd: cmd, stdin: in}, out, nil
}

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
	p, _, err := start(cmd)
	if err != nil {
		return nil, err
	}
	config := fmt.Sprintf("{\n\tadmin %s\n\tauto_https off\n\tpersist_config off\n\tlog {\n\t\tlevel ERROR\n\t}\n%s}\n%s", admin, c.global, c.site)
	err = binary.Write(p.stdin, binary.LittleEndian, int64(len(config)))
	if err == nil {
		_, err = io.WriteString(p.stdin, config)
	}
	if err == nil {
		err = listens(ctx, c.addr)
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

// listens waits until something listens on an address.
func listens(ctx context.Context, addr string) error {
	deadline := time.Now().Add(30 * time.Second)
	for {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			return c.Close()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("nothing listens on %s: %w", addr, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
