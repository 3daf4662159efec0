package upstream

import (
	"errors"
	"io"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/converse"
)

// translate makes the run's payload what the target is sent.
func (n *run) translate() error {
	payload, dropped, err := n.target.Translate(n.loop.call.Request, n.payload)
	if n.wantsMedia(err) {
		payload, dropped, err = n.fetchMedia(payload, dropped, err)
	}
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
	frames *converse.Frames // in place of in, for a stream in AWS's frames
	name   []byte           // of the frame that is looked at
	to     dialect.Stream
	room   *[]byte // for out
	out    []byte
	at     int // read so far of out
	ended  bool
	err    error // what comes behind out
}

func newTranslation(src io.Reader, to dialect.Stream) *translation {
	room := getBuffer(true)
	return &translation{in: newEvents(src), to: to, room: room, out: (*room)[:0]}
}

// Read implements io.Reader. Its errors are those of the provider's stream, and those of the
// dialect: see dialect.Stream.
func (t *translation) Read(p []byte) (int, error) {
	for t.at == len(t.out) {
		switch {
		case t.err != nil:
			return 0, t.err
		case t.ended:
			return 0, io.EOF
		}
		t.fill()
	}
	n := copy(p, t.out[t.at:])
	t.at += n
	if t.ended && t.at == len(t.out) {
		return n, io.EOF // at once, so that the end leaves with what comes before it
	}
	return n, nil
}

// fill translates the events that are whole, and waits for more when there is none.
func (t *translation) fill() {
	t.out, t.at = t.out[:0], 0
	if t.frames != nil {
		t.fillFromFrame()
		return
	}
	for t.err == nil {
		e, ok := t.in.next()
		if !ok {
			break
		}
		if e.dataLines > 0 {
			t.out, t.err = t.to.Event(t.out, e.name, e.data)
		}
		t.in.accept(&e)
	}
	t.in.take()
	switch {
	case t.err != nil:
	case t.in.eof:
		t.out, t.ended = t.to.End(t.out), true
	case len(t.out) > 0:
	default:
		t.err = t.in.read()
	}
}

// fillFromFrame waits for the next frame and translates it.
func (t *translation) fillFromFrame() {
	name, payload, err := t.frames.Next()
	if err == nil && name == chunk {
		// An event of the model's own dialect, wrapped.
		payload, err = converse.Chunk(payload)
		name = gjson.GetBytes(payload, "type").Str
	}
	switch {
	case err == nil:
		t.name = append(t.name[:0], name...)
		t.out, t.err = t.to.Event(t.out, t.name, payload)
	case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		t.out, t.ended = t.to.End(t.out), true
	default:
		t.err = err
	}
}

// chunk is the type of the frames that wrap the events of a model's own dialect.
const chunk = "chunk"

// unframed turns the events of a stream in frames into server-sent events, as they are: the
// client speaks what the model does. It implements dialect.Stream.
type unframed struct{}

// Event implements dialect.Stream.
func (unframed) Event(b, name, data []byte) ([]byte, error) {
	if isEventName(name) {
		b = append(append(append(b, "event: "...), name...), '\n')
	}
	b = append(b, "data: "...)
	at := len(b)
	b = append(b, data...)
	for i := at; i < len(b); i++ {
		if b[i] == '\n' || b[i] == '\r' {
			b[i] = ' ' // JSON has them only between its parts
		}
	}
	return append(b, "\n\n"...), nil
}

// End implements dialect.Stream.
func (unframed) End(b []byte) []byte { return b }

// isEventName says whether a name may stand in a line of its own.
func isEventName(name []byte) bool {
	for _, c := range name {
		if c != '_' && c != '-' && c != '.' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(name) > 0
}

// release gives the buffers back.
func (t *translation) release() {
	t.in.release()
	*t.room = t.out[:cap(t.out)]
	putBuffer(t.room)
	t.out, t.at = nil, 0
}

// unable notes that a target cannot say what the request needs, and returns err when it says
// anything else.
func (l *loop) unable(err error) error {
	var u *dialect.UnsupportedError
	if !errors.As(err, &u) {
		return err
	}
	if l.cannot == nil {
		l.cannot, l.why = u, err
	}
	return nil
}
