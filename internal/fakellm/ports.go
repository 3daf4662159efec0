package fakellm

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Refused returns a base URL whose port refuses connections for as long as the test runs.
// The port is the near end of an open connection, so nobody else can start to listen there.
func Refused(t testing.TB) string {
	t.Helper()
	l := listen(t)
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	return "http://" + near.LocalAddr().String() + "/v1"
}

// Silent returns a base URL where connections are accepted and nothing is ever said. With
// https:// in place of http:// it is a TLS handshake that hangs.
func Silent(t testing.TB) string {
	t.Helper()
	l := listen(t)
	var (
		mu    sync.Mutex
		conns []net.Conn
	)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range conns {
			c.Close()
		}
	})
	return "http://" + l.Addr().String() + "/v1"
}

// TLSFailure returns a base URL where every TLS handshake fails with an alert. A server of
// StartTLS is another such failure for who does not know its certificate.
func TLSFailure(t testing.TB) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return nil, errors.New("this server never shakes hands")
		},
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL + "/v1"
}

// HandshakeReset returns an https base URL where every connection is reset as soon as the TLS
// handshake begins.
func HandshakeReset(t testing.TB) string {
	t.Helper()
	return handshake(t, func(c *net.TCPConn) {
		_, _ = c.Read(make([]byte, 1)) // whatever comes, and if nothing does
		_ = c.SetLinger(0)             // makes Close send RST
	})
}

// HandshakeCut returns an https base URL where every connection is closed as soon as the TLS
// handshake begins.
func HandshakeCut(t testing.TB) string {
	t.Helper()
	return handshake(t, func(c *net.TCPConn) {
		_ = c.CloseWrite()
		_, _ = io.Copy(io.Discard, c) // closing with bytes unread would be a reset
	})
}

// handshake returns an https base URL where end gets every connection before it is closed.
func handshake(t testing.TB, end func(*net.TCPConn)) string {
	t.Helper()
	l := listen(t)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				end(c.(*net.TCPConn))
			}()
		}
	}()
	return "https://" + l.Addr().String() + "/v1"
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}
