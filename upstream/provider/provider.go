// Package provider knows vendors: where their APIs are, how a request signs in, which
// endpoints they serve and what they do not understand. A Provider is an account at a
// vendor.
package provider

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/mulligan-gateway/mulligan/upstream/fetch"
	"github.com/mulligan-gateway/mulligan/upstream/provider/azure"
	"github.com/mulligan-gateway/mulligan/upstream/provider/bedrock"
	"github.com/mulligan-gateway/mulligan/upstream/provider/demo"
	"github.com/mulligan-gateway/mulligan/upstream/provider/vertex"
)

// Config is what an account needs. It shows its name alone when it is printed.
type Config struct {
	// Name is the provider's name in the config, Kind its row in the vendor table.
	Name, Kind string
	// BaseURL replaces the vendor's; openai_compatible needs it, and demo has none.
	BaseURL string
	// Keys are the account's keys, used in turn. Keys that are there twice count once.
	Keys []string
	// AWS says how requests to Bedrock sign in where there are no keys, and in which region
	// Bedrock is; Google says it of Vertex AI, and Azure of Azure OpenAI. Each is nil for every
	// other kind.
	AWS    *bedrock.Config
	Google *vertex.Config
	Azure  *azure.Config
	// Shared returns what has been built under a key before, or builds it. What signs in is kept
	// with it over reloads; nil builds it for this provider alone. The key shows nothing.
	Shared func(key string, build func() any) any
	// Header is added to every request, and wins over the headers that NewRequest makes.
	Header http.Header
	// MaxInFlight bounds the requests at the provider at a time; 0 is no bound.
	MaxInFlight int
	// Transport sends the requests; nil is NewTransport's.
	Transport http.RoundTripper
	// Fetcher gets media that clients name by address, where the vendor takes only bytes; nil
	// fetches none.
	Fetcher *fetch.Fetcher
	// Offline says that the provider will never be called, so that it needs no key.
	Offline bool
}

// Provider is an account at a vendor. It is immutable and safe for concurrent use. It shows
// its name alone when it is printed.
type Provider struct {
	vendor      Vendor
	name        string
	underneath  string   // what stands in every path behind the base URL
	families    []*asked // the one of all other models last
	keys        []string
	header      http.Header
	secrets     []string
	signer      signer // nil where a key signs in
	maxInFlight int
	transport   http.RoundTripper
	shares      bool // the transport leaves requests as they are, so that what they have in common is shared
	fetcher     *fetch.Fetcher
}

// New checks a config and returns the provider. Its errors say what to do and hold no key.
func New(c Config) (*Provider, error) {
	vendor, ok := LookupVendor(c.Kind)
	if !ok {
		return nil, fmt.Errorf("there is no kind of provider %q", c.Kind)
	}
	p := &Provider{
		vendor: vendor, name: c.Name, maxInFlight: c.MaxInFlight, transport: c.Transport, fetcher: c.Fetcher,
		header: make(http.Header),
	}
	switch {
	case c.Name == "" || strings.Contains(c.Name, "/"):
		return nil, fmt.Errorf("the provider's name %q must not be empty or hold a slash", c.Name)
	case c.Name == "deployment":
		return nil, errors.New("a provider cannot be called deployment: clients name deployments as deployment/KEY")
	case c.MaxInFlight < 0:
		return nil, errors.New("max_in_flight must not be negative")
	}
	if err := p.setCloud(&c); err != nil {
		return nil, err
	}
	if err := p.setURLs(c.BaseURL); err != nil {
		return nil, err
	}
	if err := p.setHeader(c.Header); err != nil {
		return nil, err
	}
	if err := p.setKeys(c); err != nil {
		return nil, err
	}
	p.setSecrets(c)
	switch {
	case vendor.Kind == KindDemo:
		p.transport = demo.New()
	case p.transport == nil:
		p.transport = NewTransport()
	}
	p.prepare()
	return p, nil
}

// Name returns the provider's name in the config.
func (p *Provider) Name() string { return p.name }

// Kind returns the provider's row in the vendor table.
func (p *Provider) Kind() string { return p.vendor.Kind }

// GenAIName returns the provider's gen_ai.provider.name.
func (p *Provider) GenAIName() string { return p.vendor.GenAIName() }

// Keys returns the account's keys, at least one; "" stands for requests without a key. The
// caller must not change the slice, nor show it to anybody.
func (p *Provider) Keys() []string { return p.keys }

// Secrets returns what a vendor may quote and nobody must see: the keys, what the config's own
// headers say, which may be how the account signs in, and the tokens of the moment. The longest
// come first.
func (p *Provider) Secrets() []string {
	if p.signer == nil {
		return p.secrets
	}
	return longestFirst(append(p.signer.Secrets(), p.secrets...))
}

// MaxInFlight returns the bound on requests at a time, 0 for none.
func (p *Provider) MaxInFlight() int { return p.maxInFlight }

// Drops returns the top-level request members that the vendor rejects or must not see.
func (p *Provider) Drops() []string { return p.vendor.Drops }

// ForcesUsage says whether a stream's usage can be asked for with stream_options.include_usage.
func (p *Provider) ForcesUsage() bool { return p.vendor.Usage }

// Fetcher returns what gets media that clients name by address, nil where nothing may.
func (p *Provider) Fetcher() *fetch.Fetcher { return p.fetcher }

// Transport returns what sends the provider's requests.
func (p *Provider) Transport() http.RoundTripper { return p.transport }
