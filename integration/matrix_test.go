package integration

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/upstream"
)

// TestFailoverMatrix runs every cell of the failover matrix: one gateway with a deployment
// per cell, in front of real providers over HTTP/1.1 and HTTP/2 that fail as the table says.
// The cells share no state, so they are asked side by side. Those that wait for a timeout come
// when the others are through, so that a busy machine has time for the attempt that cures them,
// and many at a time, so that they wait together. Those after which a key rests for some minutes
// come last, so that it still does when all are through.
func TestFailoverMatrix(t *testing.T) {
	cells := matrix()
	l := startLab(t, cells, "5s")
	before := l.metrics(t)
	var waiting, resting, others []*cell
	for _, c := range cells {
		switch {
		case c.row.waits, c.row.slow:
			waiting = append(waiting, c)
		case c.row.rests == upstream.ReasonRejected:
			resting = append(resting, c)
		default:
			others = append(others, c)
		}
	}
	l.askAll(t, others, 2) // more at a time are not faster
	l.askAll(t, waiting, 80)
	l.askAll(t, resting, 2)

	story := l.story(t, len(cells), before)
	for _, c := range cells {
		t.Run(c.name, func(t *testing.T) { c.check(t, l, story) })
	}
}

// askAll asks the questions of cells, some at a time.
func (l *lab) askAll(t *testing.T, cells []*cell, some int) {
	var all sync.WaitGroup
	turn := make(chan struct{}, some)
	for _, c := range cells {
		all.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			c.got = l.ask(t, c)
		})
	}
	all.Wait()
}

// lab is one gateway and the providers of some cells.
type lab struct {
	*gateway
	client *http.Client
	// servers play all providers of a wire; a provider is the first folder of the path.
	servers map[wire]*fakellm.Server
}

// startLab starts the gateway for some cells. What waits is ended by a timeout that long: it
// must leave time enough for the attempt that cures a cell.
func startLab(t *testing.T, cells []*cell, timeout string) *lab {
	t.Helper()
	l := &lab{client: &http.Client{Transport: &http.Transport{}}}
	l.servers = map[wire]*fakellm.Server{http1: fakellm.Start(t), http2: fakellm.StartTLS(t)}
	t.Cleanup(l.client.CloseIdleConnections)
	owner := make(map[string]*cell)
	for _, c := range cells {
		for _, p := range c.providers() {
			owner[p] = c
		}
	}
	for _, s := range l.servers {
		seen := make(map[string]int)
		s.Otherwise(func(r *fakellm.Request) fakellm.Step {
			p := providerOf(r)
			seen[p]++
			n := seen[p]
			if c := owner[p]; c.row.port == nil {
				return c.step(p, n)
			}
			return fakellm.Answer(owner[p].text(p))
		})
	}
	certificate := filepath.Join(t.TempDir(), "provider.pem")
	if err := os.WriteFile(certificate, l.servers[http2].CertificatePEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	doors.set(l.servers[http2].CertificatePEM())

	ports := make(map[string]string) // by the fault that they have
	var config strings.Builder
	config.WriteString("{\n{$Global}\nllm_gateway {\n")
	for _, c := range cells {
		if c.row.port != nil && ports[c.row.fault] == "" {
			ports[c.row.fault] = c.row.port(t)
		}
		config.WriteString(c.caddyfile(func(provider string) string {
			if c.row.port == nil {
				return l.servers[c.wire].URL + "/" + provider + c.spoken.base
			}
			doors.open(t, doorOf(provider), c.dials(provider, ports[c.row.fault], l.servers[http2].URL)...)
			return "https://" + doorOf(provider) + "/" + provider + c.spoken.base
		}))
	}
	config.WriteString("}\n}\n{$Site} {\n\tlog\n\tllm_gateway\n}\n")
	l.gateway = startGateway(t, config.String(), map[string]string{
		"Certificate": `"` + filepath.ToSlash(certificate) + `"`, "Timeout": timeout,
	})
	return l
}

// doorOf returns the host that a provider behind a door is dialled by.
func doorOf(provider string) string {
	return strings.NewReplacer("_", "-", ".", "-").Replace(provider) + ".example.com"
}

// dials returns where the dials to a provider go, one after the other.
func (c *cell) dials(provider, bad, good string) []string {
	var all []string
	for n := 1; n <= 2; n++ {
		to := good
		if c.fails(provider, n) {
			to = bad
		}
		all = append(all, to)
	}
	return all
}

// providerOf returns which provider a request was for.
func providerOf(r *fakellm.Request) string {
	provider, _, _ := strings.Cut(strings.TrimPrefix(r.Path, "/"), "/")
	return provider
}

// got is what the client got, and when.
type got struct {
	answer
	failed error // there was no answer
}

// ask asks a cell's question and reads the whole answer. A fault mid-stream happens once its
// begin is here.
func (l *lab) ask(t *testing.T, c *cell) got {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, l.baseURL()+c.endpoint().Path(), strings.NewReader(c.body()))
	if err != nil {
		return got{failed: err}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Deployment-Key", c.name)
	resp, err := l.client.Do(req)
	if err != nil {
		return got{failed: err}
	}
	defer resp.Body.Close()
	a := answer{Status: resp.StatusCode, Header: resp.Header}
	var body []byte
	for a.Err == nil {
		part := make([]byte, 4096)
		n, err := resp.Body.Read(part)
		body, a.Err = append(body, part[:n]...), err
		if bytes.Contains(body, []byte(`"lo"`)) || c.mode == soundAnswer && n > 0 {
			c.gate.Open()
		}
	}
	if errors.Is(a.Err, io.EOF) {
		a.Err = nil
	}
	a.Body = string(body)
	return got{answer: a}
}

// patience bounds what a test waits for that happens soon. It is only ever used up by a test that fails,
// so it is long enough for a machine that is slow and busy.
const patience = time.Minute
