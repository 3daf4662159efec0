package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/bench/load/drive"
)

func TestAProgramThatDoesNotStartSaysWhy(t *testing.T) {
	p := place{addr: "127.0.0.1:1", folder: t.TempDir()}
	_, err := startOther(t.Context(), exec.Command("sh", "-c", "echo no such config >&2; exit 3"), p)
	if err == nil || !strings.Contains(err.Error(), "no such config") || !strings.Contains(err.Error(), "ended by itself") {
		t.Errorf("the error is %v", err)
	}
}

// Shell and child hold the writing end of a pipe, which is read to its end only when both of
// them have ended.
func TestKillingAProgramEndsItsChildren(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command("sh", "-c", "sleep 300 & echo started; wait")
	cmd.Stdout = w
	group(cmd)
	p, err := start(cmd, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	text := bufio.NewReader(r)
	if line, err := text.ReadString('\n'); err != nil || line != "started\n" {
		t.Fatalf("the shell says %q, %v", line, err)
	}
	kill(p.cmd)
	<-p.ended
	if err := r.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, text); err != nil {
		t.Errorf("the child lives: %v", err)
	}
}

// A shell has one child that works and ends, and then another that lives.
func TestWorkOfChildrenCounts(t *testing.T) {
	cmd := exec.Command("sh", "-c", `(i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done); sleep 300 & echo done; read line; kill $!`)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		in.Close()
		_ = cmd.Wait() // it ends for lack of a line
	}()
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "done\n" {
		t.Fatalf("the shell says %q, %v", line, err)
	}
	u := drive.UsageOf(drive.Family(cmd.Process.Pid))
	if u.Processes != 2 || u.CPU < 50*time.Millisecond {
		t.Errorf("%d processes have used %s", u.Processes, u.CPU)
	}
	if alone := drive.UsageOf([]int{cmd.Process.Pid}); alone.Processes != 1 || alone.CPU > u.CPU {
		t.Errorf("the shell alone is %d processes that have used %s, of %s", alone.Processes, alone.CPU, u.CPU)
	}
}
