package caddymodule

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/mulligan-gateway/mulligan/upstream/provider"
)

func init() {
	caddy.RegisterModule(new(AnthropicProvider))
}

const kindAnthropic = "anthropic"

// AnthropicProvider is an account at Anthropic.
type AnthropicProvider struct {
	VendorProvider

	// Version is the version of Anthropic's API that requests are for, the value of their
	// header anthropic-version. Default: 2023-06-01.
	Version string `json:"version,omitempty"`
}

// CaddyModule returns the module's id.
func (*AnthropicProvider) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID: providerNamespace + "." + kindAnthropic,
		New: func() caddy.Module {
			return &AnthropicProvider{VendorProvider: VendorProvider{kind: kindAnthropic}}
		},
	}
}

// BuildProvider implements ProviderModule.
func (p *AnthropicProvider) BuildProvider(ctx caddy.Context, o ProviderOptions) (*provider.Provider, error) {
	vendor := p.VendorProvider
	if p.Version != "" {
		vendor.Headers = vendor.Headers.Clone()
		if vendor.Headers == nil {
			vendor.Headers = make(http.Header)
		}
		vendor.Headers.Set(provider.HeaderAnthropicVersion, p.Version)
	}
	return vendor.BuildProvider(ctx, o)
}

// UnmarshalCaddyfile reads the provider's block: the words of every provider, and
//
//	anthropic {
//		version DATE
//	}
func (p *AnthropicProvider) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	for d.Next() {
		if err := blockOf(d, "a provider", anthropicWords, p); err != nil {
			return err
		}
	}
	return nil
}

var anthropicWords = wordsOf(vendorWords, func(p *AnthropicProvider) *VendorProvider { return &p.VendorProvider }).with(
	words[*AnthropicProvider]{
		"version": {args: "DATE", least: 1, most: 1, set: func(p *AnthropicProvider, l line) error {
			p.Version = l.args[0]
			return nil
		}},
	})

// Interface guards.
var (
	_ ProviderModule        = (*AnthropicProvider)(nil)
	_ caddyfile.Unmarshaler = (*AnthropicProvider)(nil)
)
