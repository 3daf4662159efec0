package rules

import (
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// credentialHeaders are the headers that carry credentials, in lower case. Rules never see
// them, nor those whose names are a word of credentialWords or end in one after a hyphen, nor
// those that the config names.
var credentialHeaders = []string{
	"authorization", "proxy-authorization", "cookie", "set-cookie", "dpop",
	"x-goog-api-key", "ocp-apim-subscription-key", "x-functions-key", "x-amzn-oidc-data", "x-amzn-oidc-accesstoken",
}

var credentialWords = []string{
	"token", "secret", "password", "passwd", "api-key", "apikey", "access-key", "secret-key", "auth-key", "master-key",
	"authorization", "credential", "credentials", "cookie", "jwt", "assertion", "signature",
}

// isCredential says whether a header name carries a credential, whatever its case.
func isCredential(name string, configured []string) bool {
	same := func(other string) bool { return strings.EqualFold(name, other) }
	if slices.ContainsFunc(credentialHeaders, same) || slices.ContainsFunc(configured, same) {
		return true
	}
	return slices.ContainsFunc(credentialWords, func(word string) bool {
		before := len(name) - len(word)
		return before >= 0 && strings.EqualFold(name[before:], word) && (before == 0 || name[before-1] == '-')
	})
}

// headerMap is the request's headers as a CEL map(string, string) with names in lower
// case. No map is built for a rule that looks at one header.
type headerMap struct {
	lazyMap
	facts *Facts
}

// lookup returns the value of one header. A name that is not in lower case is not there.
func (h *headerMap) lookup(name string) ref.Val {
	for have, values := range h.facts.Request.Header {
		if len(values) > 0 && equalLower(have, name) && !isCredential(have, h.facts.credentials()) {
			return types.String(joinValues(values))
		}
	}
	return nil
}

// members reads the headers in the order of their names.
func (h *headerMap) members(yield func(name string, v ref.Val)) bool {
	for _, name := range slices.Sorted(maps.Keys(h.facts.Request.Header)) {
		values := h.facts.Request.Header[name]
		if len(values) > 0 && !isCredential(name, h.facts.credentials()) {
			yield(strings.ToLower(name), types.String(joinValues(values)))
		}
	}
	return true
}

// joinValues combines the values of a header that was sent more than once (RFC 9110,
// section 5.2).
func joinValues(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	return strings.Join(values, ", ")
}

// equalLower says whether lower is have in lower case. Header names are ASCII.
func equalLower(have, lower string) bool {
	if len(have) != len(lower) {
		return false
	}
	for i := range len(have) {
		c := have[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
