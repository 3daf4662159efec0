package caddymodule

import (
	"crypto/sha256"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"

	"github.com/mulligan-gateway/mulligan/upstream"
)

// What outlives a reload. Caddy builds the new app before it takes the old one down, so
// what both of them use is never without a user in between. It is one pool, keyed by
// stateKey for what is known about providers and targets, and by the digest of its config
// for each pool of connections and for each sign-in whose tokens are kept.
var kept = caddy.NewUsagePool()

type stateKey struct{}

// hold counts the users of one app's share of what is kept: the app itself and each
// exchange that runs on it. Caddy cleans an app up while exchanges still run, so the last
// of them gives the share back.
type hold struct {
	users atomic.Int64
	keys  []any
	once  sync.Once
}

// lease is one exchange's use of an app.
type lease struct{ h *hold }

// acquire begins an exchange's use of what the app keeps over reloads.
func (h *hold) acquire() lease {
	h.users.Add(1)
	return lease{h}
}

// release ends it.
func (l lease) release() {
	if l.h.users.Add(-1) == 0 {
		// An exchange may begin on a connection of an app that is already cleaned up, and
		// then the count comes to 0 again.
		l.h.once.Do(l.h.giveBack)
	}
}

func (h *hold) giveBack() {
	for _, key := range h.keys {
		_, _ = kept.Delete(key) // Destruct of what is kept returns no error
	}
}

// sharedState returns what is known about providers and targets, the same in every app.
func (h *hold) sharedState() *upstream.State {
	v, _ := kept.LoadOrStore(stateKey{}, upstream.NewState())
	h.keys = append(h.keys, stateKey{})
	return v.(*upstream.State)
}

// pooledTransport is a pool of connections.
type pooledTransport struct{ *http.Transport }

// Destruct closes the connections that nobody uses. Those in use close when they are done.
func (t *pooledTransport) Destruct() error {
	t.CloseIdleConnections()
	return nil
}

// transportKey is the digest of the config that a pool of connections was made from, all
// zeros for the default.
type transportKey [sha256.Size]byte

// sharedTransport returns the pool of connections of that key, made anew when there is none.
func (h *hold) sharedTransport(key transportKey, build func() (*http.Transport, error)) (*http.Transport, error) {
	v, _, err := kept.LoadOrNew(key, func() (caddy.Destructor, error) {
		t, err := build()
		return &pooledTransport{t}, err
	})
	if err != nil {
		return nil, err
	}
	h.keys = append(h.keys, key)
	return v.(*pooledTransport).Transport, nil
}

// signInKey is the digest of what signs in.
type signInKey string

// keptSignIn is what signs in, with the tokens that it has.
type keptSignIn struct{ signIn any }

// Destruct implements caddy.Destructor; there is nothing to close.
func (keptSignIn) Destruct() error { return nil }

// sharedSignIn returns what signs in under that key, made anew when there is none.
func (h *hold) sharedSignIn(key string, build func() any) any {
	v, _, err := kept.LoadOrNew(signInKey(key), func() (caddy.Destructor, error) { return keptSignIn{build()}, nil })
	if err != nil {
		return build() // never: the constructor does not fail
	}
	h.keys = append(h.keys, signInKey(key))
	return v.(keptSignIn).signIn
}
