package integration

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/mulligan-gateway/mulligan/upstream/provider"
)

func init() {
	caddy.RegisterModule(new(doorTransport))
}

// doorTransport is Mulligan's own transport, but for where it dials: through the doors that a
// test has set up. No port can be made to refuse exactly one connection; a door can send the
// first dial to a port that refuses and the next one to a server.
type doorTransport struct{ *http.Transport }

// CaddyModule implements caddy.Module.
func (*doorTransport) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.reverse_proxy.transport.doors", New: func() caddy.Module { return new(doorTransport) }}
}

// UnmarshalCaddyfile reads transport doors, which has no options.
func (*doorTransport) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() {
		return d.ArgErr()
	}
	return nil
}

// Provision implements caddy.Provisioner.
func (t *doorTransport) Provision(caddy.Context) error {
	t.Transport = provider.NewTransport()
	t.DialContext = doors.dial
	t.TLSClientConfig = &tls.Config{ServerName: "example.com", RootCAs: doors.pool()}
	return nil
}

// Cleanup implements caddy.CleanerUpper.
func (t *doorTransport) Cleanup() error {
	t.CloseIdleConnections()
	return nil
}

// doors are all doors of this process.
var doors doorList

type doorList struct {
	mu    sync.Mutex
	all   map[string]*door
	trust *x509.CertPool
}

// door is where dials to one host go.
type door struct {
	addresses []string // of the first dial, the second and so on; the last stays
	dials     int
}

// set replaces all doors, and says whose certificates are trusted behind them.
func (l *doorList) set(trust []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all, l.trust = make(map[string]*door), x509.NewCertPool()
	l.trust.AppendCertsFromPEM(trust)
}

func (l *doorList) pool() *x509.CertPool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.trust
}

// open makes a door for a host out of the URLs whose ports are dialled one after the other.
func (l *doorList) open(t testing.TB, host string, urls ...string) {
	t.Helper()
	d := new(door)
	for _, raw := range urls {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		d.addresses = append(d.addresses, u.Host)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all[host+":443"] = d
}

// dials returns how often a host was dialled.
func (l *doorList) dials(host string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all[host+":443"].dials
}

func (l *doorList) dial(ctx context.Context, network, address string) (net.Conn, error) {
	l.mu.Lock()
	d := l.all[address]
	if d == nil {
		l.mu.Unlock()
		return nil, fmt.Errorf("there is no door for %s", address)
	}
	to := d.addresses[min(d.dials, len(d.addresses)-1)]
	d.dials++
	l.mu.Unlock()
	return new(net.Dialer).DialContext(ctx, network, to)
}

var (
	_ caddy.Provisioner     = (*doorTransport)(nil)
	_ caddy.CleanerUpper    = (*doorTransport)(nil)
	_ caddyfile.Unmarshaler = (*doorTransport)(nil)
	_ http.RoundTripper     = (*doorTransport)(nil)
)
