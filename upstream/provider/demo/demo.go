// Package demo is a provider that needs no network and no key: an http.RoundTripper that
// answers as an OpenAI server would, in process, the same to the same request. With it the
// example runs as it is, and failover can be tried without a vendor.
//
// What it does is in the model's id, such as echo, fail-503 or slow-500ms: Models says which
// ids there are. Every model calls a tool when tool_choice demands it. Usage counts words as
// tokens.
//
// Requests come from anybody whom a site lets in, so that what an answer costs must stay in
// proportion to its request: see the limits in others.go and chat.go.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Transport is the provider. It is stateless and safe for concurrent use.
type Transport struct{}

// New returns the provider.
func New() *Transport { return &Transport{} }

// errReset is what a connection that was reset looks like.
var errReset = errors.New("demo: connection reset")

// RoundTrip implements http.RoundTripper.
func (*Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	q := newQuestion(r, body)
	if res := q.refusal(); res != nil {
		return res.response(r), nil
	}
	if err := q.misbehave(r.Context()); err != nil {
		return nil, err
	}
	res := q.answer()
	res.cut = q.model == "cut"
	return res.response(r), nil
}

func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	defer r.Body.Close()
	return io.ReadAll(r.Body)
}

// slowByDefault is how long the model slow waits.
const slowByDefault = 2 * time.Second

// delay returns how long the model waits before its first output, and whether it is a model
// that waits. slow-TIME with a time that is none is no model.
func (q *question) delay() (d time.Duration, slow bool, err error) {
	if q.model == "slow" {
		return slowByDefault, true, nil
	}
	text, slow := strings.CutPrefix(q.model, "slow-")
	if !slow {
		return 0, false, nil
	}
	d, err = time.ParseDuration(text)
	return d, true, err
}

// misbehave waits, hangs or breaks off as the model's id says. It ends when ctx does.
func (q *question) misbehave(ctx context.Context) error {
	switch q.model {
	case "reset":
		return errReset
	case "hang":
		<-ctx.Done()
	}
	if d, slow, _ := q.delay(); slow {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// refusal returns the error that the model's id asks for, or nil.
func (q *question) refusal() *reply {
	switch {
	case q.model == "rate-limit":
		res := failure(http.StatusTooManyRequests, "rate_limit_error", "The demo is rate-limited, as asked.")
		res.header.Set("Retry-After", "1")
		return res
	case q.model == "stream-error" && !q.stream:
		return failure(http.StatusInternalServerError, serverError, asAsked)
	}
	if _, _, err := q.delay(); err != nil {
		return q.noSuchModel()
	}
	text, ok := strings.CutPrefix(q.model, "fail-")
	if !ok {
		return nil
	}
	status, err := strconv.Atoi(text)
	if err != nil || status < 400 || status > 599 {
		return q.noSuchModel()
	}
	kind := serverError
	if status < 500 {
		kind = requestError
	}
	return failure(status, kind, fmt.Sprintf("The demo fails with %d, as asked.", status))
}

func (q *question) noSuchModel() *reply {
	return failure(http.StatusNotFound, requestError, fmt.Sprintf("The demo has no model %q.", q.model))
}

// answer returns what the endpoint answers.
func (q *question) answer() *reply {
	if q.model == "stream-error" {
		return q.streamError()
	}
	switch q.endpoint {
	case "/chat/completions":
		return q.chat()
	case "/completions":
		return q.completion()
	case "/responses":
		return q.responses()
	case "/embeddings":
		return q.embeddings()
	case "/moderations":
		return q.moderation()
	case "/images/generations":
		return q.image()
	case "/audio/speech":
		return q.speech()
	case "/audio/transcriptions", "/audio/translations":
		return q.transcription()
	case "/rerank":
		return q.rerank()
	default:
		return failure(http.StatusNotFound, requestError, "The demo has no "+q.endpoint+".")
	}
}

// Interface guard.
var _ http.RoundTripper = (*Transport)(nil)
