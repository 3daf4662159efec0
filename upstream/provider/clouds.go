package provider

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/provider/azure"
	"github.com/mulligan-gateway/mulligan/upstream/provider/bedrock"
	"github.com/mulligan-gateway/mulligan/upstream/provider/vertex"
)

// signer puts into requests what an account signs in with where that is no key: signatures, and
// tokens that run out. It is safe for concurrent use, and what it has got is used by all requests.
type signer interface {
	// Sign signs a request whose body is the payload, each time anew. The request's context bounds
	// the wait for what it is signed with.
	Sign(r *http.Request, p llm.Payload) error
	// Forget notes that the vendor has refused what the request was signed with, and says whether
	// there may be something else to sign with.
	Forget(r *http.Request) bool
	// Secrets returns what the account signs in with at the moment and nobody must see.
	Secrets() []string
}

// SignInError is returned for a request that cannot be signed: what the account signs in with
// cannot be had. A *signin.RefusedError in it says that it is no use to try again.
type SignInError struct{ err error }

// Error says why.
func (e *SignInError) Error() string { return "sign in: " + e.err.Error() }

// Unwrap returns the cause.
func (e *SignInError) Unwrap() error { return e.err }

// SignsAnew says whether a request that the vendor has refused to let in may be let in when it is
// made once more, because it is signed with something else then.
func (p *Provider) SignsAnew(refused *http.Request) bool {
	return p.signer != nil && p.signer.Forget(refused)
}

// setCloud prepares what only clouds have: where an account is, and what signs in. It sets the
// base URL where the config has none.
func (p *Provider) setCloud(c *Config) error {
	switch p.vendor.Kind {
	case KindBedrock:
		return p.setBedrock(c)
	case KindVertex:
		return p.setVertex(c)
	case KindAzure:
		return p.setAzure(c)
	default:
		return nil
	}
}

// shared returns what signs in for a config, the same for the same config. What of it may change
// while the config stays, such as the content of a file, belongs into it.
func (c *Config) shared(config any, build func() any) any {
	if c.Shared == nil {
		return build()
	}
	written, err := json.Marshal(config)
	if err != nil {
		return build() // it is made of strings, which cannot fail
	}
	sum := sha256.Sum256(append([]byte(c.Kind+" "), written...))
	return c.Shared(hex.EncodeToString(sum[:]), build)
}

// setBedrock prepares to sign requests to Bedrock, unless keys sign in.
func (p *Provider) setBedrock(c *Config) error {
	if c.AWS == nil || c.AWS.Region == "" {
		return errors.New("a provider of kind bedrock needs a region, such as us-east-1")
	}
	base, err := bedrock.Base(c.AWS.Region)
	if err != nil {
		return err
	}
	if c.BaseURL == "" {
		c.BaseURL = base
	}
	if len(c.Keys) > 0 {
		if c.AWS.AccessKeyID != "" || c.AWS.SecretAccessKey != "" || c.AWS.SessionToken != "" {
			return errors.New("api_key and static keys of AWS (access_key_id, secret_access_key, session_token) exclude each other; leave one of them out")
		}
		return nil
	}
	s, err := bedrock.New(*c.AWS)
	if err != nil {
		return err
	}
	p.signer = s
	return nil
}

// setVertex prepares to sign in at Vertex AI, unless keys do.
func (p *Provider) setVertex(c *Config) error {
	var g vertex.Config
	if c.Google != nil {
		g = *c.Google
	}
	if len(c.Keys) > 0 {
		if g.Credentials != "" {
			return errors.New("api_key and credentials exclude each other; leave one of them out")
		}
	} else if !c.Offline {
		if err := g.Read(); err != nil {
			return err
		}
	}
	base, path, err := g.Place(len(c.Keys) > 0, c.Offline)
	if err != nil {
		return err
	}
	if c.BaseURL == "" {
		c.BaseURL = base
	}
	p.underneath = path
	if len(c.Keys) > 0 || c.Offline {
		return nil
	}
	build := func() any { return vertex.New(g) }
	if g.Credentials == "" {
		p.signer = vertex.New(g) // what Google's defaults are may change at a reload
	} else {
		p.signer = c.shared(g.Key(), build).(signer)
	}
	return nil
}

// setAzure prepares the paths of an Azure account, and to sign in by Entra ID, unless keys do.
func (p *Provider) setAzure(c *Config) error {
	var a azure.Config
	if c.Azure != nil {
		a = *c.Azure
	}
	if c.BaseURL == "" {
		return errors.New("a provider of kind azure needs a base_url, such as https://RESOURCE.openai.azure.com")
	}
	c.BaseURL = azure.Root(c.BaseURL)
	if err := a.Check(); err != nil {
		return err
	}
	p.setAzurePaths(a)
	switch {
	case a.Entra == nil:
		return nil
	case len(c.Keys) > 0:
		return errors.New("api_key and entra exclude each other; leave one of them out")
	}
	if err := a.Entra.Check(); err != nil {
		return err
	}
	if c.Offline {
		return nil
	}
	p.signer = c.shared(a.Entra.Key(), func() any { return azure.New(*a.Entra) }).(signer)
	return nil
}

// setAzurePaths makes the account's row of the vendor table: which endpoints there are, and
// where, is in its config.
func (p *Provider) setAzurePaths(a azure.Config) {
	v := &p.vendor
	v.Endpoints = a.Endpoints()
	v.Wire = a.Deployment
	v.ModelPaths = make(map[llm.Endpoint]ModelPath, len(v.Endpoints))
	for _, e := range v.Endpoints {
		v.ModelPaths[e] = a.Path(e)
	}
	if !a.HasStreamOptions() {
		v.Usage = false
		v.Drops = append(slices.Clone(v.Drops), "stream_options")
	}
	claude := v.Families[0]
	claude.Wire = a.Deployment
	v.Families = []Family{claude}
}
