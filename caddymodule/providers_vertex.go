package caddymodule

import (
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/mulligan-gateway/mulligan/upstream/provider"
	"github.com/mulligan-gateway/mulligan/upstream/provider/vertex"
)

func init() {
	caddy.RegisterModule(new(VertexProvider))
}

// VertexProvider is an account at Google Cloud's Vertex AI. It signs in with the credentials of a
// file, with what Google's application default credentials are, or with an API key (api_keys).
type VertexProvider struct {
	VendorProvider

	// Project is the id of the project that is asked, such as my-project-123456. Default: the one
	// in the credentials' file.
	Project string `json:"project,omitempty"`

	// Location is the region that is asked, such as us-east5, a multi-region (us or eu), or
	// global. It is required.
	Location string `json:"location,omitempty"`

	// Credentials is the path of a file with the key of a service account, or with the
	// configuration of a workload identity; a placeholder may also hold what such a file holds.
	// It is read when the config is loaded, and when a token is needed. Default: Google's
	// application default credentials, which are what GOOGLE_APPLICATION_CREDENTIALS names, the
	// sign-in of gcloud, or the metadata server's.
	Credentials string `json:"credentials,omitempty"`
}

// CaddyModule returns the module's id.
func (*VertexProvider) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID: providerNamespace + "." + provider.KindVertex,
		New: func() caddy.Module {
			return &VertexProvider{VendorProvider: VendorProvider{kind: provider.KindVertex}}
		},
	}
}

// BuildProvider implements ProviderModule. It asks Google nothing.
func (p *VertexProvider) BuildProvider(ctx caddy.Context, o ProviderOptions) (*provider.Provider, error) {
	config, err := p.config(ctx, o)
	if err != nil {
		return nil, err
	}
	config.Google = new(vertex.Config)
	resolve := resolver{offline: o.Offline, replacer: caddy.NewReplacer()}
	credentials := p.Credentials
	if strings.HasPrefix(strings.TrimSpace(credentials), `{"`) || strings.HasPrefix(credentials, "{\n") {
		ctx.Logger().Warn("the credentials are written out in the config, so they show in `caddy adapt` and on the admin endpoint; give the path of a file, or a placeholder such as {env.NAME}",
			zap.String("provider", o.Name))
		config.Google.Credentials, credentials = credentials, ""
	}
	err = resolve.place(placed{"project", p.Project, &config.Google.Project}, placed{"location", p.Location, &config.Google.Location})
	if err == nil && credentials != "" {
		err = resolve.place(placed{"credentials", credentials, &config.Google.Credentials})
	}
	if err != nil {
		return nil, err
	}
	return provider.New(config)
}

// UnmarshalCaddyfile reads the provider's block: the words of every provider, and
//
//	vertex {
//		project ID
//		location LOCATION
//		credentials FILE
//	}
func (p *VertexProvider) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	for d.Next() {
		if err := blockOf(d, "a provider", vertexWords, p); err != nil {
			return err
		}
	}
	return nil
}

var vertexWords = wordsOf(vendorWords, func(p *VertexProvider) *VendorProvider { return &p.VendorProvider }).with(
	words[*VertexProvider]{
		"project":     oneWord("ID", func(p *VertexProvider) *string { return &p.Project }),
		"location":    oneWord("LOCATION", func(p *VertexProvider) *string { return &p.Location }),
		"credentials": oneWord("FILE", func(p *VertexProvider) *string { return &p.Credentials }),
	})

// Interface guards.
var (
	_ ProviderModule        = (*VertexProvider)(nil)
	_ caddyfile.Unmarshaler = (*VertexProvider)(nil)
)
