package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/mulligan-gateway/mulligan/llm"
)

// Headers of Mulligan's own. They have hyphens only, because Caddy drops request headers
// whose names hold underscores or dots.
const (
	headerContext  = "X-Deployment-Context"
	headerInputs   = "X-Deployment-Inputs"
	headerMetadata = "X-Deployment-Metadata"
	headerTraceID  = "X-Deployment-Trace-Id"
	headerVariant  = "X-Deployment-Variant"
	headerModel    = "X-Deployment-Model"
	headerAttempts = "X-Deployment-Attempts"
	// headerEstimated is there, and true, on an answer that is an estimate of Mulligan's.
	headerEstimated = "X-Deployment-Estimated"
)

// maxHeaderObject is the longest JSON object that a header may hold, in bytes.
const maxHeaderObject = 8 << 10

// ingress reads the body, at most maxBody bytes of it, and what Mulligan wants to know of
// the request.
func (x *exchange) ingress() error {
	var err error
	x.body, err = readBody(x.r, x.site.maxBody)
	x.account.ClientTime += time.Since(x.account.Start) // nothing else has taken time yet
	if err != nil {
		return err
	}
	if err := readRequest(&x.request, x.r, x.body.bytes); err != nil {
		return err
	}
	x.request.Client = clientOf(x.r)
	x.account.ClientID = x.request.Client.ID
	x.account.Requested, x.account.Stream = x.request.Model, x.request.Stream
	return nil
}

// readBody returns the request's body. A body that announces its length is read into a buffer
// of that length, which is used again when the body is released.
func readBody(r *http.Request, limit int64) (*body, error) {
	if r.ContentLength > limit {
		return nil, bodyTooLarge(limit)
	}
	if enc := r.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return nil, llm.NewError(llm.CodeInvalidJSON,
			fmt.Sprintf("The body has Content-Encoding %q. Send it without compression.", enc))
	}
	var b *body
	var err error
	switch {
	case r.ContentLength < 0:
		b = heldBody()
		b.bytes, err = io.ReadAll(io.LimitReader(r.Body, limit+1))
	case r.ContentLength <= maxPooledBody:
		b = newBody(int(r.ContentLength))
		_, err = io.ReadFull(r.Body, b.bytes)
	default:
		b = heldBody()
		b.bytes, err = readLong(r.Body, r.ContentLength)
	}
	if err != nil {
		return nil, unreadable(err)
	}
	if int64(len(b.bytes)) > limit {
		return nil, bodyTooLarge(limit)
	}
	return b, nil
}

// unreadable says what it means that a body could not be read to its end.
func unreadable(err error) *llm.Error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return bodyTooLarge(tooLarge.Limit) // the site's own request_body limit
	}
	return llm.NewError(llm.CodeInvalidJSON,
		"The body ended before its announced length, or its connection broke. Send it again.").WithCause(err)
}

// readLong reads a body that announces a length for which no buffer is kept. It takes memory as
// the bytes arrive, twice as much each time: whoever announces much and sends nothing gets
// little. The last time it takes no more than was announced.
func readLong(r io.Reader, length int64) ([]byte, error) {
	b := make([]byte, 0, maxPooledBody)
	for {
		n, err := io.ReadFull(r, b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil || int64(len(b)) == length {
			return b, err
		}
		more := make([]byte, len(b), min(2*int64(cap(b)), length))
		copy(more, b)
		b = more
	}
}

func bodyTooLarge(limit int64) *llm.Error {
	return llm.NewError(llm.CodeBodyTooLarge, fmt.Sprintf(
		"The body is larger than this gateway takes, which is %d bytes. Send less, or ask the operator to raise max_body.", limit))
}

// readRequest fills req from a body and the headers that came with it.
func readRequest(req *llm.Request, r *http.Request, raw []byte) error {
	doc := &req.Doc
	if err := parseBody(doc, req.Endpoint, r.Header.Get("Content-Type"), raw); err != nil {
		return err
	}
	if err := checkSpelling(doc); err != nil {
		return err
	}
	req.Header = r.Header
	req.Model, _ = doc.String("model")
	if req.Endpoint != llm.CountTokens { // where it says how the answer would be asked for
		req.Stream, _ = doc.Bool("stream")
	}
	if options, ok := doc.Get("stream_options"); ok && req.Stream {
		req.WantsUsage = wantsUsage(options)
	}
	for _, o := range []struct {
		header, member string
		into           *json.RawMessage
	}{
		{headerContext, "context", &req.Context},
		{headerInputs, "inputs", &req.Inputs},
		{headerMetadata, "metadata", &req.Metadata},
	} {
		object, err := readObject(r.Header, o.header, doc, o.member)
		if err != nil {
			return err
		}
		*o.into = object
	}
	return nil
}

// checkSpelling refuses a member that is spelled like one that APIs know but for the case of its
// letters. Servers that are written in Go would take it for that one, so that it could name a
// model outside the garden, or hide from rules what is asked.
func checkSpelling(doc *llm.Document) error {
	if doc.IsForm() {
		return nil
	}
	for i := range doc.Members {
		if known, ok := llm.Misspelled(doc.Members[i].Name); ok {
			return llm.NewError(llm.CodeInvalidJSON, fmt.Sprintf(
				"The body has the member %q. Spell it %q.", truncate(doc.Members[i].Name), known)).WithParam(known)
		}
	}
	return nil
}

func parseBody(doc *llm.Document, endpoint llm.Endpoint, contentType string, raw []byte) (err error) {
	if endpoint == llm.Transcriptions || endpoint == llm.Translations {
		if media, _, _ := mime.ParseMediaType(contentType); media == "multipart/form-data" {
			*doc, err = llm.ParseForm(raw, contentType)
			return err
		}
	}
	return llm.ParseJSONInto(doc, raw)
}

// headerObjects are documents to read a header's object into, whose bytes alone are kept.
var headerObjects = sync.Pool{New: func() any { return new(llm.Document) }}

// readObject returns the JSON object in a header merged over the one in the body's member
// of that name.
func readObject(h http.Header, header string, doc *llm.Document, member string) (json.RawMessage, error) {
	under, _ := doc.Get(member)
	if under = objectOrNil(under); under != nil && under[0] != '{' {
		return nil, llm.NewError(llm.CodeInvalidContext,
			fmt.Sprintf("The body's %q is not a JSON object. Send an object such as {\"key\":\"value\"}, or leave it out.", member)).WithParam(member)
	}
	return mergeHeader(h, header, under)
}

// mergeHeader returns the JSON object in a header merged over another one.
func mergeHeader(h http.Header, header string, under json.RawMessage) (json.RawMessage, error) {
	values := h[header]
	if len(values) == 0 {
		return under, nil
	}
	if len(values) > 1 {
		return nil, invalidHeader(header, "is there more than once. Send it once, as one JSON object.")
	}
	over := values[0]
	if len(over) > maxHeaderObject {
		return nil, invalidHeader(header, fmt.Sprintf(
			"holds %d bytes and may hold %d. Send less, or put it into the body.", len(over), maxHeaderObject))
	}
	parsed := headerObjects.Get().(*llm.Document)
	defer headerObjects.Put(parsed)
	if err := llm.ParseJSONInto(parsed, []byte(over)); err != nil {
		return nil, invalidHeader(header, "is not a JSON object: "+err.Error()).WithCause(err)
	}
	if under == nil {
		return parsed.Raw, nil
	}
	merged, err := llm.MergeObjects(parsed.Raw, under)
	if err != nil {
		return nil, invalidHeader(header, "cannot be merged over what the body says: "+err.Error()).WithCause(err)
	}
	return merged, nil
}

// objectOrNil returns nil for a member that is absent or null.
func objectOrNil(raw []byte) json.RawMessage {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	return raw
}

func invalidHeader(header, what string) *llm.Error {
	return llm.NewError(llm.CodeInvalidContext, "The header "+header+" "+what).WithParam(header)
}

// clientOf says who sent the request, as Caddy's authentication and trusted proxies see it.
func clientOf(r *http.Request) llm.Client {
	var c llm.Client
	c.IP, _ = caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return c
	}
	if c.ID, c.Authenticated = repl.GetString("http.auth.user.id"); !c.Authenticated {
		return c // whoever sets claims sets that, too
	}
	c.Claim = func(name string) (any, bool) { return repl.Get("http.auth.user." + name) }
	return c
}
