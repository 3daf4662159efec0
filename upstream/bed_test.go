package upstream

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/catalog"
	"github.com/mulligan-gateway/mulligan/upstream/provider"
)

// bed is a route of one target per provider, named p1, p2 and so on.
type bed struct {
	t     *testing.T
	state *State
	route *Route
	rooms sync.Pool // used again, as those of exchanges are
}

// quick is a policy without waits worth mentioning.
func quick() Policy {
	p := DefaultPolicy()
	p.BackoffFirst, p.BackoffMost = time.Microsecond, time.Millisecond
	return p
}

func newBed(t *testing.T, p Policy, servers ...*fakellm.Server) *bed {
	t.Helper()
	b := &bed{t: t, state: NewState(), route: &Route{Policy: p}}
	for i, s := range servers {
		b.add(provider.Config{Name: "p" + string(rune('1'+i)), Kind: provider.KindCompatible, BaseURL: s.BaseURL(), Keys: []string{"key-of-the-provider"}}, nil)
	}
	return b
}

// add adds a target m at a provider.
func (b *bed) add(c provider.Config, entry *catalog.Model) *Target {
	b.t.Helper()
	return b.addModel(c, "m", entry)
}

// addModel adds a target of a model at a provider.
func (b *bed) addModel(c provider.Config, model string, entry *catalog.Model) *Target {
	b.t.Helper()
	transport := provider.NewTransport()
	b.t.Cleanup(transport.CloseIdleConnections)
	c.Transport = transport
	p, err := provider.New(c)
	if err != nil {
		b.t.Fatal(err)
	}
	target := NewTarget(b.state, p, model, entry)
	b.route.Targets = append(b.route.Targets, target)
	return target
}

// outcome is what came of one call.
type outcome struct {
	status    int
	body      string
	estimated bool
	err       error // of the call, or of the reply once it had begun
	exchange  llm.Exchange
}

// verdicts lists the attempts as "p1 again".
func (o *outcome) verdicts() string {
	var all []string
	for _, a := range o.exchange.Attempts {
		all = append(all, a.Provider+" "+string(a.Verdict))
	}
	return strings.Join(all, ", ")
}

const (
	plainBody  = `{"model":"m","messages":[{"role":"user","content":"hi"}]}`
	streamBody = `{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true,"stream_options":{"include_usage":true}}`
)

func requestOf(t testing.TB, endpoint llm.Endpoint, body string) *llm.Request {
	t.Helper()
	doc, err := llm.ParseJSON([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	req := &llm.Request{Endpoint: endpoint, Doc: doc, Time: time.Now()}
	req.Stream, _ = doc.Bool("stream")
	return req
}

func (b *bed) call(ctx context.Context, endpoint llm.Endpoint, body string) outcome {
	b.t.Helper()
	return b.ask(ctx, requestOf(b.t, endpoint, body))
}

// wanting is call for a client that asks for the usage of its stream.
func (b *bed) wanting(t *testing.T, endpoint llm.Endpoint, body string) outcome {
	t.Helper()
	req := requestOf(t, endpoint, body)
	req.WantsUsage = true
	return b.ask(t.Context(), req)
}

func (b *bed) ask(ctx context.Context, req *llm.Request) (o outcome) {
	b.t.Helper()
	o.exchange = llm.Exchange{Start: time.Now(), Endpoint: req.Endpoint, Stream: req.Stream}
	client := ctx
	ctx, cancel := context.WithCancelCause(client)
	defer cancel(nil)
	room, ok := b.rooms.Get().(*Room)
	if !ok {
		room = new(Room)
	}
	defer func() { // behind the end of the reply
		if room.Clear() {
			b.rooms.Put(room)
		}
	}()
	reply, err := b.route.Do(ctx, &Call{
		Room: room, Cancel: cancel, Renew: func() context.Context { return client },
		Request: req, Exchange: &o.exchange,
		Body: func(int) (llm.Payload, []string, error) {
			return llm.Payload{ContentType: "application/json", Parts: [][]byte{req.Doc.Raw}}, nil, nil
		},
		InputTokens: func() int64 { return 9 },
		CountTokens: func(p llm.Payload) int64 { return int64(p.Len()) },
	})
	if err != nil {
		o.err = err
		return o
	}
	defer reply.Close()
	o.status, o.estimated = reply.Status, reply.Estimated
	var all strings.Builder
	for {
		b, err := reply.Next()
		all.Write(b)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			o.err = err
			break
		}
	}
	o.body = all.String()
	return o
}

func (b *bed) chat(body string) outcome { return b.call(b.t.Context(), llm.Chat, body) }

// code returns the code of an error that a client would see.
func code(err error) string {
	var e *llm.Error
	if !errors.As(err, &e) {
		return ""
	}
	return e.Code
}
