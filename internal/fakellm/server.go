// Package fakellm is a scripted provider for tests: a real HTTP server on loopback that
// speaks OpenAI's dialect on every endpoint of llm.Endpoints and on GET /models, and those of
// Anthropic, Google, Amazon Bedrock and Cohere on the paths of their own; and that fails in
// whatever way a test asks for, in the vendor's words.
//
//	first := fakellm.Start(t, fakellm.Error(503, "overloaded", "Try later."), fakellm.Reset())
//	second := fakellm.Start(t) // answers everything
//
//	gate := fakellm.NewGate()
//	first.Script(fakellm.Steps(fakellm.Stream(), fakellm.Role(), fakellm.Text("Hel"),
//		fakellm.Wait(gate), fakellm.Cut()))
//	<-gate.Reached() // "Hel" is out and the provider waits
//	gate.Open()
//
// A Step is what the provider does with one request; Steps puts small ones together. What
// has to wait waits at a Gate or for the client to leave, never for the clock.
//
// Every request is kept with all that the provider saw of it: see Request.
package fakellm

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for something that should happen soon. It is only ever used
// up by a test that fails, so it is long enough for a machine that is slow and busy.
const patience = time.Minute

// Server is one fake provider. Its methods may be called from any goroutine.
type Server struct {
	// URL is the server's origin, such as http://127.0.0.1:49152.
	URL string

	t    testing.TB
	http *httptest.Server
	quit chan struct{} // closed when the test ends; releases whoever waits

	mu        sync.Mutex
	scripted  bool
	steps     []Step
	otherwise func(*Request) Step
	requests  []*Request
	arrived   chan struct{} // closed and replaced at every arrival
	conns     int
	open      map[net.Conn]struct{}
}

// Start starts a provider that speaks HTTP/1.1 and stops it when the test ends. Each
// request takes the next of the steps; a request for which none is left fails the test and
// is answered 500. Without any steps, every request is answered by Answer("Hello!").
func Start(t testing.TB, steps ...Step) *Server {
	t.Helper()
	s := newServer(t, steps)
	s.http.Start()
	return s.started()
}

// StartTLS is like Start, with TLS and both HTTP/2 and HTTP/1.1. The certificate is valid
// for 127.0.0.1 and example.com, and known only to Client and to who reads CertificatePEM.
func StartTLS(t testing.TB, steps ...Step) *Server {
	t.Helper()
	s := newServer(t, steps)
	s.http.EnableHTTP2 = true
	s.http.StartTLS()
	return s.started()
}

func newServer(t testing.TB, steps []Step) *Server {
	s := &Server{
		t:        t,
		quit:     make(chan struct{}),
		scripted: len(steps) > 0,
		steps:    steps,
		arrived:  make(chan struct{}),
		open:     make(map[net.Conn]struct{}),
	}
	s.http = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.http.Config.ErrorLog = log.New(io.Discard, "", 0) // broken connections are what tests ask for
	s.http.Config.ConnState = s.connState
	s.http.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, c)
	}
	return s
}

type connKey struct{}

func (s *Server) started() *Server {
	s.URL = s.http.URL
	s.t.Cleanup(s.close)
	return s
}

func (s *Server) close() {
	close(s.quit)
	s.http.CloseClientConnections()
	s.http.Close()
}

func (s *Server) connState(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.conns++
		s.open[c] = struct{}{}
	case http.StateClosed, http.StateHijacked:
		delete(s.open, c)
	default: // it goes on
	}
}

// BaseURL returns the URL that clients call their base URL: URL + "/v1".
func (s *Server) BaseURL() string { return s.URL + "/v1" }

// Client returns an HTTP client that trusts the server's certificate.
func (s *Server) Client() *http.Client { return s.http.Client() }

// CertificatePEM returns the certificate of a server that StartTLS started.
func (s *Server) CertificatePEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.http.Certificate().Raw})
}

// Script adds steps for the requests to come, one for each.
func (s *Server) Script(steps ...Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripted = true
	s.steps = append(s.steps, steps...)
}

// Otherwise sets what happens to requests for which there is no step in the script.
func (s *Server) Otherwise(choose func(*Request) Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.otherwise = choose
}

// Always answers every request for which there is no step in the script in the same way.
func (s *Server) Always(step Step) { s.Otherwise(func(*Request) Step { return step }) }

// Requests returns the requests so far, in order of arrival.
func (s *Server) Requests() []*Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*Request(nil), s.requests...)
}

// Count returns how many requests have arrived.
func (s *Server) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests)
}

// Await waits for the nth request, counted from 1, and returns it as soon as its body has
// been read. The test fails when it does not come.
func (s *Server) Await(n int) *Request {
	s.t.Helper()
	giveUp := time.After(patience)
	for {
		s.mu.Lock()
		if len(s.requests) >= n {
			r := s.requests[n-1]
			s.mu.Unlock()
			return r
		}
		arrived := s.arrived
		s.mu.Unlock()
		select {
		case <-arrived:
		case <-giveUp:
			s.t.Fatalf("fakellm: request %d did not come; %d did", n, s.Count())
		}
	}
}

// Connections returns how many connections the server has accepted.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns
}

// OpenConnections returns how many connections are open now.
func (s *Server) OpenConnections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	req, err := readRequest(r)
	if err != nil {
		panic(http.ErrAbortHandler) // the client left before its request was whole
	}
	defer close(req.done)
	stop := context.AfterFunc(r.Context(), req.cancel)
	defer stop() // the context is cancelled after a whole answer, too

	step := s.take(req)
	conn, _ := r.Context().Value(connKey{}).(net.Conn)
	c := &Call{Request: req, w: w, ctx: r.Context(), conn: conn, quit: s.quit}
	step(c)
}

// take records the request and returns what to do with it.
func (s *Server) take(r *Request) Step {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
	r.Number = len(s.requests)
	close(s.arrived)
	s.arrived = make(chan struct{})
	switch {
	case len(s.steps) > 0:
		step := s.steps[0]
		s.steps = s.steps[1:]
		return step
	case s.otherwise != nil:
		return s.otherwise(r)
	case !s.scripted:
		return Answer("Hello!")
	default:
		s.t.Errorf("fakellm: request %d (%s %s) came when the script had ended", r.Number, r.Method, r.Path)
		return Error(http.StatusInternalServerError, "script_ended", "The script of this fake provider has ended.")
	}
}

// netConn returns the TCP connection below c.
func netConn(c net.Conn) *net.TCPConn {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	tcp, _ := c.(*net.TCPConn)
	return tcp
}
