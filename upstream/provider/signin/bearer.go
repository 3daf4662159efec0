package signin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/mulligan-gateway/mulligan/llm"
)

const (
	headerAuthorization = "Authorization"
	bearer              = "Bearer "
)

// Bearer signs requests in with an access token (RFC 6750). It is safe for concurrent use, and
// shows whose tokens they are alone when it is printed.
type Bearer struct {
	issuer string
	tokens *Source[string]
}

// NewBearer returns what signs in with the tokens that fetch gets from an issuer, which errors
// name. now is the clock; nil is the real one.
func NewBearer(issuer string, fetch Fetch[string], now func() time.Time) *Bearer {
	return &Bearer{issuer, New(checked(fetch), now)}
}

// checked returns a fetch that takes nothing for a token which no header can hold.
func checked(fetch Fetch[string]) Fetch[string] {
	return func(ctx context.Context) (string, time.Time, error) {
		token, ends, err := fetch(ctx)
		if err == nil && (token == "" || strings.ContainsAny(token, " \t") || !httpguts.ValidHeaderFieldValue(token)) {
			return "", time.Time{}, errors.New("what was issued is empty, or no header can hold it")
		}
		return token, ends, err
	}
}

// Sign puts a token into a request, in the place of another one. The request's context bounds
// the wait for it.
func (b *Bearer) Sign(r *http.Request, _ llm.Payload) error {
	r.Header.Del(headerAuthorization)
	token, err := b.tokens.Get(r.Context())
	if err != nil {
		return fmt.Errorf("get a token of %s: %w", b.issuer, err)
	}
	r.Header.Set(headerAuthorization, bearer+token)
	return nil
}

// Forget notes that the vendor has refused the token of a request. It says that there may be
// another one.
func (b *Bearer) Forget(r *http.Request) bool {
	refused := strings.TrimPrefix(r.Header.Get(headerAuthorization), bearer)
	b.tokens.Forget(func(token string) bool { return token == refused })
	return true
}

// Secrets returns the token that is kept, if there is one.
func (b *Bearer) Secrets() []string {
	token, ok := b.tokens.Peek()
	if !ok {
		return nil
	}
	return []string{token}
}
