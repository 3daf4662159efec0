package integration

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/internal/dbserver"
	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/clickhouse"
	"github.com/mulligan-gateway/mulligan/record/postgres"
)

// outage is how long the database is away.
const outage = 10 * time.Second

func TestADatabaseThatIsAwayCostsNoRecord(t *testing.T) {
	t.Run("PostgreSQL", func(t *testing.T) {
		server, url := dbserver.Postgres(t)
		testOutage(t, database{server, "postgres", url, func() (record.Store, error) {
			return postgres.Open(t.Context(), postgres.Options{URL: url, ReadOnly: true})
		}})
	})
	t.Run("ClickHouse", func(t *testing.T) {
		server, url := dbserver.ClickHouse(t)
		testOutage(t, database{server, "clickhouse", url, func() (record.Store, error) {
			return clickhouse.Open(t.Context(), clickhouse.Options{URL: url, ReadOnly: true})
		}})
	})
}

// database is a server of records.
type database struct {
	server *dbserver.Server
	kind   string // of the store in the config
	url    string
	open   func() (record.Store, error) // for reading
}

// testOutage sends requests before, while and after the database is away, and counts the rows.
func testOutage(t *testing.T, db database) {
	g := startGateway(t, `{
	{$Global}
	llm_gateway {
		provider demo
		models {
			activate demo/*
		}
		store {$Kind} {
			url {$URL}
		}
		deployment answers {
			variant default {
				model demo/echo
			}
		}
	}
}
{$Site} {
	llm_gateway
}`, map[string]string{"Kind": db.kind, "URL": db.url})

	answered := &traces{seen: map[string]bool{}}
	load := press(g, answered)
	var store record.Store
	eventually(t, "the store is there", func() bool {
		opened, err := db.open()
		store = opened
		return err == nil
	})
	defer func() { store.Close() }()
	total := func() int64 {
		answer, err := store.Stats(t.Context(), &record.Question{})
		if err != nil {
			t.Fatal(err)
		}
		if len(answer.Groups) == 0 {
			return 0
		}
		return answer.Groups[0].Requests
	}
	eventually(t, "rows are stored", func() bool { return total() > 0 })
	store.Close()

	before := answered.len()
	db.server.Stop()
	away := time.Now()
	load.until(func() bool { return time.Since(away) > outage && answered.len() >= before+100 })
	during := answered.len() - before
	db.server.Start()
	mark := answered.len()
	load.until(func() bool { return answered.len() >= mark+300 })
	load.end()

	var err error
	if store, err = db.open(); err != nil {
		t.Fatal(err)
	}
	awaitGrowth(t, "rows are stored", total, int64(answered.len()))
	if n := total(); n != int64(answered.len()) {
		t.Errorf("%d rows of %d requests", n, answered.len())
	}
	if rows := listed(t, store); len(rows) != answered.len() {
		t.Errorf("%d different traces are listed, want %d", len(rows), answered.len())
	} else {
		for id := range answered.seen {
			if !rows[id] {
				t.Errorf("the row of %s is missing", id)
			}
		}
	}
	t.Logf("%d requests, %d of them while %s was away: as many rows", answered.len(), during, db.kind)
}

// awaitGrowth waits until a number has grown to what is wanted, for as long as it grows at all.
func awaitGrowth(t *testing.T, what string, number func() int64, want int64) {
	t.Helper()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	last, giveUp := number(), time.Now().Add(patience)
	for ; last < want; <-look.C {
		switch n := number(); {
		case n > last:
			last, giveUp = n, time.Now().Add(patience)
		case time.Now().After(giveUp):
			t.Fatalf("%d %s of %d, and no more come", n, what, want)
		}
	}
}

// listed returns the trace ids of a store; one that is listed twice fails the test.
func listed(t *testing.T, store record.Store) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	for after, first := "", true; first || after != ""; first = false {
		listing, err := store.List(t.Context(), &record.Filter{}, record.Page{Limit: record.MaxRows, After: after})
		if err != nil {
			t.Fatal(err)
		}
		for i := range listing.Rows {
			if ids[listing.Rows[i].TraceID] {
				t.Errorf("%s is there twice", listing.Rows[i].TraceID)
			}
			ids[listing.Rows[i].TraceID] = true
		}
		after = listing.Next
	}
	return ids
}

// traces are the trace ids of requests that were answered.
type traces struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (s *traces) add(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[id] = true
}

func (s *traces) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen)
}

// pressure sends requests from several clients until it is ended.
type pressure struct {
	t      testing.TB
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// mostLoad bounds a load that nobody ends.
const mostLoad = 5 * time.Minute

func press(g *gateway, answered *traces) *pressure {
	ctx, cancel := context.WithTimeout(context.Background(), mostLoad)
	l := &pressure{t: g.t, cancel: cancel}
	for range 4 {
		l.done.Go(func() {
			pace := time.NewTicker(2 * time.Millisecond) // 2,000 requests a second at most
			defer pace.Stop()
			for ; ctx.Err() == nil; <-pace.C {
				id, err := askOnce(ctx, g.URL)
				switch {
				case err == nil:
					answered.add(id)
				case ctx.Err() == nil:
					l.t.Errorf("a request failed: %v", err)
					return
				}
			}
		})
	}
	return l
}

// until waits for a condition while requests are sent.
func (l *pressure) until(held func() bool) {
	l.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(mostLoad / 2); !held(); <-tick.C {
		if time.Now().After(deadline) {
			l.t.Fatal("the load does not get on")
		}
	}
}

// end lets the requests that are under way end, and sends no more.
func (l *pressure) end() {
	l.cancel()
	l.done.Wait()
}

// askOnce sends one request, which is answered whole even when ctx ends, and returns its trace id.
func askOnce(ctx context.Context, url string) (string, error) {
	ctx = context.WithoutCancel(ctx)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/chat/completions",
		strings.NewReader(`{"messages":[{"role":"user","content":"hi"}]}`))
	if err != nil {
		return "", err
	}
	request.Header.Set("X-Deployment-Key", "answers")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.Header.Get("X-Deployment-Trace-Id"), err
}
