package provider

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/mulligan-gateway/mulligan/llm"
)

// setURLs makes the URL of every endpoint from the base. Slashes at its end do not matter.
func (p *Provider) setURLs(base string) error {
	switch {
	case base != "" && p.vendor.Kind == KindDemo:
		return errors.New("a provider of kind demo has no base_url: it answers by itself")
	case base == "":
		base = p.vendor.BaseURL
	}
	if base == "" {
		return fmt.Errorf("a provider of kind %s needs a base_url, such as http://127.0.0.1:11434/v1", p.vendor.Kind)
	}
	u, err := url.Parse(base)
	if err != nil {
		return errors.New("the base_url cannot be read as a URL") // the cause would repeat a password in it
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("the base_url must begin with http:// or https://")
	case u.Hostname() == "":
		return errors.New("the base_url names no host")
	case u.User != nil:
		return errors.New("the base_url must not hold a user or password; use api_key or header")
	case strings.ContainsAny(base, "?#"):
		return errors.New("the base_url must end with its path, without ? or #")
	case strings.HasSuffix(strings.TrimRight(u.Path, "/"), llm.Chat.Path()):
		return fmt.Errorf("the base_url must end before %s", llm.Chat.Path())
	}
	if u.Path == "" {
		u.Path = "/" // or JoinPath would leave the slash between host and path out
	}
	u = u.JoinPath(p.underneath)
	for _, f := range append(slices.Clone(p.vendor.Families), p.vendor.family()) {
		p.families = append(p.families, newAsked(f, u))
	}
	return nil
}

// setKeys is called after setHeader, since a header may be what signs in.
func (p *Provider) setKeys(c Config) error {
	for _, key := range c.Keys {
		if key == "" || strings.ContainsAny(key, " \t\r\n") || !httpguts.ValidHeaderFieldValue(key) {
			return fmt.Errorf("an api_key of provider %s is empty or holds white space or control characters", p.name)
		}
		if !slices.Contains(p.keys, key) {
			p.keys = append(p.keys, key)
		}
	}
	if len(p.keys) > 0 {
		return nil
	}
	if p.vendor.KeyEnv != "" && p.signer == nil && p.header[p.vendor.keyHeader()] == nil && !c.Offline {
		or := ""
		if p.vendor.Kind == KindAzure {
			or = ", or let Entra ID sign in with entra"
		}
		return fmt.Errorf("provider %s has no api_key; write api_key {env.%s} and set that variable%s", p.name, p.vendor.KeyEnv, or)
	}
	p.keys = []string{""} // requests go without one
	return nil
}

// ownHeaders are made by Mulligan or by the transport, or belong to one connection
// (RFC 9110, section 7.6.1), so that they are not the config's to set. A reply must not be
// compressed, because its events are read as they arrive.
var ownHeaders = []string{
	"Accept-Encoding", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Expect", "Host", "Keep-Alive",
	"Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// setHeader checks the config's headers. Its errors show a name only where it is one: what
// cannot be a name may be a key that was written in the wrong place.
func (p *Provider) setHeader(h http.Header) error {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			return errors.New("the name of a header must not be empty or hold white space, a colon or other separators")
		case slices.Contains(ownHeaders, canonical):
			return fmt.Errorf("header %s cannot be set: Mulligan sets it itself", canonical)
		}
		for _, v := range h[name] {
			if !httpguts.ValidHeaderFieldValue(v) {
				return fmt.Errorf("the value of header %s holds characters that a header cannot hold", canonical)
			}
			p.header[canonical] = append(p.header[canonical], v)
		}
	}
	for name, values := range p.vendor.Header {
		if p.header[name] == nil {
			p.header[name] = values
		}
	}
	for name, values := range p.header {
		p.header[name] = slices.Clip(values) // so that nobody who adds to a request adds to all
	}
	return nil
}

// setSecrets is called after setKeys.
func (p *Provider) setSecrets(c Config) {
	p.secrets = slices.Clone(p.keys)
	for _, values := range c.Header {
		for _, v := range values {
			p.secrets = append(p.secrets, v, strings.TrimPrefix(v, "Bearer "))
		}
	}
	if c.AWS != nil {
		p.secrets = append(p.secrets, c.AWS.AccessKeyID, c.AWS.SecretAccessKey, c.AWS.SessionToken)
	}
	if c.Azure != nil && c.Azure.Entra != nil {
		p.secrets = append(p.secrets, c.Azure.Entra.ClientSecret)
	}
	p.secrets = longestFirst(p.secrets)
}

// longestFirst sorts secrets so that none is hidden in part by another, and leaves "" out.
func longestFirst(secrets []string) []string {
	slices.SortFunc(secrets, func(a, b string) int {
		if n := len(b) - len(a); n != 0 {
			return n
		}
		return strings.Compare(a, b)
	})
	return slices.DeleteFunc(slices.Compact(secrets), func(s string) bool { return s == "" })
}
