package upstream

import (
	"io"
	"net/http"
	"sync"

	"github.com/mulligan-gateway/mulligan/upstream/provider"
)

// holdPayload keeps the payload's bytes until the transport has done with them, which may be
// after the provider has answered. A small body is a copy, which needs nothing of it.
func (a *attempt) holdPayload(r *http.Request) {
	hold := a.loop.call.Hold
	if hold == nil || r.ContentLength <= provider.CopiedBody {
		return
	}
	r.Body = &heldBody{ReadCloser: r.Body, letGo: hold()}
	body := r.GetBody
	r.GetBody = func() (io.ReadCloser, error) {
		b, err := body()
		if err != nil {
			return nil, err
		}
		return &heldBody{ReadCloser: b, letGo: hold()}, nil
	}
}

// heldBody is the body of one request to a provider, whose bytes are held until it is closed.
type heldBody struct {
	io.ReadCloser
	mu      sync.Mutex // HTTP/2 may close a body while it is read
	closed  bool
	writing bool
	letGo   func()
}

// Read implements io.Reader.
func (b *heldBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, http.ErrBodyReadAfterClose // what it was may be another request's by now
	}
	return b.ReadCloser.Read(p)
}

// WriteTo implements io.WriterTo. It may wait for the provider, so it does not keep Close from
// returning: the bytes are let go then when they have been written.
func (b *heldBody) WriteTo(w io.Writer) (int64, error) {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return 0, http.ErrBodyReadAfterClose
	}
	b.writing = true
	b.mu.Unlock()
	n, err := io.Copy(w, b.ReadCloser) // by WriteTo of what is behind, if it has one
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writing = false
	if b.closed {
		b.letGo()
	}
	return n, err
}

// Len returns how many bytes are left, so that they can be written as a whole.
func (b *heldBody) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	whole, ok := b.ReadCloser.(interface{ Len() int })
	if !ok || b.closed {
		return 0
	}
	return whole.Len()
}

// Close lets the payload go. Transports close a body at least once, and often twice.
func (b *heldBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	err := b.ReadCloser.Close()
	if !b.closed && !b.writing {
		b.letGo()
	}
	b.closed = true
	return err
}
