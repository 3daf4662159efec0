package integration

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
)

const loadCaddyfile = `{
	{$Global}
	llm_gateway {
		provider down openai_compatible {
			base_url {$Down}
		}
		provider up openai_compatible {
			base_url {$Up}
		}
		models {
			model down/served
			model up/served
			model up/loaded
		}
		deployment failing {
			retries 2
			backoff 10ms 50ms
			variant default {
				model down/served
			}
		}
		deployment loaded {
			variant default {
				model up/loaded
			}
		}
		deployment watched {
			variant default {
				model up/served
			}
		}
	}
}

{$Site} {
	llm_gateway
}
`

// load sends requests at a rate, whatever becomes of those before.
type load struct {
	url, deployment string
	perSecond       int
	client          *http.Client
	open            chan struct{} // bounds what is outstanding, so that a slow machine is not buried

	wg       sync.WaitGroup
	mu       sync.Mutex
	took     []time.Duration
	attempts int
	statuses map[int]int
	failed   error
}

// run sends that many requests and waits for their answers.
func (l *load) run(requests int) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	sent := 0
	for began := time.Now(); sent < requests; <-tick.C {
		due := int(time.Since(began).Seconds() * float64(l.perSecond))
		for ; sent < min(due, requests); sent++ {
			l.open <- struct{}{}
			l.wg.Add(1)
			go l.ask()
		}
	}
	l.wg.Wait()
}

func (l *load) ask() {
	defer func() { <-l.open; l.wg.Done() }()
	began := time.Now()
	status, attempts, err := l.exchange()
	took := time.Since(began)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = append(l.took, took)
	l.attempts += attempts
	l.statuses[status]++
	if err != nil {
		l.failed = err
	}
}

func (l *load) exchange() (status, attempts int, err error) {
	req, err := http.NewRequest(http.MethodPost, l.url, strings.NewReader(plainChat))
	if err != nil {
		return 0, 0, err
	}
	req.Header.Set("X-Deployment-Key", l.deployment)
	resp, err := l.client.Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return 0, 0, err
	}
	attempts, err = strconv.Atoi(resp.Header.Get("X-Deployment-Attempts"))
	return resp.StatusCode, attempts, err
}

// p99 returns the time that 99 of 100 requests have not exceeded, of one or more.
func p99(took []time.Duration) time.Duration {
	slices.Sort(took)
	return took[len(took)*99/100]
}

// TestAFailingProviderGetsItsBudgetAndNoMore has a provider refuse everything, at 500 requests a
// second, while another one answers. The extra attempts stay within the retry budget, and the
// other one answers all that it is asked at its first attempt.
//
// How long that takes beside a failing provider, and beside the same load of one that is well,
// is printed for people to look at. Windows of both loads take turns, so that what else the
// machine does falls on both; but a single pause of it would decide a comparison.
func TestAFailingProviderGetsItsBudgetAndNoMore(t *testing.T) {
	const (
		rounds    = 6
		rate      = 500 // of the load, a second
		watchRate = 200
		share     = 0.2 // the default of retry_budget
		floor     = 30  // extra attempts in ten seconds that are allowed in any case
	)
	down, up := fakellm.Start(t), fakellm.Start(t)
	down.Always(fakellm.Error(http.StatusServiceUnavailable, "overloaded", "Later."))
	up.Always(fakellm.Answer("Hello"))
	g := startGateway(t, loadCaddyfile, map[string]string{"Down": down.BaseURL(), "Up": up.BaseURL()})
	transport := &http.Transport{MaxIdleConnsPerHost: 512}
	defer transport.CloseIdleConnections()
	newLoad := func(deployment string, perSecond int) *load {
		return &load{
			url: g.baseURL() + "/chat/completions", deployment: deployment, perSecond: perSecond,
			client: &http.Client{Transport: transport}, open: make(chan struct{}, 256), statuses: map[int]int{},
		}
	}
	watched, none := newLoad("watched", watchRate), newLoad("loaded", 0)
	loaded, failing := newLoad("loaded", rate), newLoad("failing", rate)

	// beside runs a load beside the watched one, and returns how long the latter's requests took.
	beside := func(l *load) []time.Duration {
		var both sync.WaitGroup
		both.Add(1)
		go func() {
			defer both.Done()
			l.run(l.perSecond * 3 / 10)
		}()
		watched.run(watchRate * 3 / 10)
		both.Wait()
		took := watched.took
		watched.took = nil
		return took
	}
	beside(loaded) // connections are made
	began := time.Now()
	var quiet, besideUp, besideDown []time.Duration
	for range rounds {
		quiet = append(quiet, beside(none)...)
		besideUp = append(besideUp, beside(loaded)...)
		besideDown = append(besideDown, beside(failing)...)
	}
	took := time.Since(began)

	for _, l := range []*load{watched, loaded, failing} {
		if l.failed != nil {
			t.Fatal(l.failed)
		}
	}
	requests := failing.statuses[http.StatusServiceUnavailable]
	if len(failing.statuses) != 1 || len(watched.statuses) != 1 || watched.statuses[200] == 0 {
		t.Errorf("answers: %v of the failing provider, %v of the other", failing.statuses, watched.statuses)
	}
	if watched.attempts != watched.statuses[200] {
		t.Errorf("%d attempts for %d answers of the other one", watched.attempts, watched.statuses[200])
	}
	if down.Count() != failing.attempts {
		t.Errorf("the provider got %d requests, the gateway says %d", down.Count(), failing.attempts)
	}
	extra, allowed := down.Count()-requests, max(share*float64(requests), floor)
	if took > 9*time.Second { // more than one window of the budget
		allowed = share*float64(requests) + floor*(2+took.Seconds()/9)
	}
	t.Logf("%d requests to a provider that refuses them, %d extra attempts: %.1f %%, %.0f allowed",
		requests, extra, 100*float64(extra)/float64(requests), allowed)
	if float64(extra) > allowed {
		t.Errorf("%d extra attempts for %d requests", extra, requests)
	}
	if extra < floor {
		t.Errorf("only %d extra attempts: nothing was retried", extra)
	}

	a, b, c := p99(quiet), p99(besideUp), p99(besideDown)
	t.Logf("p99 of another provider's answers, of %d requests each: %s alone, %s beside the same load that succeeds, %s beside the failing one (%.2f times)",
		len(quiet), a, b, c, float64(c)/float64(b))
}
