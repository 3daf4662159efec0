package dbserver

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/internal/port"
)

// patience is how long a server may take to start or to stop on a busy machine.
const patience = 90 * time.Second

// Server is a running database server.
type Server struct {
	// Address is where it listens: host and port.
	Address string

	t       testing.TB
	program string
	args    []string
	folder  string
	account *account
	ready   func(context.Context) error
	stop    os.Signal

	mu      sync.Mutex
	process *exec.Cmd
	exited  chan struct{}
}

// Stop ends the server, which keeps its data, and returns when it has ended. A stopped
// server may be started again on the same address.
func (s *Server) Stop() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return
	}
	if err := s.process.Process.Signal(s.stop); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Errorf("stop %s: %v", filepath.Base(s.program), err)
	}
	select {
	case <-s.exited:
	case <-time.After(patience):
		s.t.Errorf("%s did not stop in %v and was killed", filepath.Base(s.program), patience)
		if err := s.process.Process.Kill(); err != nil {
			s.t.Errorf("kill %s: %v", filepath.Base(s.program), err)
		}
		<-s.exited
	}
	s.process = nil
}

// Start starts the server and returns when it answers.
func (s *Server) Start() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		return
	}
	log, err := os.OpenFile(filepath.Join(s.folder, "server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()

	c := exec.Command(s.program, s.args...)
	c.Dir, c.Env = s.folder, []string{"HOME=" + s.folder, "LC_ALL=C", "PATH=" + os.Getenv("PATH"), "TZ=UTC"}
	c.Stdout, c.Stderr = log, log
	c.SysProcAttr = s.account.attributes()
	if err := c.Start(); err != nil {
		s.t.Fatalf("start %s: %v", s.program, err)
	}
	s.process, s.exited = c, make(chan struct{})
	go func(exited chan struct{}) {
		_ = c.Wait() // how it ended is in its log
		close(exited)
	}(s.exited)

	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		err := s.ready(ctx)
		if err == nil {
			return
		}
		select {
		case <-s.exited:
			s.t.Fatalf("%s ended at once:\n%s", filepath.Base(s.program), s.tail())
		case <-ctx.Done():
			s.t.Fatalf("%s does not answer: %v\n%s", filepath.Base(s.program), err, s.tail())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// tail returns the end of what the server has logged.
func (s *Server) tail() string {
	const most = 4000
	text, err := os.ReadFile(filepath.Join(s.folder, "server.log"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(len(text)-most, 0):])
}

// new returns a server with a folder and a port of its own, not yet started.
func newServer(t testing.TB, program string) *Server {
	t.Helper()
	a, err := unprivileged()
	if err != nil {
		t.Fatal(err)
	}
	//nolint:usetesting // the folders above that of t.TempDir are closed to the server's user
	folder, err := os.MkdirTemp("", "mulligan-"+filepath.Base(program)+"-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	if err := a.own(folder); err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, program: program, folder: folder, account: a, stop: syscall.SIGTERM}
	s.Address = net.JoinHostPort("127.0.0.1", port.Reserve(t))
	t.Cleanup(s.Stop)
	return s
}

// write puts a file into the server's folder and returns its path.
func (s *Server) write(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := s.account.own(path); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// find returns the first of the programs that is there.
func find(t testing.TB, what string, patterns ...string) string {
	t.Helper()
	for _, p := range patterns {
		if path, err := exec.LookPath(p); err == nil {
			return path
		}
		if found, err := filepath.Glob(p); err == nil && len(found) > 0 {
			return found[len(found)-1]
		}
	}
	t.Fatalf("%s is missing; internal/dbserver/install.sh installs it on Debian", what)
	return ""
}

// accepts says whether anybody listens on an address.
func accepts(ctx context.Context, address string) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return c.Close()
}
