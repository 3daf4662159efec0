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
	common := way.requests[c.Endpoint]
	if common == nil {
		return nil, llm.NewError(llm.CodeUnsupportedByProvider,
			fmt.Sprintf("The provider %s has no endpoint for %s.", p.name, c.Endpoint))
	}
	key := slices.Index(p.keys, c.Key)
	if key < 0 {
		return nil, llm.NewError(llm.CodeInternalError, "Mulligan failed while making a request.").
			WithCause(fmt.Errorf("provider %s was given a key that is not its own", p.name))
	}
	r := common.WithContext(ctx)
	r.Header = p.headerOf(way, &c, key)
	if !p.shares {
		own := *r.URL
		r.URL = &own
	}
	if pathOf := way.ModelPaths[c.Endpoint]; pathOf != nil {
		path, query := pathOf(way.wire(c.Model), c.Stream)
		r.URL = r.URL.JoinPath(path)
		r.URL.RawQuery = query
	}
	setBody(r, c.Payload)
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

// setBody gives a request its body. A body without bytes must be http.NoBody, or its length would
// count as unknown.
func setBody(r *http.Request, p llm.Payload) {
	n := p.Len()
	r.ContentLength = int64(n)
	switch {
	case n == 0:
		r.Body = http.NoBody
		r.GetBody = func() (io.ReadCloser, error) { return http.NoBody, nil }
	case n <= CopiedBody:
		b := p.Bytes()
		r.Body = io.NopCloser(bytes.NewReader(b))
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
	default:
		r.Body = NewBody(p)
		r.GetBody = func() (io.ReadCloser, error) { return NewBody(p), nil }
	}
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
