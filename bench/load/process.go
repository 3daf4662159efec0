package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// process is a child of the load test.
type process struct {
	cmd *exec.Cmd
	// stdin is what a process of this very program waits for: it ends when that does, so it
	// does not outlive the load test even when that is killed. It is nil for other programs.
	stdin io.WriteCloser
	admin string        // address of a gateway's admin endpoint, "" for none
	ended chan struct{} // closed when it has ended
}

// Times that processes are given, on a machine that may be busy.
const (
	timeToStart = 2 * time.Minute
	timeToStop  = 5 * time.Second
)

// stop ends the process, and what it has started itself.
func (p *process) stop() {
	if p == nil {
		return
	}
	if p.stdin != nil {
		_ = p.stdin.Close() // it ends for that
	} else {
		terminate(p.cmd)
	}
	select {
	case <-p.ended:
	case <-time.After(timeToStop):
		kill(p.cmd)
		<-p.ended
	}
}

func startProvider(ctx context.Context, addr string) (*process, string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	cmd := exec.CommandContext(ctx, self, roleProvider, addr)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	p, err := startOwn(cmd)
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

// startOwn starts this very program in another of its roles.
func startOwn(cmd *exec.Cmd) (*process, error) {
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	return start(cmd, in)
}

// startOther starts another program, which writes what it has to say into a file in a folder,
// and waits until it listens.
func startOther(ctx context.Context, cmd *exec.Cmd, p place) (*process, error) {
	path := filepath.Join(p.folder, "output")
	output, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer output.Close() // the process has its own
	cmd.Stdout, cmd.Stderr = output, output
	group(cmd)
	started, err := start(cmd, nil)
	if err != nil {
		return nil, err
	}
	if err := started.listens(ctx, p.addr); err != nil {
		started.stop()
		return nil, fmt.Errorf("%w; its last words:\n%s", err, lastWords(path))
	}
	return started, nil
}

func start(cmd *exec.Cmd, stdin io.WriteCloser) (*process, error) {
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(cmd.Path), err)
	}
	p := &process{cmd: cmd, stdin: stdin, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // what it has to say is in its output
		close(p.ended)
	}()
	return p, nil
}

// lastWords returns the end of a file, at most 2 KiB.
func lastWords(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(text[max(0, len(text)-2<<10):]))
}

// listens waits until the process listens on an address.
func (p *process) listens(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, timeToStart)
	defer cancel()
	for {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			return c.Close()
		}
		select {
		case <-p.ended:
			return errors.New("it has ended by itself")
		case <-ctx.Done():
			return fmt.Errorf("nothing listens on %s: %w", addr, err)
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
