package caddymodule

import (
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/mulligan-gateway/mulligan/upstream/provider"
	"github.com/mulligan-gateway/mulligan/upstream/provider/bedrock"
)

func init() {
	caddy.RegisterModule(new(BedrockProvider))
}

// BedrockProvider is an account at Amazon Bedrock. It signs in with a Bedrock API key
// (api_keys), with static keys, or with what AWS's default credential chain finds.
type BedrockProvider struct {
	VendorProvider

	// Region is the region that is asked, such as us-east-1. It is required.
	Region string `json:"region,omitempty"`

	// AccessKeyID and SecretAccessKey are static keys of AWS. Write placeholders, such as
	// {env.AWS_SECRET_ACCESS_KEY}. Default: what AWS's credential chain finds.
	AccessKeyID     string `json:"access_key_id,omitempty"`
	SecretAccessKey string `json:"secret_access_key,omitempty"`

	// SessionToken goes with static keys that are temporary. Default: none.
	SessionToken string `json:"session_token,omitempty"`
}

// CaddyModule returns the module's id.
func (*BedrockProvider) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID: providerNamespace + "." + provider.KindBedrock,
		New: func() caddy.Module {
			return &BedrockProvider{VendorProvider: VendorProvider{kind: provider.KindBedrock}}
		},
	}
}

// BuildProvider implements ProviderModule. It asks AWS nothing.
func (p *BedrockProvider) BuildProvider(ctx caddy.Context, o ProviderOptions) (*provider.Provider, error) {
	config, err := p.config(ctx, o)
	if err != nil {
		return nil, err
	}
	config.AWS = new(bedrock.Config)
	resolve := resolver{offline: o.Offline, replacer: caddy.NewReplacer()}
	err = resolve.place(
		placed{"region", p.Region, &config.AWS.Region},
		placed{"access_key_id", p.AccessKeyID, &config.AWS.AccessKeyID},
		placed{"secret_access_key", p.SecretAccessKey, &config.AWS.SecretAccessKey},
		placed{"session_token", p.SessionToken, &config.AWS.SessionToken},
	)
	if err != nil {
		return nil, err
	}
	return provider.New(config)
}

// UnmarshalCaddyfile reads the provider's block: the words of every provider, and
//
//	bedrock {
//		region REGION
//		access_key_id ID
//		secret_access_key KEY
//		session_token TOKEN
//	}
func (p *BedrockProvider) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	for d.Next() {
		if err := blockOf(d, "a provider", bedrockWords, p); err != nil {
			return err
		}
	}
	return nil
}

var bedrockWords = wordsOf(vendorWords, func(p *BedrockProvider) *VendorProvider { return &p.VendorProvider }).with(
	words[*BedrockProvider]{
		"region":            oneWord("REGION", func(p *BedrockProvider) *string { return &p.Region }),
		"access_key_id":     oneWord("ID", func(p *BedrockProvider) *string { return &p.AccessKeyID }),
		"secret_access_key": oneWord("KEY", func(p *BedrockProvider) *string { return &p.SecretAccessKey }),
		"session_token":     oneWord("TOKEN", func(p *BedrockProvider) *string { return &p.SessionToken }),
	})

// Interface guards.
var (
	_ ProviderModule        = (*BedrockProvider)(nil)
	_ caddyfile.Unmarshaler = (*BedrockProvider)(nil)
)
