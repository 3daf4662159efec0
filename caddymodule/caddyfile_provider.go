package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"golang.org/x/net/http/httpguts"
)

const (
	providerNamespace  = "llm_gateway.providers"
	transportNamespace = "http.reverse_proxy.transport"
)

// provider parses provider NAME [KIND] { … }. The block belongs to the guest module.
func (a *App) provider(d *caddyfile.Dispenser) error {
	at := here(d)
	segment := d.NextSegment()
	head := caddyfile.NewDispenser(segment)
	head.Next()
	names := head.RemainingArgs()
	if len(names) < 1 || len(names) > 2 {
		return errors.New("provider: write provider NAME [KIND] { … }")
	}
	name, kind := names[0], names[len(names)-1]
	if before, twice := a.Positions[providerPosition(name)]; twice {
		return fmt.Errorf("provider %q is already defined at %s", name, before)
	}
	a.mark(providerPosition(name), at)
	guest, err := newProviderModule(kind)
	if err != nil {
		return within(err, "provider %q", name)
	}
	reader, ok := guest.(caddyfile.Unmarshaler)
	if !ok {
		return within(fmt.Errorf("the kind %s cannot be written in a Caddyfile; write it in JSON", kind), "provider %q", name)
	}
	if err := reader.UnmarshalCaddyfile(caddyfile.NewDispenser(segment[len(names):])); err != nil {
		return within(err, "provider %q", name)
	}
	if a.Providers == nil {
		a.Providers = make(map[string]json.RawMessage)
	}
	a.Providers[name] = caddyconfig.JSONModuleObject(guest, "kind", kind, nil)
	return nil
}

// newProviderModule returns an empty guest module of a kind.
func newProviderModule(kind string) (caddy.Module, error) {
	info, err := caddy.GetModule(providerNamespace + "." + kind)
	if err == nil {
		return info.New(), nil
	}
	var known []string
	for _, m := range caddy.GetModules(providerNamespace) {
		known = append(known, m.ID.Name())
	}
	return nil, fmt.Errorf("there is no kind of provider %q%s; for another server that speaks OpenAI's API write provider NAME openai_compatible with its base_url",
		kind, didYouMean(kind, known))
}

// UnmarshalCaddyfile reads the provider's block:
//
//	KIND {
//		api_key KEY
//		base_url URL
//		header NAME VALUE
//		max_in_flight COUNT
//		fetch_media on|off [SIZE [TIMEOUT]]
//		transport MODULE { … }
//	}
func (p *VendorProvider) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	for d.Next() {
		if err := blockOf(d, "a provider", vendorWords, p); err != nil {
			return err
		}
	}
	return nil
}

var vendorWords = words[*VendorProvider]{
	"api_key": {args: "KEY", least: 1, most: 1, many: true, set: func(p *VendorProvider, l line) error {
		if l.args[0] == "" {
			return errors.New("the key is empty; write a placeholder such as {env.OPENAI_API_KEY}")
		}
		p.APIKeys = append(p.APIKeys, l.args[0])
		return nil
	}},
	"base_url": {args: "URL", least: 1, most: 1, set: func(p *VendorProvider, l line) error {
		p.BaseURL = l.args[0]
		return nil
	}},
	"header": {args: "NAME VALUE", least: 2, most: 2, many: true, set: func(p *VendorProvider, l line) error {
		if !httpguts.ValidHeaderFieldName(l.args[0]) {
			return errors.New("the first word is not the name of a header")
		}
		if p.Headers == nil {
			p.Headers = make(http.Header)
		}
		p.Headers.Add(l.args[0], l.args[1])
		return nil
	}},
	"fetch_media": {args: "on|off [SIZE [TIMEOUT]]", least: 1, most: 3, set: func(p *VendorProvider, l line) error {
		on, err := onOff(l.args[0])
		if err != nil || !on {
			return err
		}
		p.FetchMedia = new(FetchMedia)
		if len(l.args) > 1 {
			if p.FetchMedia.MaxSize, err = parseSize(l.args[1]); err != nil {
				return err
			}
		}
		if len(l.args) > 2 {
			p.FetchMedia.Timeout, err = parseDuration(l.args[2])
			if err == nil && p.FetchMedia.Timeout == 0 {
				err = errors.New("what is fetched needs a bound; write a duration such as 10s")
			}
		}
		return err
	}},
	"max_in_flight": {args: "COUNT", least: 1, most: 1, set: func(p *VendorProvider, l line) error {
		n, err := parseCount(l.args[0])
		if err == nil && n == 0 {
			return errors.New("0 would let no request through; leave the word out for no limit")
		}
		p.MaxInFlight = n
		return err
	}},
	"transport": {args: "MODULE { … }", parse: (*VendorProvider).transport},
}

// transport parses transport MODULE { … } with that module's own parser.
func (p *VendorProvider) transport(d *caddyfile.Dispenser) error {
	if !d.NextArg() {
		return errors.New("transport: write transport MODULE { … }, such as transport http { … }")
	}
	name := d.Val()
	id := transportNamespace + "." + name
	if _, err := caddy.GetModule(id); err != nil {
		var known []string
		for _, m := range caddy.GetModules(transportNamespace) {
			known = append(known, strings.TrimPrefix(string(m.ID), transportNamespace+"."))
		}
		return fmt.Errorf("transport: there is no module %q%s; this Caddy has %s", name, didYouMean(name, known), list(known))
	}
	module, err := caddyfile.UnmarshalModule(d, id)
	if err != nil {
		return within(err, "transport %s", name)
	}
	if _, ok := module.(http.RoundTripper); !ok {
		return fmt.Errorf("transport: the module %s sends no requests", name)
	}
	p.TransportRaw = caddyconfig.JSONModuleObject(module, "protocol", name, nil)
	return nil
}

// Interface guard.
var _ caddyfile.Unmarshaler = (*VendorProvider)(nil)
