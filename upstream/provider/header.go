package provider

import (
	"net/http"
	"slices"
	"strings"
)

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
