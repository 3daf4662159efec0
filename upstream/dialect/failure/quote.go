package failure

import (
	"strings"

	"github.com/tidwall/gjson"
)

// metadata reads what OpenRouter says of the provider that it asked: that one's error as it
// came, the headers of its own limits, and what moderation has flagged
// (source: https://openrouter.ai/docs/api/reference/errors-and-debugging).
func (e *envelope) metadata(m gjson.Result, depth int) {
	if !m.IsObject() {
		return
	}
	if m.Get("flagged_input").Exists() {
		e.reason("flagged_input")
	}
	fill(&e.hint, scalar(m.Get("headers.Retry-After")))
	fill(&e.hint, scalar(m.Get("headers.X-RateLimit-Reset")))
	raw := m.Get("raw")
	if raw.IsObject() {
		e.quote(raw, depth)
	} else if quoted, ok := parseQuoted(raw.Str); ok {
		e.quote(quoted, depth)
	} else if raw.Str != "" && strings.HasPrefix(e.message, "Provider returned error") {
		e.message = raw.Str
	}
}

// quote reads an error that another error quotes. Its message is the better one; its code
// and type say more about what went wrong, but are not those of the provider we asked.
func (e *envelope) quote(r gjson.Result, depth int) {
	if depth > maxDepth {
		return
	}
	q := envelope{status: e.status}
	if inner := r.Get("error"); inner.IsObject() {
		q.object(inner, depth)
	}
	q.words(r)
	fill(&q.message, q.textOf(r, depth))
	q.unquote(depth)
	if q.message != "" {
		e.message = q.message
	}
	e.quoted = append(append(e.quoted, q.code, q.typ), append(q.reasons, q.quoted...)...)
	fill(&e.param, q.param)
	fill(&e.hint, q.hint)
}

// unquote reads the error that the message is, if it is one.
func (e *envelope) unquote(depth int) {
	if quoted, ok := parseQuoted(e.message); ok {
		e.quote(quoted, depth+1)
	}
}

// parseQuoted returns the JSON object that a text is, if it is one from end to end: a message
// may also begin with a piece of the request that it complains about.
func parseQuoted(text string) (gjson.Result, bool) {
	if text == "" || text[0] != '{' && text[0] != '[' || !gjson.Valid(text) {
		return gjson.Result{}, false
	}
	root := gjson.Parse(text)
	if root.IsArray() {
		root = root.Get("0")
	}
	return root, root.IsObject()
}
