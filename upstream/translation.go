package upstream

import (
	"errors"
	"io"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// translator returns what translates requests to an endpoint for the target, nil where its
// provider speaks their dialect.
func (t *Target) translator(e llm.Endpoint) dialect.Translator {
	return translators[t.Provider.Dialect(e)]
}

// Translate returns a request's payload in the dialect that the target's provider speaks, and
// the members of the request that this dialect has no word for. Its error is a
// *dialect.Unsupported when the dialect cannot say what the request needs.
func (t *Target) Translate(q *llm.Request, p llm.Payload) (llm.Payload, []string, error) {
	to := t.translator(q.Endpoint)
	if to == nil {
		return p, nil, nil
	}
	question := dialect.Question{Body: p.Bytes(), Model: t.Model, Stream: q.Stream}
	if t.Entry != nil {
		question.MaxOutput = t.Entry.MaxOutput
	}
	translated, err := to.Request(question)
	if err != nil {
		return llm.Payload{}, nil, err
	}
	return llm.Payload{ContentType: "application/json", Parts: [][]byte{translated.Body}}, translated.Dropped, nil
}

// translate makes the run's payload what the target is sent.
func (n *run) translate() error {
	payload, dropped, err := n.target.Translate(n.loop.call.Request, n.payload)
	if err != nil {
		return err
	}
	x := n.loop.call.Exchange
	n.payload, x.Dropped = payload, append(x.Dropped[:len(x.Dropped):len(x.Dropped)], dropped...)
	return nil
}

// translation reads a stream of another dialect as one of the hub's. It reads no more of the
// provider's stream at a time than there is, so that an event is not held back.
type translation struct {
	in     events
	to     dialect.Stream
	buffer *[]byte
	out    []byte
	at     int // read so far of out
	ended  bool
}

func newTranslation(src io.Reader, to dialect.Stream) *translation {
	buffer := getBuffer()
	return &translation{in: events{src: src, buf: *buffer}, to: to, buffer: buffer}
}

// Read implements io.Reader. Its errors are those of the provider's stream, and those of the
// dialect: see dialect.Stream.
func (t *translation) Read(p []byte) (int, error) {
	for t.at == len(t.out) {
		if t.ended {
			return 0, io.EOF
		}
		if err := t.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, t.out[t.at:])
	t.at += n
	return n, nil
}

// fill translates the events that are whole, and waits for more when there is none.
func (t *translation) fill() error {
	t.out, t.at = t.out[:0], 0
	for {
		e, ok := t.in.next()
		if !ok {
			break
		}
		if e.dataLines > 0 {
			var err error
			if t.out, err = t.to.Event(t.out, e.name, e.data); err != nil {
				return err
			}
		}
		t.in.accept(&e)
	}
	t.in.take()
	switch {
	case len(t.out) > 0:
		return nil
	case t.in.eof:
		t.out, t.ended = t.to.End(t.out), true
		return nil
	}
	return t.in.read()
}

// release gives the buffer back.
func (t *translation) release() {
	*t.buffer = t.in.buf
	putBuffer(t.buffer)
	t.in.buf = nil
}

// unable notes that a target cannot say what the request needs, and returns err when it says
// anything else.
func (l *loop) unable(err error) error {
	var u *dialect.Unsupported
	if !errors.As(err, &u) {
		return err
	}
	if l.cannot == nil {
		l.cannot = u
	}
	return nil
}
