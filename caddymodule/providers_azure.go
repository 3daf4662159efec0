package caddymodule

import (
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/mulligan-gateway/mulligan/upstream/provider"
	"github.com/mulligan-gateway/mulligan/upstream/provider/azure"
)

func init() {
	caddy.RegisterModule(new(AzureProvider))
}

// AzureProvider is a resource of Azure OpenAI, or of Microsoft Foundry. It signs in with keys of
// the resource (api_keys), or by Entra ID. Its base_url, which is required, is that of the
// resource, such as https://my-resource.openai.azure.com.
type AzureProvider struct {
	VendorProvider

	// APIVersion is the version of the API, such as 2024-10-21: deployments are asked below
	// /openai/deployments then. Default: the API below /openai/v1, which has no such versions.
	APIVersion string `json:"api_version,omitempty"`

	// Deployments are the names of models' deployments in Azure, by the models' ids. Default: a
	// model's id is the name of its deployment.
	Deployments map[string]string `json:"deployments,omitempty"`

	// Entra says how Entra ID signs in. Default: keys do.
	Entra *Entra `json:"entra,omitempty"`
}

// Entra says how an account signs in by Entra ID: as an application (tenant, client_id and
// client_secret), or as a managed identity. With neither, it is what Azure's default chain finds:
// variables of the environment, workload identity, managed identity, or the sign-in of its
// command line.
type Entra struct {
	// Tenant is the directory's id or domain.
	Tenant string `json:"tenant,omitempty"`

	// ClientID is the application's id, or that of a managed identity which a user has made.
	ClientID string `json:"client_id,omitempty"`

	// ClientSecret is the application's secret. Write a placeholder, such as
	// {env.AZURE_CLIENT_SECRET}.
	ClientSecret string `json:"client_secret,omitempty"`

	// ManagedIdentity says that the identity of the machine signs in. Default: false.
	ManagedIdentity bool `json:"managed_identity,omitempty"`

	// Authority is where tokens are had. Clouds of governments have their own, such as
	// https://login.microsoftonline.us. Default: https://login.microsoftonline.com.
	Authority string `json:"authority,omitempty"`

	// Scope is what tokens are asked for. Default: https://cognitiveservices.azure.com/.default.
	Scope string `json:"scope,omitempty"`
}

// CaddyModule returns the module's id.
func (*AzureProvider) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID: providerNamespace + "." + provider.KindAzure,
		New: func() caddy.Module {
			return &AzureProvider{VendorProvider: VendorProvider{kind: provider.KindAzure}}
		},
	}
}

// BuildProvider implements ProviderModule. It asks Azure nothing.
func (p *AzureProvider) BuildProvider(ctx caddy.Context, o ProviderOptions) (*provider.Provider, error) {
	config, err := p.config(ctx, o)
	if err != nil {
		return nil, err
	}
	config.Azure = &azure.Config{Deployments: p.Deployments}
	resolve := resolver{offline: o.Offline, replacer: caddy.NewReplacer()}
	if err := resolve.place(placed{"api_version", p.APIVersion, &config.Azure.APIVersion}); err != nil {
		return nil, err
	}
	if p.Entra != nil {
		if config.Azure.Entra, err = p.Entra.config(&resolve); err != nil {
			return nil, within(err, "entra")
		}
		if s := p.Entra.ClientSecret; s != "" && len(placeholders(s)) == 0 {
			ctx.Logger().Warn("a client_secret is written out in the config, so it shows in `caddy adapt` and on the admin endpoint; use a placeholder such as {env.NAME}",
				zap.String("provider", o.Name))
		}
	}
	return provider.New(config)
}

// config returns what says how to sign in. What is not set may be left out when nobody is asked.
func (e *Entra) config(resolve *resolver) (*azure.Entra, error) {
	c := &azure.Entra{ManagedIdentity: e.ManagedIdentity}
	if resolve.offline {
		return nil, nil //nolint:nilnil // nothing signs in
	}
	err := resolve.place(
		placed{"tenant", e.Tenant, &c.Tenant},
		placed{"client_id", e.ClientID, &c.ClientID},
		placed{"client_secret", e.ClientSecret, &c.ClientSecret},
		placed{"authority", e.Authority, &c.Authority},
		placed{"scope", e.Scope, &c.Scope},
	)
	return c, err
}

// UnmarshalCaddyfile reads the provider's block: the words of every provider, and
//
//	azure {
//		api_version VERSION
//		deployment_of MODEL NAME
//		entra {
//			tenant TENANT
//			client_id ID
//			client_secret SECRET
//			managed_identity
//			authority URL
//			scope SCOPE
//		}
//	}
func (p *AzureProvider) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	for d.Next() {
		if err := blockOf(d, "a provider", azureWords, p); err != nil {
			return err
		}
	}
	return nil
}

var azureWords = wordsOf(vendorWords, func(p *AzureProvider) *VendorProvider { return &p.VendorProvider }).with(
	words[*AzureProvider]{
		"api_version": oneWord("VERSION", func(p *AzureProvider) *string { return &p.APIVersion }),
		"deployment_of": {args: "MODEL NAME", least: 2, most: 2, many: true, set: func(p *AzureProvider, l line) error {
			model, name := l.args[0], l.args[1]
			if before, twice := p.Deployments[model]; twice {
				return fmt.Errorf("the deployment of %q is already %q", model, before)
			}
			if p.Deployments == nil {
				p.Deployments = make(map[string]string)
			}
			p.Deployments[model] = name
			return nil
		}},
		"entra": {args: "{ … }", block: func(p *AzureProvider, _ line, d *caddyfile.Dispenser) error {
			p.Entra = new(Entra)
			return blockOf(d, "entra", entraWords, p.Entra)
		}},
	})

var entraWords = words[*Entra]{
	"tenant":        oneWord("TENANT", func(e *Entra) *string { return &e.Tenant }),
	"client_id":     oneWord("ID", func(e *Entra) *string { return &e.ClientID }),
	"client_secret": oneWord("SECRET", func(e *Entra) *string { return &e.ClientSecret }),
	"authority":     oneWord("URL", func(e *Entra) *string { return &e.Authority }),
	"scope":         oneWord("SCOPE", func(e *Entra) *string { return &e.Scope }),
	"managed_identity": {set: func(e *Entra, _ line) error {
		e.ManagedIdentity = true
		return nil
	}},
}

// Interface guards.
var (
	_ ProviderModule        = (*AzureProvider)(nil)
	_ caddyfile.Unmarshaler = (*AzureProvider)(nil)
)
