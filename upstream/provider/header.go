package provider

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// typeJSON is the Content-Type of most requests.
const typeJSON = "application/json"

// prepare makes what requests have in common. A transport of net/http reads it only, as
// http.RoundTripper has it; other transports are known to rewrite requests.
func (p *Provider) prepare() {
	_, keeps := p.transport.(*http.Transport)
	p.shares = keeps && p.signer == nil
	for _, a := range p.families {
		for _, key := range p.keys {
			a.headers = append(a.headers, p.newHeader(a, key, false), p.newHeader(a, key, true))
		}
	}
}

// newHeader returns the header of requests with a JSON body.
func (p *Provider) newHeader(a *asked, key string, stream bool) http.Header {
	h := make(http.Header, 4+len(p.header))
	h.Set("Content-Type", typeJSON)
	h.Set("User-Agent", userAgent)
	switch {
	case !stream:
	case a.Streams != "":
		h.Set("Accept", a.Streams)
	default:
		h.Set("Accept", "text/event-stream")
	}
	switch {
	case key == "":
	case p.vendor.KeyHeader != "":
		h.Set(p.vendor.KeyHeader, key)
	default:
		h.Set("Authorization", "Bearer "+key)
	}
	maps.Copy(h, a.Header)
	maps.Copy(h, p.header)
	return h
}

// headerOf returns the header of a call's request with the key of that index.
func (p *Provider) headerOf(a *asked, c *Call, key int) http.Header {
	at := 2 * key
	if c.Stream {
		at++
	}
	h := a.headers[at]
	if p.shares && c.Payload.ContentType == typeJSON {
		return h
	}
	h = maps.Clone(h)
	switch c.Payload.ContentType {
	case typeJSON:
	case "":
		delete(h, "Content-Type")
	default:
		h["Content-Type"] = []string{c.Payload.ContentType}
	}
	return h
}

// replyHeaders are those of a vendor's headers that a client may see, beside the rate limits: the
// request's id at OpenAI, Anthropic and AWS among them, which their support asks for
// (sources: https://platform.openai.com/docs/api-reference/debugging-requests,
// https://platform.claude.com/docs/en/api/errors#request-id, and what aws-sdk-go-v2 reads).
var replyHeaders = []string{
	"Content-Disposition", "Content-Language", "Openai-Model", "Openai-Processing-Ms", "Openai-Version", "Request-Id", "X-Amzn-Requestid",
	"X-Request-Id",
}

const rateLimitPrefix = "X-Ratelimit-"

// ReplyHeader puts those of a reply's headers into another header that the client may see: the
// request's id at the vendor, its processing time and what is left of the rate limits. Cookies,
// names of organisations and the vendor's servers stay behind. So do Content-Type and
// Retry-After: they are about the answer that the client gets, which this reply need not be.
// The values are shared.
func ReplyHeader(into, reply http.Header) {
	for name, values := range reply {
		if strings.HasPrefix(name, rateLimitPrefix) || slices.Contains(replyHeaders, name) {
			into[name] = values
		}
	}
}
