// Package fetch gets images and PDFs by the addresses that clients name, for vendors that take
// only bytes. Whoever can send a request can name any address, so that a gateway that fetches
// could be made to reach what only the gateway can reach: the services of its own network, the
// metadata of its cloud. What is connected to is therefore looked at when the connection is made,
// behind names, redirects and odd spellings of addresses: see public.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// Config bounds what is fetched for one request.
type Config struct {
	// MaxBytes is how much all that is fetched for a request may have, in bytes.
	MaxBytes int64
	// Timeout is how long all of it may take.
	Timeout time.Duration

	// Allowed says whether an address and a port may be connected to; nil is what is public. It
	// is for tests, which have no public address.
	Allowed func(netip.AddrPort) bool
	// resolver finds the addresses of names; nil is the system's.
	resolver *net.Resolver
}

// The defaults of what is not said.
const (
	DefaultMaxBytes = 20 << 20
	DefaultTimeout  = 10 * time.Second
)

// maxRedirects is how many redirects are followed.
const maxRedirects = 3

// Fetcher fetches. It is safe for concurrent use.
type Fetcher struct {
	config Config
	client http.Client
}

// New returns a fetcher.
func New(c Config) *Fetcher {
	if c.MaxBytes <= 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Allowed == nil {
		c.Allowed = public
	}
	f := &Fetcher{config: c}
	dialer := net.Dialer{Timeout: c.Timeout, Resolver: c.resolver, ControlContext: f.control}
	f.client = http.Client{
		Transport: &http.Transport{
			// No proxy: it would connect for us, and to what it likes.
			DialContext:            dialer.DialContext,
			DisableCompression:     true,
			DisableKeepAlives:      true,
			TLSHandshakeTimeout:    c.Timeout,
			ResponseHeaderTimeout:  c.Timeout,
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return errors.New("too many redirects")
			}
			r.Header.Del("Referer") // it would say where we have been
			return check(r.URL)
		},
	}
	return f
}

// errNotPublic is returned for a connection that must not be made.
var errNotPublic = errors.New("the address is not public")

// control looks at an address after its name has been resolved and before it is connected to.
func (f *Fetcher) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !f.config.Allowed(netip.AddrPortFrom(to.Addr().Unmap(), to.Port())) {
		return errNotPublic
	}
	return nil
}

// check refuses addresses that are not of the web.
func check(u *url.URL) error {
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("the address is neither http nor https")
	case u.Host == "" || u.User != nil:
		return errors.New("the address has no host, or a user in it")
	}
	return nil
}

// Medium is what was fetched.
type Medium struct {
	// Type is the media type, such as image/png.
	Type string
	Data []byte
}

// Batch fetches what one request needs, within the bounds of a request. It belongs to one
// goroutine.
type Batch struct {
	fetcher *Fetcher
	ctx     context.Context //nolint:containedctx // a batch is a part of one request and ends with it
	cancel  context.CancelFunc
	left    int64
}

// Batch begins to fetch for a request. It must be closed.
func (f *Fetcher) Batch(ctx context.Context) *Batch {
	b := &Batch{fetcher: f, left: f.config.MaxBytes}
	b.ctx, b.cancel = context.WithTimeout(ctx, f.config.Timeout)
	return b
}

// Close ends what is being fetched.
func (b *Batch) Close() { b.cancel() }

// Get fetches an image or a PDF. Its errors say what happened and are for logs: a client that is
// told more than that it failed could find out by them what there is in our network.
func (b *Batch) Get(address string) (Medium, error) {
	u, err := url.Parse(address)
	if err != nil {
		return Medium{}, errors.New("the address cannot be read")
	}
	if err := check(u); err != nil {
		return Medium{}, err
	}
	r, err := http.NewRequestWithContext(b.ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return Medium{}, err
	}
	r.Header.Set("User-Agent", "mulligan")
	r.Header.Set("Accept", "image/*, application/pdf")
	resp, err := b.fetcher.client.Do(r)
	if err != nil {
		return Medium{}, fmt.Errorf("fetch: %w", err)
	}
	defer resp.Body.Close()
	return b.read(resp)
}

func (b *Batch) read(resp *http.Response) (Medium, error) {
	switch {
	case resp.StatusCode != http.StatusOK:
		return Medium{}, fmt.Errorf("the answer is %d", resp.StatusCode)
	case resp.ContentLength > b.left:
		return Medium{}, errTooLarge
	case resp.Header.Get("Content-Encoding") != "":
		return Medium{}, errors.New("the answer is compressed")
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, b.left+1))
	if err != nil {
		return Medium{}, fmt.Errorf("read: %w", err)
	}
	if int64(len(data)) > b.left {
		return Medium{}, errTooLarge
	}
	b.left -= int64(len(data))
	m := Medium{Type: mediaType(resp.Header.Get("Content-Type"), data), Data: data}
	if len(data) == 0 || !strings.HasPrefix(m.Type, "image/") && m.Type != "application/pdf" {
		return Medium{}, errors.New("the answer is neither an image nor a PDF")
	}
	return m, nil
}

var errTooLarge = errors.New("there is more than may be fetched for a request")

// mediaType returns the media type that a server says, or what the data look like where it
// says nothing in particular.
func mediaType(said string, data []byte) string {
	kind, _, err := mime.ParseMediaType(said)
	if err != nil || !strings.Contains(kind, "/") || strings.HasSuffix(kind, "/octet-stream") {
		kind, _, _ = mime.ParseMediaType(http.DetectContentType(data))
	}
	return kind
}
