package failure

import (
	"bytes"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// maxBody is how much of a body is looked at. Errors that are larger are pages or echoes of
// the request, and their envelope comes first.
const maxBody = 64 << 10

// maxDepth bounds how deep envelopes inside envelopes are followed: a gateway may quote a
// gateway that quotes a vendor.
const maxDepth = 4

// envelope is what an error's JSON says, as it is written there.
type envelope struct {
	status                    int // that the JSON names; Read puts the reply's own in its place
	code, typ, message, param string
	// reasons are deeper words for what went wrong: Azure's innererror.code, the reasons in
	// Google's and Anthropic's details.
	reasons []string
	// quoted are the code, the type and the reasons of an error that this one quotes.
	quoted []string
	// text is a body that is not JSON. It is good for recognising, not for showing.
	text string
	// hint is how long to wait, as the JSON writes it; "" when it does not say.
	hint string
}

// readBody reads the body of an error reply.
func readBody(body []byte) envelope {
	var e envelope
	if root, ok := parse(body); ok {
		e.root(root)
		return e
	}
	if body = trim(body); len(body) > 0 && body[0] != '<' {
		e.text = string(body[:min(len(body), maxText)])
	}
	return e
}

// parse returns the JSON object (or string) that a body is, or the first of the array that
// it is: Google sends [{"error":{…}}] where a stream was asked for.
func parse(body []byte) (gjson.Result, bool) {
	body = trim(body)
	if len(body) == 0 || body[0] != '{' && body[0] != '[' && body[0] != '"' {
		return gjson.Result{}, false
	}
	root := gjson.ParseBytes(body)
	if root.IsArray() {
		root = root.Get("0")
	}
	return root, root.IsObject() || root.Type == gjson.String
}

var byteOrderMark = []byte("\xef\xbb\xbf")

func trim(body []byte) []byte {
	body = body[:min(len(body), maxBody)]
	return bytes.TrimSpace(bytes.TrimPrefix(body, byteOrderMark))
}

var errorMarks = [][]byte{[]byte("error"), []byte(`failed`)}

// maybeError says whether bytes can be an error at all. The names are never written with
// escapes: no JSON writer escapes letters.
func maybeError(data []byte) bool {
	data = data[:min(len(data), maxBody)]
	for _, mark := range errorMarks {
		if bytes.Contains(data, mark) {
			return true
		}
	}
	return false
}

// saysError says whether the JSON of a 200 is an error. ReadEvent lists the ways.
func saysError(root gjson.Result) bool {
	if !root.IsObject() {
		return false
	}
	return isError(root.Get("error")) ||
		isEvent(root.Get("type").Str) ||
		root.Get("object").Str == "error" ||
		root.Get("object").Str == "response" && root.Get("status").Str == "failed" ||
		isError(root.Get("choices.0.error"))
}

// isError says whether the value of a member error is one, rather than a way to say none.
func isError(v gjson.Result) bool {
	switch v.Type {
	case gjson.True:
		return true
	case gjson.String:
		return v.Str != ""
	case gjson.Number:
		return v.Num >= http.StatusBadRequest
	case gjson.JSON:
		empty := true
		v.ForEach(func(_, _ gjson.Result) bool { empty = false; return false })
		return !empty
	}
	return false
}

// isEvent says whether an event's type means that something has failed. Nothing else that
// ends in .failed does: a web search may fail and the answer still come.
func isEvent(typ string) bool { return typ == "error" || typ == responseFailed }

// responseFailed is the event that ends a failed stream of OpenAI's Responses
// (source: https://platform.openai.com/docs/api-reference/responses-streaming).
const responseFailed = "response.failed"

// innerPlaces are where an error may be, apart from the object itself.
var innerPlaces = []string{
	"error",           // nearly all vendors
	"response.error",  // OpenAI's response.failed
	"choices.0.error", // OpenRouter, mid-stream
	"errors.0",        // GraphQL and Cloudflare style lists
}

// root reads a whole body or event.
func (e *envelope) root(root gjson.Result) {
	if root.Type == gjson.String { // xAI has answered with a bare string
		e.message = root.Str
		return
	}
	for _, place := range innerPlaces {
		if inner := root.Get(place); inner.IsObject() {
			e.object(inner, 0)
			break
		}
	}
	inner := e.message != "" || e.code != "" || e.typ != ""
	e.outer(root, inner)
}

// outer reads the members beside the error, and those of an error that has no object of its
// own: Mistral's and vLLM's {"object":"error","message":…}, xAI's {"code":…,"error":"…"},
// Cohere's and Bedrock's {"message":…}, FastAPI's {"detail":…}, Ollama's {"error":"…"}.
func (e *envelope) outer(root gjson.Result, inner bool) {
	typ := root.Get("type").Str
	if typ == responseFailed || root.Get("status").Str == "failed" {
		e.reasons = append(e.reasons, responseFailed)
	}
	if !inner && !isEvent(typ) {
		e.typ = typ
	}
	e.words(root)
	e.numbers(root)
	fill(&e.message, e.textOf(root, 0))
	e.unquote(0)
	if wait := root.Get("estimated_time"); wait.Type == gjson.Number { // Hugging Face, while a model loads
		fill(&e.hint, wait.Raw)
	}
}

// object reads an error object.
func (e *envelope) object(r gjson.Result, depth int) {
	if depth > maxDepth {
		return
	}
	if typ := r.Get("type").Str; typ != "error" { // Fireworks says no more than that
		fill(&e.typ, typ)
	}
	if status := r.Get("status"); status.Type == gjson.String { // Google: RESOURCE_EXHAUSTED
		fill(&e.typ, status.Str)
	}
	e.words(r)
	e.numbers(r)
	e.details(r)
	if inner := r.Get("error"); inner.IsObject() {
		e.object(inner, depth+1)
	}
	fill(&e.message, e.textOf(r, depth))
	e.metadata(r.Get("metadata"), depth+1)
}

// words reads the code and the other names of what went wrong.
func (e *envelope) words(r gjson.Result) {
	fill(&e.code, scalar(r.Get("code")))
	fill(&e.typ, r.Get("error_type").Str) // Cohere, Hugging Face TGI
	fill(&e.typ, exceptionName(r.Get("__type").Str))
	fill(&e.param, r.Get("param").Str)
}

// statusNames are the members that repeat the HTTP status: status in problem details,
// status_code at Groq, http_status_code at Hugging Face, raw_status_code at Mistral,
// originalStatusCode in Bedrock's modelStreamErrorException.
var statusNames = []string{"code", "status", "status_code", "http_status_code", "raw_status_code", "originalStatusCode"}

// numbers reads which HTTP status the error names.
func (e *envelope) numbers(r gjson.Result) {
	for _, name := range statusNames {
		if e.status != 0 {
			return
		}
		n, err := strconv.Atoi(scalar(r.Get(name)))
		if err == nil && n >= http.StatusBadRequest && n < 600 {
			e.status = n
		}
	}
}

// details reads the deeper reasons.
func (e *envelope) details(r gjson.Result) {
	e.reason(r.Get("innererror.code").Str)        // Azure: ResponsibleAIPolicyViolation
	e.reason(r.Get("details.error_code").Str)     // Anthropic: enforced_spend_limit_reached
	if list := r.Get("details"); list.IsArray() { // google.rpc.ErrorInfo, RetryInfo
		each(list, func(d gjson.Result) {
			e.reason(d.Get("reason").Str)
			fill(&e.hint, d.Get("retryDelay").Str)
		})
	}
}

// maxItems bounds how many items of a list are looked at.
const maxItems = 16

func each(list gjson.Result, visit func(gjson.Result)) {
	n := 0
	list.ForEach(func(_, item gjson.Result) bool {
		visit(item)
		n++
		return n < maxItems
	})
}

// messageNames are the members that a message may be in, the most telling first.
var messageNames = []string{"message", "Message", "detail", "msg", "error", "title", "error_description"}

// textOf returns the message of an object.
func (e *envelope) textOf(r gjson.Result, depth int) string {
	if depth > maxDepth {
		return ""
	}
	for _, name := range messageNames {
		v := r.Get(name)
		switch {
		case v.Type == gjson.String && v.Str != "":
			return v.Str
		case v.IsObject():
			if s := e.textOf(v, depth+1); s != "" {
				return s
			}
		case v.IsArray():
			if s := e.problems(v); s != "" {
				return s
			}
		}
	}
	return ""
}

// problems reads FastAPI's list of what is wrong with a request,
// [{"loc":["body","messages",0,"role"],"msg":"Field required","type":"missing"}], as Mistral
// and vLLM send it (source: https://fastapi.tiangolo.com/tutorial/handling-errors/).
func (e *envelope) problems(list gjson.Result) string {
	var b strings.Builder
	each(list, func(p gjson.Result) {
		text := p.Get("msg").Str
		if p.Type == gjson.String {
			text = p.Str
		}
		if text == "" || b.Len() > maxMessage {
			return
		}
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		if loc := location(p.Get("loc")); loc != "" {
			fill(&e.param, loc)
			b.WriteString(loc + ": ")
		}
		fill(&e.code, p.Get("type").Str)
		b.WriteString(text)
	})
	return b.String()
}

// location joins the path to a member of the request: messages.0.role.
func location(loc gjson.Result) string {
	if !loc.IsArray() {
		return ""
	}
	var parts []string
	each(loc, func(part gjson.Result) {
		if len(parts) > 0 || part.Str != "body" {
			parts = append(parts, part.String())
		}
	})
	return strings.Join(parts, ".")
}

// amazon takes the name of an AWS error from its header, X-Amzn-Errortype: Name:http://…
// (source: https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization).
func (e *envelope) amazon(h http.Header) {
	if e.typ == "" {
		e.typ = exceptionName(h.Get("X-Amzn-Errortype"))
	}
}

// exceptionName strips an AWS error's namespace and URI.
func exceptionName(s string) string {
	s, _, _ = strings.Cut(s, ":")
	return s[strings.LastIndexByte(s, '#')+1:]
}

func (e *envelope) reason(s string) {
	if s != "" {
		e.reasons = append(e.reasons, s)
	}
}

// fill sets what is not set yet.
func fill(at *string, s string) {
	if *at == "" {
		*at = s
	}
}

// scalar returns a string as it is, a whole number as its digits, and "" for anything else.
func scalar(v gjson.Result) string {
	switch v.Type {
	case gjson.String:
		return v.Str
	case gjson.Number:
		if v.Num == math.Trunc(v.Num) && math.Abs(v.Num) < 1<<53 {
			return strconv.FormatInt(int64(v.Num), 10)
		}
		return v.Raw
	}
	return ""
}
