package caddymodule

import (
	"net/http"
	"unicode/utf8"

	"github.com/mulligan-gateway/mulligan/record/redact"
)

// capture keeps the beginning of a response's body while it is sent.
type capture struct {
	http.ResponseWriter
	kept  []byte
	limit int
	total int
}

// captureMore is how much more than the limit is kept, so that what straddles the limit can
// be seen whole by those who mask it.
const captureMore = 1 << 10

// captureResponse begins to keep what is sent, if the deployment says that bodies are kept.
// Exchanges whose bodies are not kept do not pay for it.
func (x *exchange) captureResponse() {
	if x.site.app.recording == nil {
		return
	}
	plan := x.site.app.planOf(x.account.Deployment)
	if plan.bodies == BodiesOff {
		return
	}
	x.capture = &capture{ResponseWriter: x.w, limit: plan.maxBody + captureMore}
	x.w = x.capture
}

// Write implements http.ResponseWriter.
func (c *capture) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.total += n
	if room := c.limit - len(c.kept); room > 0 {
		c.kept = append(c.kept, b[:min(n, room)]...)
	}
	return n, err
}

// Unwrap is for http.ResponseController.
func (c *capture) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// text returns what was kept, and whether there was more. Instead of what is no text it
// returns what it is.
func (c *capture) text() ([]byte, bool) {
	kept, whole := c.kept, len(c.kept) == c.total
	if !whole {
		kept = redact.WholeRunes(kept)
	}
	if !utf8.Valid(kept) {
		return redact.Binary(c.Header().Get("Content-Type"), c.total), false
	}
	return kept, !whole
}
