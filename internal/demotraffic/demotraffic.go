// Package demotraffic sends the gateway of Caddyfile.example traffic that its records can be asked about:
// every variant, plain answers and streams, fallbacks, requests that the provider refuses, and
// feedback that differs by variant.
package demotraffic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// Requests is how many exchanges one run asks for.
	Requests = 360
	// longest bounds a run. It takes a few seconds on a machine that does nothing else.
	longest = 20 * time.Second
	// atOnce is how many exchanges are under way at a time.
	atOnce = 8
	// maxAnswer bounds an answer, in bytes; the example's have a few hundred.
	maxAnswer = 1 << 20
)

// Summary says what a run has done.
type Summary struct {
	// Variants counts the exchanges by the variant that answered.
	Variants map[string]int
	// Refused is how many exchanges the provider refused, as was meant.
	Refused int
	// Streams is how many answers were streams.
	Streams int
	// Feedback is how many values were given and acknowledged.
	Feedback int
}

// Requests returns how many exchanges there were.
func (s *Summary) Requests() int {
	n := 0
	for _, m := range s.Variants {
		n += m
	}
	return n
}

// sender sends one run.
type sender struct {
	base   *url.URL
	client *http.Client

	mu   sync.Mutex
	done Summary
}

// Send sends a run to the gateway at an origin such as http://127.0.0.1:8080, which must be on this
// machine. The same run is sent every time. It ends within 20 seconds, and with the first answer
// that is not as the example gives it, which is an error.
func Send(ctx context.Context, origin string) (*Summary, error) {
	base, err := loopback(origin)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, longest, fmt.Errorf("not everything was answered in %v", longest))
	defer cancel()
	transport := &http.Transport{MaxIdleConnsPerHost: atOnce} // no proxy stands before this machine
	defer transport.CloseIdleConnections()
	s := &sender{base: base, client: &http.Client{Transport: transport}, done: Summary{Variants: map[string]int{}}}

	// The first is sent alone, so that a gateway that is not there is told of once.
	if err := s.exchange(ctx, visitOf(0)); err != nil {
		return nil, err
	}
	all, within := errgroup.WithContext(ctx)
	all.SetLimit(atOnce)
	for i := 1; i < Requests; i++ {
		all.Go(func() error { return s.exchange(within, visitOf(i)) })
	}
	if err := all.Wait(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	return &s.done, nil
}

// loopback reads an origin and refuses one that is not on this machine.
func loopback(origin string) (*url.URL, error) {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" || u.Host == "" {
		return nil, fmt.Errorf("%q is no origin such as http://127.0.0.1:8080", origin)
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("%s is not this machine: demo traffic goes to a loopback address only", u.Hostname())
	}
	return u, nil
}

// exchange asks one question, reads the whole answer and says how it was.
func (s *sender) exchange(ctx context.Context, v visit) error {
	header := http.Header{"X-Deployment-Key": {deployment}, "X-Deployment-Context": {v.context()}}
	res, err := s.post(ctx, "/v1/chat/completions", message{header: header, body: v.body()})
	if err != nil {
		return err
	}
	variant, trace := res.header.Get("X-Deployment-Variant"), res.header.Get("X-Deployment-Trace-Id")
	switch {
	case trace == "" || variant == "":
		return fmt.Errorf("%s is not the example gateway (status %d, no X-Deployment-Variant): stop what listens there and start `make run`", s.base, res.status)
	case v.refused && res.status != http.StatusBadRequest, !v.refused && res.status != http.StatusOK:
		return fmt.Errorf("variant %s answered with status %d: %.300s", variant, res.status, res.body)
	}
	given := 0
	if !v.refused {
		for _, f := range v.feedback(variant) {
			if err := s.give(ctx, trace, f); err != nil {
				return err
			}
			given++
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done.Variants[variant]++
	s.done.Feedback += given
	switch {
	case v.refused:
		s.done.Refused++
	case v.stream:
		s.done.Streams++
	}
	return nil
}

func (s *sender) give(ctx context.Context, trace string, f opinion) error {
	res, err := s.post(ctx, "/v1/feedback", message{body: encode(map[string]any{"trace_id": trace, "name": f.name, "value": f.value})})
	if err != nil {
		return err
	}
	if res.status != http.StatusOK {
		return fmt.Errorf("feedback %s was answered with status %d: %.300s", f.name, res.status, res.body)
	}
	return nil
}

// message is what is sent.
type message struct {
	header http.Header
	body   io.Reader
}

// answer is a whole answer.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (s *sender) post(ctx context.Context, path string, m message) (*answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base.JoinPath(path).String(), m.body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if m.header != nil {
		r.Header = m.header
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := s.client.Do(r)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("nobody listens on %s: start `make run` first, and leave it running", s.base.Host)
	}
	if err != nil {
		return nil, fmt.Errorf("send request: %w", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	return &answer{status: res.StatusCode, header: res.Header, body: body}, nil
}
