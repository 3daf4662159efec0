package caddymodule

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/mulligan-gateway/mulligan/upstream/provider"
)

// idlePerHost is how many idle connections to one host are kept, unless a transport says
// otherwise: requests to a provider come in bursts, and each new connection costs a
// handshake.
const idlePerHost = 1024

// transport builds the transport of a module's JSON, the default one of nil. A transport of
// the module http that depends on nothing but its config is kept over reloads with its
// connections; any other lives as long as ctx.
func (h *hold) transport(ctx caddy.Context, raw json.RawMessage) (http.RoundTripper, error) {
	if raw == nil {
		return h.sharedTransport(transportKey{}, func() (*http.Transport, error) { return provider.NewTransport(), nil })
	}
	config, isHTTP, err := httpTransport(raw)
	if err != nil {
		return nil, err
	}
	if !isHTTP {
		slot := transportSlot{Raw: raw}
		module, err := ctx.LoadModule(&slot, "Raw")
		if err != nil {
			return nil, err
		}
		return asRoundTripper(module)
	}
	written, err := json.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("write the transport as JSON: %w", err)
	}
	if !dependsOnItselfOnly(config) {
		module, err := ctx.LoadModuleByID(transportNamespace+".http", written)
		if err != nil {
			return nil, err
		}
		return asRoundTripper(module)
	}
	return h.sharedTransport(sha256.Sum256(written), func() (*http.Transport, error) {
		// Not with ctx, which would keep all of this config alive for as long as the transport.
		t, err := config.NewTransport(caddy.Context{Context: context.Background()})
		if err != nil {
			return nil, err
		}
		return provider.WriteWhole(t), nil
	})
}

// transportSlot is where Caddy loads a transport module from.
type transportSlot struct {
	Raw json.RawMessage `caddy:"namespace=http.reverse_proxy.transport inline_key=protocol"`
}

func asRoundTripper(module any) (http.RoundTripper, error) {
	t, ok := module.(http.RoundTripper)
	if !ok {
		return nil, fmt.Errorf("%T sends no requests", module)
	}
	return t, nil
}

// httpTransport returns the config of a transport of the module http, with our defaults for
// what it leaves unsaid, and false for another module.
func httpTransport(raw json.RawMessage) (*reverseproxy.HTTPTransport, bool, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, false, fmt.Errorf("read it: %w", err)
	}
	if !bytes.Equal(members["protocol"], []byte(`"http"`)) {
		return nil, false, nil
	}
	delete(members, "protocol")
	rest, err := json.Marshal(members)
	if err != nil {
		return nil, false, fmt.Errorf("read it: %w", err)
	}
	t := new(reverseproxy.HTTPTransport)
	if err := caddy.StrictUnmarshalJSON(rest, t); err != nil {
		return nil, false, fmt.Errorf("read it: %w", err)
	}
	if t.KeepAlive == nil {
		t.KeepAlive = new(reverseproxy.KeepAlive)
	}
	if t.KeepAlive.MaxIdleConnsPerHost == 0 {
		t.KeepAlive.MaxIdleConnsPerHost = idlePerHost
	}
	if t.Compression == nil {
		// A compressed stream comes in the blocks of whoever compresses it.
		t.Compression = new(bool)
	}
	if len(t.Versions) == 0 {
		t.Versions = []string{"1.1", "2"}
	}
	return t, true, nil
}

// dependsOnItselfOnly says whether a transport is the same after a reload when its config is
// the same: it holds no guest modules, reads no files, and leaves nothing open that only its
// own Cleanup closes.
func dependsOnItselfOnly(t *reverseproxy.HTTPTransport) bool {
	switch {
	case t.NetworkProxyRaw != nil, t.ForwardProxyURL != "", t.ProxyProtocol != "":
		return false
	case t.ReadTimeout != 0, t.WriteTimeout != 0: // they log with the config's logger
		return false
	case slices.Contains(t.Versions, "3"):
		return false
	case t.TLS == nil:
		return true
	}
	return t.TLS.CARaw == nil && len(t.TLS.RootCAPEMFiles) == 0 && //nolint:staticcheck // deprecated, but still read by Caddy
		t.TLS.ClientCertificateFile == "" && t.TLS.ClientCertificateAutomate == "" &&
		!strings.Contains(t.TLS.ServerName, "{")
}
