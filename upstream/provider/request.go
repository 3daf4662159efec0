package provider

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"

	"github.com/mulligan-gateway/mulligan/llm"
)

// Call is one request to be made. It shows its endpoint alone when it is printed.
type Call struct {
	Endpoint llm.Endpoint
	Payload  llm.Payload
	// Model is the model's id, for endpoints whose path names it.
	Model string
	// Key is one of the provider's keys.
	Key string
	// Stream says that events are wanted.
	Stream bool
}

// userAgent names Mulligan and nobody behind it.
const userAgent = "mulligan"

// NewRequest returns the request of a call. Its headers are made here and nowhere else: the
// content's type, the key, and what the config adds. Nothing of the client's headers is in
// it, so no credential, cookie, deployment header or trace header can reach a provider, and
// a key that is not the provider's own is refused. Errors are *llm.Error: an endpoint that
// the vendor does not have is unsupported_by_provider.
func (p *Provider) NewRequest(ctx context.Context, c Call) (*http.Request, error) {
	way := p.of(c.Model)
	u := way.urls[c.Endpoint]
	if u == nil {
		return nil, llm.NewError(llm.CodeUnsupportedByProvider,
			fmt.Sprintf("The provider %s has no endpoint for %s.", p.name, c.Endpoint))
	}
	if !slices.Contains(p.keys, c.Key) {
		return nil, llm.NewError(llm.CodeInternalError, "Mulligan failed while making a request.").
			WithCause(fmt.Errorf("provider %s was given a key that is not its own", p.name))
	}
	h := make(http.Header, 4+len(p.header))
	set := llm.NewHeaders(h, 4)
	if c.Payload.ContentType != "" {
		set.Set("Content-Type", c.Payload.ContentType)
	}
	set.Set("User-Agent", userAgent)
	switch {
	case !c.Stream:
	case way.Streams != "":
		set.Set("Accept", way.Streams)
	default:
		set.Set("Accept", "text/event-stream")
	}
	switch {
	case c.Key == "":
	case p.vendor.KeyHeader != "":
		set.Set(p.vendor.KeyHeader, c.Key)
	default:
		set.Set("Authorization", "Bearer "+c.Key)
	}
	for name, values := range way.Header {
		h[name] = values
	}
	for name, values := range p.header {
		h[name] = values
	}
	own := *u // a transport that rewrites the URL must not do so for the next request
	if pathOf := way.ModelPaths[c.Endpoint]; pathOf != nil {
		path, query := pathOf(way.wire(c.Model), c.Stream)
		own = *u.JoinPath(path)
		own.RawQuery = query
	}
	r := &http.Request{
		Method: http.MethodPost, URL: &own, Host: own.Host, Header: h,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		ContentLength: int64(c.Payload.Len()),
	}
	r.GetBody = func() (io.ReadCloser, error) { return newBody(c.Payload), nil }
	r.Body = newBody(c.Payload)
	r = r.WithContext(ctx)
	if p.signer != nil {
		if err := p.signer.Sign(r, c.Payload); err != nil {
			return nil, &SignInError{err}
		}
	}
	return r, nil
}

// CopiedBody is up to which length in bytes a payload is copied before it is sent. net/http
// sends what it knows to be in memory together with the request's header, where both fit into
// its buffer of 4 KiB, and everything else after it: a small copy saves a call to the kernel.
const CopiedBody = 3584

// newBody returns the body of a request. A body without bytes must be http.NoBody, or its
// length would count as unknown.
func newBody(p llm.Payload) io.ReadCloser {
	switch n := p.Len(); {
	case n == 0:
		return http.NoBody
	case n <= CopiedBody:
		return io.NopCloser(bytes.NewReader(p.Bytes()))
	}
	return NewBody(p)
}

// Body reads a payload's slices one after the other.
type Body struct {
	parts [][]byte
	at    int // read so far of parts[0]
}

// NewBody returns a reader of the payload from its beginning. It does not copy the payload.
func NewBody(p llm.Payload) *Body { return &Body{parts: p.Parts} }

// Read implements io.Reader.
func (b *Body) Read(into []byte) (int, error) {
	n := 0
	for n < len(into) && len(b.parts) > 0 {
		c := copy(into[n:], b.parts[0][b.at:])
		n, b.at = n+c, b.at+c
		if b.at == len(b.parts[0]) {
			b.parts, b.at = b.parts[1:], 0
		}
	}
	if n == 0 && len(into) > 0 && len(b.parts) == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// WriteTo implements io.WriterTo. On a TCP connection it is one call to the kernel for all
// slices.
func (b *Body) WriteTo(w io.Writer) (int64, error) {
	if len(b.parts) == 0 {
		return 0, nil
	}
	left := make(net.Buffers, len(b.parts)) // it is consumed, and the payload may be sent again
	copy(left, b.parts)
	left[0] = left[0][b.at:]
	b.parts, b.at = nil, 0
	return left.WriteTo(w)
}

// Close implements io.Closer.
func (b *Body) Close() error { return nil }

// Len returns how many bytes are left.
func (b *Body) Len() int { return llm.Payload{Parts: b.parts}.Len() - b.at }
