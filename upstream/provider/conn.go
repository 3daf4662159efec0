package provider

import (
	"context"
	"io"
	"net"
	"net/http"
)

// WriteWhole makes a transport hand a request's body to the kernel as the slices that it
// consists of, in one call. net/http alone would copy it through a buffer of 32 KiB, made for
// each request, with a call for each time that it is full. It does nothing for TLS, where the
// body is encrypted on its way.
func WriteWhole(t *http.Transport) *http.Transport {
	dial := t.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if tcp, ok := c.(*net.TCPConn); ok && err == nil {
			return conn{tcp}, nil
		}
		return c, err
	}
	return t
}

// conn is a connection that takes bodies whole.
type conn struct{ *net.TCPConn }

// wholeBody is a body that is all there.
type wholeBody interface {
	io.WriterTo
	Len() int
}

// ReadFrom implements io.ReaderFrom, through which net/http sends the bodies of requests,
// limited to the length that they announce.
func (c conn) ReadFrom(r io.Reader) (int64, error) {
	if limited, ok := r.(*io.LimitedReader); ok {
		if body, ok := limited.R.(wholeBody); ok && int64(body.Len()) <= limited.N {
			n, err := body.WriteTo(c.TCPConn)
			limited.N -= n
			return n, err
		}
	}
	return c.TCPConn.ReadFrom(r)
}
