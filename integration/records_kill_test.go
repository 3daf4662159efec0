package integration

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/sqlite"
)

const killedCaddyfile = `{
	{$Global}
	llm_gateway {
		provider demo
		models {
			activate demo/*
		}
		store sqlite {
			path {$Path}
		}
		deployment killed {
			variant default {
				model demo/echo
			}
		}
	}
}
{$Site} {
	llm_gateway
}
`

// sent is an exchange whose answer a client has got whole.
type sent struct {
	id          string
	began, ends time.Time
}

// askUntilKilled has a client ask over a connection of its own, one request after the other, until
// the gateway is gone, telling of each answer. It returns what was answered, in order.
func askUntilKilled(base string, answered func()) (all []sent) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for {
		began := time.Now()
		id, err := askKilled(client, base)
		if err != nil {
			return all // it was killed
		}
		all = append(all, sent{id, began, time.Now()})
		answered()
	}
}

// TestAKilledProcessLosesOnlyItsLastRecords has a gateway answer 20,000 requests as fast as it can,
// kills it in full flight, starts it again, and looks for the record of each request that was
// answered: those that are missing are the last ones, and few. How long before the kill they were
// answered is printed; that the writer keeps none back for longer than its time is tested on a clock
// that no busy machine stretches, in record/.
func TestAKilledProcessLosesOnlyItsLastRecords(t *testing.T) {
	const requests, clients = 20_000, 32
	path := filepath.ToSlash(filepath.Join(t.TempDir(), "records.db"))
	p := runProcess(t, killedCaddyfile, map[string]string{"Path": path})
	var (
		count   atomic.Int64
		workers sync.WaitGroup
		all     [clients][]sent
	)
	enough, stopped := make(chan struct{}), make(chan struct{})
	for i := range all {
		workers.Go(func() {
			all[i] = askUntilKilled(p.baseURL(), func() {
				if count.Add(1) == requests {
					close(enough)
				}
			})
		})
	}
	go func() { workers.Wait(); close(stopped) }()
	select {
	case <-enough:
	case <-stopped:
		t.Fatalf("only %d requests were answered", count.Load())
	}
	killed := time.Now()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-stopped
	<-p.exited
	left, err := filepath.Glob(path + ".spill.0*")
	if err != nil {
		t.Fatal(err)
	}

	again := runProcess(t, killedCaddyfile, map[string]string{"Path": path})
	eventually(t, "the spill file is stored", func() bool {
		files, err := filepath.Glob(path + ".spill.0*")
		return err == nil && len(files) == 0
	})
	checkLost(t, all[:], storedTraces(t, path), killed)
	t.Logf("%d spill files at the kill", len(left))
	if err := again.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	again.awaitExit()
}

// checkLost checks which records are missing. A client's exchange has been recorded when its next one
// is answered, over the same connection; whatever was asked for later is recorded later. So a record
// that is missing although a later one is stored was lost on its way, and not by the kill.
func checkLost(t *testing.T, all [][]sent, stored map[string]bool, killed time.Time) {
	t.Helper()
	var latest time.Time // when the last one that is stored was asked for
	answered := 0
	for _, client := range all {
		answered += len(client)
		for _, s := range client {
			if stored[s.id] && s.began.After(latest) {
				latest = s.began
			}
		}
	}
	missing, oldest := 0, time.Duration(0)
	for _, client := range all {
		for i, s := range client {
			if stored[s.id] {
				continue
			}
			missing++
			oldest = max(oldest, killed.Sub(s.ends))
			if i+1 < len(client) && client[i+1].ends.Before(latest) {
				t.Errorf("%s is missing, and a request that came %v later is stored", s.id, latest.Sub(client[i+1].ends))
			}
		}
	}
	t.Logf("%d answered, %d stored; %d are missing, the oldest of them was answered %v before the kill", answered, len(stored), missing, oldest)
	if missing > answered/4 {
		t.Errorf("%d of %d records are missing", missing, answered)
	}
}

func askKilled(client *http.Client, base string) (traceID string, err error) {
	req, err := http.NewRequest(http.MethodPost, base+"/chat/completions", strings.NewReader(plainChat))
	if err != nil {
		return "", err
	}
	req.Header.Set("X-Deployment-Key", "killed")
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return "", err
	}
	return resp.Header.Get("X-Deployment-Trace-Id"), nil
}

// storedTraces returns the trace ids of a store, each of which it must hold once.
func storedTraces(t *testing.T, path string) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, r := range storedRows(t, path, &record.Filter{}) {
		if all[r.TraceID] {
			t.Errorf("%s is there twice", r.TraceID)
		}
		all[r.TraceID] = true
	}
	return all
}

// storedRows returns the rows of a store that a filter lets through.
func storedRows(t *testing.T, path string, f *record.Filter) []record.Row {
	t.Helper()
	ctx := context.Background()
	s, err := sqlite.Open(ctx, sqlite.Options{Path: path, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var all []record.Row
	for page := (record.Page{Limit: 1000}); ; {
		l, err := s.List(ctx, f, page)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l.Rows...)
		if page.After = l.Next; l.Next == "" {
			return all
		}
	}
}
