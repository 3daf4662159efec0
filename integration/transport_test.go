package integration

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// testTransport is the module http.reverse_proxy.transport.test: what a test has put into
// testTransports sends the requests of a provider with `transport test NAME`.
type testTransport struct {
	Name string `json:"name"`
	http.RoundTripper
}

var testTransports sync.Map // name → http.RoundTripper

func init() { caddy.RegisterModule(new(testTransport)) }

// useTransport makes a transport known by a name until the test ends.
func useTransport(t testing.TB, name string, rt http.RoundTripper) {
	t.Helper()
	testTransports.Store(name, rt)
	t.Cleanup(func() { testTransports.Delete(name) })
}

// CaddyModule returns the module's id.
func (*testTransport) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID: "http.reverse_proxy.transport.test", New: func() caddy.Module { return new(testTransport) },
	}
}

// UnmarshalCaddyfile reads `test NAME`.
func (tt *testTransport) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if !d.AllArgs(&tt.Name) {
		return d.ArgErr()
	}
	return nil
}

// Provision finds the transport.
func (tt *testTransport) Provision(caddy.Context) error {
	rt, ok := testTransports.Load(tt.Name)
	if !ok {
		return errors.New("no test has a transport " + tt.Name)
	}
	tt.RoundTripper = rt.(http.RoundTripper)
	return nil
}

// roundTrip is a transport that is a function.
type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip sends the request.
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// ownTransport keeps its connections until the test ends.
func ownTransport(t testing.TB) *http.Transport {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// onRead returns a transport whose bodies call f before each read, with what has been read so far.
func onRead(rt http.RoundTripper, f func(soFar []byte)) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		resp, err := rt.RoundTrip(r)
		if err == nil {
			resp.Body = &observedBody{ReadCloser: resp.Body, f: f}
		}
		return resp, err
	})
}

type observedBody struct {
	io.ReadCloser
	f     func(soFar []byte)
	soFar []byte
}

// Read reads from the body.
func (b *observedBody) Read(p []byte) (int, error) {
	b.f(b.soFar)
	n, err := b.ReadCloser.Read(p)
	b.soFar = append(b.soFar, p[:n]...)
	return n, err
}
