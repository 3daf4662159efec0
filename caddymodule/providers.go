package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"
	"golang.org/x/net/http/httpguts"

	"github.com/mulligan-gateway/mulligan/upstream/fetch"
	"github.com/mulligan-gateway/mulligan/upstream/provider"
)

func init() {
	for _, v := range provider.Vendors() {
		switch v.Kind {
		case kindAnthropic, provider.KindAzure, provider.KindBedrock, provider.KindVertex: // they have words of their own
		default:
			caddy.RegisterModule(&VendorProvider{kind: v.Kind})
		}
	}
}

// ProviderModule is what a guest module of llm_gateway.providers must be: the config of one
// provider, from which the provider is built when the config is loaded. Building it must
// not call anybody.
type ProviderModule interface {
	BuildProvider(caddy.Context, ProviderOptions) (*provider.Provider, error)
}

// ProviderOptions is what a provider must know that its own config does not say.
type ProviderOptions struct {
	// Name is the provider's name in the config.
	Name string
	// Offline says that the provider will never be called: keys that are not set are left
	// out, and no transport is needed.
	Offline bool
	// Transport builds the transport of a module's JSON, or the default one of nil. What it
	// returns is kept over reloads where that is possible.
	Transport func(caddy.Context, json.RawMessage) (http.RoundTripper, error)
	// Shared returns what has been built under a key before, or builds it: what signs in, and is
	// kept over reloads. The key must tell apart all that it may be built from, and show none of
	// it. Nil builds anew.
	Shared func(key string, build func() any) any
}

// VendorProvider is an account at a vendor whose API is OpenAI's. The module's name is the
// vendor's.
type VendorProvider struct {
	kind string

	// APIKeys are the keys of the account, used in turn; a rejected or exhausted key rests
	// while the others go on. Write placeholders, such as {env.OPENAI_API_KEY}; they are
	// resolved when the config is loaded, and a missing one is an error. Default: none.
	APIKeys []string `json:"api_keys,omitempty"`

	// BaseURL is where the API is, up to and including its version, such as
	// https://api.example.com/v1. Default: the vendor's.
	BaseURL string `json:"base_url,omitempty"`

	// Headers are added to every request to this provider. Values may hold placeholders,
	// which are resolved when the config is loaded. Default: none.
	Headers http.Header `json:"headers,omitempty"`

	// MaxInFlight is how many requests may be at the provider at a time. Above it the next
	// target is tried. Default: no limit.
	MaxInFlight int `json:"max_in_flight,omitempty"`

	// FetchMedia says that images and PDFs that clients name by address are fetched by Mulligan
	// and sent as bytes, where the vendor takes only those. Private addresses are refused.
	// Default: nothing is fetched, and such a request goes to the next target.
	FetchMedia *FetchMedia `json:"fetch_media,omitempty"`

	// TransportRaw is how requests are sent: any module of http.reverse_proxy.transport. The
	// module http keeps 1024 idle connections per host here and asks for no compression,
	// unless it is told otherwise. Default: plain HTTP/1.1 and HTTP/2 with the same.
	TransportRaw json.RawMessage `json:"transport,omitempty" caddy:"namespace=http.reverse_proxy.transport inline_key=protocol"`
}

// FetchMedia bounds what is fetched for one request.
type FetchMedia struct {
	// MaxSize is how much all of it may have, in bytes. Default: 20 MiB.
	MaxSize int64 `json:"max_size,omitempty"`

	// Timeout is how long all of it may take. Default: 10s.
	Timeout caddy.Duration `json:"timeout,omitempty"`
}

// CaddyModule returns the module's id.
func (p *VendorProvider) CaddyModule() caddy.ModuleInfo {
	kind := p.kind
	return caddy.ModuleInfo{
		ID:  caddy.ModuleID(providerNamespace + "." + kind),
		New: func() caddy.Module { return &VendorProvider{kind: kind} },
	}
}

// BuildProvider implements ProviderModule.
func (p *VendorProvider) BuildProvider(ctx caddy.Context, o ProviderOptions) (*provider.Provider, error) {
	config, err := p.config(ctx, o)
	if err != nil {
		return nil, err
	}
	return provider.New(config)
}

// config returns what every provider's config says, with its placeholders resolved. No error
// and no log line of it holds a key.
func (p *VendorProvider) config(ctx caddy.Context, o ProviderOptions) (provider.Config, error) {
	config := provider.Config{
		Name: o.Name, Kind: p.kind, MaxInFlight: p.MaxInFlight, Header: make(http.Header), Offline: o.Offline, Shared: o.Shared,
	}
	if m := p.FetchMedia; m != nil {
		config.Fetcher = fetch.New(fetch.Config{MaxBytes: m.MaxSize, Timeout: time.Duration(m.Timeout)})
	}
	resolve := resolver{offline: o.Offline, replacer: caddy.NewReplacer()}
	for _, key := range p.APIKeys {
		resolved, err := resolve.value(key)
		if err != nil {
			return config, within(err, "api_key")
		}
		if resolved != "" {
			config.Keys = append(config.Keys, resolved)
		}
		if !strings.Contains(key, "{") {
			ctx.Logger().Warn("an api_key is written out in the config, so it shows in `caddy adapt` and on the admin endpoint; use a placeholder such as {env.NAME}",
				zap.String("provider", o.Name))
		}
	}
	for name, values := range p.Headers {
		for _, value := range values {
			resolved, err := resolve.value(value)
			if err != nil {
				return config, within(err, "header %s", headerName(name))
			}
			config.Header.Add(name, resolved)
		}
	}
	var err error
	if config.BaseURL, err = resolve.value(p.BaseURL); err != nil {
		return config, within(err, "base_url")
	}
	if !o.Offline {
		if config.Transport, err = o.Transport(ctx, p.TransportRaw); err != nil {
			return config, within(err, "transport")
		}
	}
	return config, nil
}

// headerName returns a header's name for an error. What cannot be a name may be a secret that was
// written in the wrong place, and is not shown.
func headerName(name string) string {
	if !httpguts.ValidHeaderFieldName(name) {
		return "without a valid name"
	}
	return name
}

// resolver replaces placeholders when a config is loaded.
type resolver struct {
	replacer *caddy.Replacer
	offline  bool // what is not set is left out
}

// value returns s with its placeholders replaced. Its errors name placeholders of the
// environment and of files, and show nothing else of s, which may be a key with a brace in it.
func (r *resolver) value(s string) (string, error) {
	if !strings.ContainsAny(s, "{}") {
		return s, nil
	}
	resolved, err := r.replacer.ReplaceOrErr(s, true, true)
	if err == nil {
		return resolved, nil
	}
	if r.offline {
		return "", nil
	}
	for _, name := range placeholders(s) {
		if v, known := r.replacer.GetString(name); !known || v == "" {
			return "", fmt.Errorf("the placeholder {%s} has no value; set it before Caddy starts", name)
		}
	}
	return "", errors.New("it holds a placeholder that Caddy does not know; use {env.NAME} or {file./path}, and write \\{ for a brace of its own")
}

// placed is a word whose value is put into a config.
type placed struct {
	name, value string
	into        *string
}

// place puts words into a config, with their placeholders replaced.
func (r *resolver) place(words ...placed) (err error) {
	for _, word := range words {
		if *word.into, err = r.value(word.value); err != nil {
			return within(err, "%s", word.name)
		}
	}
	return nil
}

// placeholders returns the names of those placeholders in s that may be shown.
func placeholders(s string) []string {
	var names []string
	for {
		_, rest, ok := strings.Cut(s, "{")
		if !ok {
			return names
		}
		name, after, ok := strings.Cut(rest, "}")
		if !ok {
			return names
		}
		if strings.HasPrefix(name, "env.") || strings.HasPrefix(name, "file.") {
			names = append(names, name)
		}
		s = after
	}
}

// Interface guards.
var (
	_ caddy.Module   = (*VendorProvider)(nil)
	_ ProviderModule = (*VendorProvider)(nil)
)
