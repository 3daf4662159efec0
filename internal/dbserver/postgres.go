package dbserver

import (
	"context"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// Postgres starts PostgreSQL 15 with an empty database and returns it with the URL of that
// database. It keeps nothing durably, for speed: a crash of the machine is not what is tested.
func Postgres(t testing.TB) (s *Server, url string) {
	t.Helper()
	initdb := find(t, "PostgreSQL 15", "/usr/lib/postgresql/15/bin/initdb")
	s = newServer(t, filepath.Join(filepath.Dir(initdb), "postgres"))
	data := filepath.Join(s.folder, "data")

	c := exec.Command(initdb, "--pgdata", data, "--username", "mulligan", "--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync")
	c.Dir, c.SysProcAttr = s.folder, s.account.attributes()
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	s.args = []string{
		"-D", data, "-h", "127.0.0.1", "-p", portOf(s.Address), "-k", s.folder,
		"-c", "fsync=off", "-c", "shared_buffers=64MB",
	}
	s.stop = syscall.SIGINT // "fast": it ends connections and writes what it has
	// The server listens before it takes queries, and refuses them with a message until then.
	psql := find(t, "psql", "/usr/lib/postgresql/15/bin/psql")
	url = "postgres://mulligan@" + s.Address + "/postgres?sslmode=disable"
	s.ready = func(ctx context.Context) error {
		return exec.CommandContext(ctx, psql, "--no-psqlrc", "--quiet", "--command", "select 1", url).Run()
	}
	s.Start()
	return s, url
}
