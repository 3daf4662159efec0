package upstream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/converse"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/failure"
	"github.com/mulligan-gateway/mulligan/upstream/provider"
	"github.com/mulligan-gateway/mulligan/upstream/provider/signin"
)

// How much of a stream is held back at most before its first meaningful output. Beyond it
// the stream is passed on as it is.
const (
	heldEvents = 64
	heldBytes  = 256 << 10
)

// attempt is one request to one provider.
type attempt struct {
	loop   *loop
	room   *Room // that it is in, nil for those behind the first
	target *Target
	key    int // index among the provider's keys
	way    way
	made   *http.Request // that was sent; nil before
	record int           // index in the exchange's attempts
	index  int           // of the target in the route

	ctx     context.Context
	cancel  context.CancelCauseFunc
	borrows bool // the context is the call's, and not cancelled yet
	dog     watchdog
	phase   phase
	host    string
	status  int
	framed  bool // the stream comes in AWS's frames instead of server-sent events

	settled time.Time // when the output, or a fault, was in hand
	endSpan func(*llm.Attempt)
	judged  func(error) // tells the target's breaker
	// closed says that the account of its reply is closed, and finished that nothing of it runs
	// any more.
	closed, finished bool
	reply            Reply
}

// do sends the request and waits for the first meaningful output.
func (a *attempt) do(payload llm.Payload) (*Reply, *fault) {
	defer func() {
		a.settled = time.Now()
		a.loop.call.Exchange.UpstreamTime += a.settled.Sub(a.account().Start)
	}()
	req, err := a.target.Provider.NewRequest(a.ctx, provider.Call{
		Endpoint: a.way.endpoint, Payload: payload, Model: a.target.Model,
		Key: a.target.Provider.Keys()[a.key], Stream: a.loop.call.Request.Stream,
	})
	if err != nil {
		return nil, a.notMade(err)
	}
	a.made, a.host = req, req.URL.Host
	a.holdPayload(req)
	resp, err := a.target.Provider.Transport().RoundTrip(req)
	if err != nil {
		return nil, a.faultOf(err, phaseOf(err))
	}
	a.phase, a.status = phaseOutput, resp.StatusCode
	reply, fault := a.read(resp)
	if fault != nil {
		a.end()               // first, as closing waits for the end of an HTTP/2 stream
		_ = resp.Body.Close() // nothing more is read of it
		return nil, fault
	}
	a.phase = phaseStream
	a.dog.pause()
	return reply, nil
}

// end ends what of the attempt still runs.
func (a *attempt) end() {
	a.cancel(nil)
	if a.borrows {
		a.borrows, a.loop.spent = false, true
	}
}

// notMade says what it means that the request could not be made. Whether the endpoint is there
// has been asked before, so what is left is that the account cannot sign in: because it may not,
// or because whoever it gets a token from is out of reach, slow or broken.
func (a *attempt) notMade(err error) *fault {
	var signIn *provider.SignInError
	var refused *signin.RefusedError
	if a.loop.ctx.Err() != nil || !errors.As(err, &signIn) || !errors.As(err, &refused) {
		return a.faultOf(err, phaseConnect)
	}
	return &fault{kind: kindReported, cause: err, said: failure.Failure{
		Status: http.StatusUnauthorized, Class: failure.BadKey, Message: err.Error(),
	}}
}

// read reads a reply until its first meaningful output.
func (a *attempt) read(resp *http.Response) (*Reply, *fault) {
	if resp.StatusCode >= firstStatus {
		return nil, a.refused(resp)
	}
	if resp.StatusCode >= 300 {
		return nil, &fault{phase: phaseOutput, kind: kindMalformed,
			cause: errors.New("the provider redirects, which is not followed: correct its base_url")}
	}
	contentType := resp.Header.Get("Content-Type")
	media := mediaType(contentType)
	a.framed = media == converse.ContentType
	stream := media == "text/event-stream" || a.framed
	r := &a.reply
	*r = Reply{Status: resp.StatusCode, attempt: a, body: resp.Body}
	if !stream {
		r.buffer = getBuffer(false)
	}
	if q := a.loop.call.Request; a.loop.policy().Continue && q.Endpoint == llm.Chat && q.Stream {
		r.said = &a.loop.said
	}
	r.watcher = a.newWatcher()
	expectChoices(r.watcher, a.loop.call.Request)
	if a.way.exit != nil {
		r.doorway = &doorway{to: a.way.exit.Events()}
	}
	var f *fault
	switch {
	case stream:
		f = a.readStream(r)
	case repliesInJSON(a.loop.call.Request.Endpoint), media == "application/json", strings.HasSuffix(media, "+json"):
		f = a.readPlain(r, resp.ContentLength)
	default:
		f = a.readFirstBytes(r)
	}
	if f != nil {
		r.release()
		return nil, f
	}
	r.Header = a.newHeader()
	provider.ReplyHeader(r.Header, resp.Header)
	switch {
	case (a.way.to != nil || a.way.exit != nil || a.framed) && r.Stream:
		r.Header["Content-Type"] = []string{"text/event-stream"}
	case a.way.to != nil, a.way.exit != nil:
		r.Header["Content-Type"] = []string{"application/json"}
	case contentType != "":
		r.Header["Content-Type"] = resp.Header["Content-Type"][:1]
	}
	if r.whole {
		r.Header["Content-Length"] = contentLength(resp, len(r.plain))
	}
	return r, nil
}

// contentLength returns the value of the header for a body of that length: the reply's own where
// it is the same.
func contentLength(resp *http.Response, n int) []string {
	if own := resp.Header["Content-Length"]; len(own) == 1 && resp.ContentLength == int64(n) {
		return own
	}
	return []string{strconv.Itoa(n)}
}

// mediaType returns the media type of a Content-Type, in lower case and without parameters.
func mediaType(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(media))
}

// hidesUsage says whether Mulligan asks for the stream's usage and the client does not.
func (a *attempt) hidesUsage() bool {
	q := a.loop.call.Request
	if a.loop.call.Exit != nil || a.way.exit != nil && saysUsage(q.Endpoint) {
		return false // the exit says it in its own way
	}
	return q.Stream && !q.WantsUsage && (a.way.to != nil || a.target.Provider.ForcesUsage())
}

// maxRefusal is how much is read of a reply that is an error.
const maxRefusal = 64 << 10

// refused reads a reply whose status is an error.
func (a *attempt) refused(resp *http.Response) *fault {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
	if err != nil && a.ctx.Err() != nil {
		return a.faultOf(err, phaseOutput)
	}
	return &fault{
		phase: phaseOutput, kind: kindReported,
		said: failure.Read(resp.StatusCode, resp.Header, body, time.Now()),
	}
}

// maxReply is the largest plain reply, in bytes.
const maxReply = 128 << 20

// readPlain reads a plain reply to its end.
func (a *attempt) readPlain(r *Reply, length int64) *fault {
	b := (*r.buffer)[:0]
	if length > int64(cap(b)) {
		if length > maxReply {
			return a.faultOf(errTooLong, phaseOutput)
		}
		b = make([]byte, 0, length+1) // one more, so that the end is found without growing
	}
	for {
		if len(b) == cap(b) {
			if len(b) >= maxReply {
				return a.faultOf(errTooLong, phaseOutput)
			}
			b = append(b, 0)[:len(b)]
		}
		n, err := r.body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return a.faultOf(err, phaseOutput)
		}
	}
	*r.buffer = b[:cap(b)]
	r.plain, r.whole = b, true
	if a.way.to != nil {
		translated, err := a.way.to.Reply(b)
		if err != nil {
			return a.faultOf(err, phaseOutput)
		}
		r.plain = translated
	}
	if err := r.watcher.Reply(r.plain); err != nil {
		return a.faultOf(err, phaseOutput)
	}
	reshaped, err := reshape(a.loop.call.Request, r.plain)
	if err == nil && a.way.exit != nil {
		reshaped, err = a.way.exit.Answer(reshaped)
	}
	if err != nil {
		return a.faultOf(err, phaseOutput)
	}
	r.plain = reshaped
	return nil
}

// readFirstBytes reads the first bytes of a reply that is neither JSON nor a stream, such as
// sound.
func (a *attempt) readFirstBytes(r *Reply) *fault {
	for {
		n, err := r.body.Read(*r.buffer)
		eof := errors.Is(err, io.EOF)
		if err != nil && !eof {
			return a.faultOf(err, phaseOutput)
		}
		if n > 0 || eof {
			r.plain, r.whole = (*r.buffer)[:n], eof
			a.dog.next(time.Now(), a.loop.policy().Idle, errIdle)
			return nil
		}
	}
}

// readStream reads a stream until the first event with meaningful output. What comes before
// it is held back, so that an error in its place can be made good by somebody else.
func (a *attempt) readStream(r *Reply) *fault {
	r.Stream = true
	r.events = newEvents(r.body)
	if a.way.to != nil || a.framed {
		var to dialect.Stream = unframed{}
		if a.way.to != nil {
			streams, ok := a.way.to.(dialect.Translator)
			if !ok {
				return a.faultOf(fmt.Errorf("a stream of %s: %w", a.way.endpoint, dialect.ErrMalformed), phaseOutput)
			}
			to = streams.Stream()
		}
		r.translation = newTranslation(r.body, to)
		if a.framed {
			r.translation.frames = converse.NewFrames(bufio.NewReader(r.body))
		}
		r.events.src = r.translation
	}
	for held := 0; held < heldEvents && r.events.out-r.events.ready < heldBytes; {
		output, ok := r.one()
		switch {
		case r.fault != nil:
			return r.fault
		case output, !ok && r.events.eof:
			held = heldEvents
		case ok:
			held++
		default:
			r.read()
		}
	}
	a.dog.next(time.Now(), a.loop.policy().Idle, errIdle)
	return nil
}
