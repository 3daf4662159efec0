package provider

import (
	"net"
	"net/http"
	"time"
)

// NewTransport returns the transport of a provider whose config names none. It keeps enough
// idle connections for a loaded gateway (net/http keeps two per host), and it does not ask
// for compressed replies, since events must be read as they arrive. It asks a connection of
// HTTP/2 that has been silent whether it still lives: all requests share one, so that they
// would all wait for the same dead peer.
func NewTransport() *http.Transport {
	return WriteWhole(&http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:   true,
		MaxIdleConns:        4096,
		MaxIdleConnsPerHost: 1024,
		ReadBufferSize:      16 << 10, // a stream that comes in bursts takes half the system calls of the usual 4 KiB
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second,
		DisableCompression:  true,
		HTTP2:               &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
	})
}
