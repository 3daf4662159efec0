package dialecttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// What a vendor sends is not trusted: what is unknown is passed over, what is broken is an error
// that callers know, and nothing panics, hangs or becomes JSON that is none.

// huge is the length of a text that no answer has, in bytes.
const huge = 50 << 20

// junk is what a value may be instead of what it should be.
var junk = []any{
	nil, true, false, -1.0, 1e300, 0.5, float64(1 << 62), "", "x", "\x00\"\\", "null", "9", []any{}, []any{nil, []any{}, "x"}, map[string]any{},
	map[string]any{"type": "text", "text": 7.0}, json.RawMessage(`"\ud83d\u0000\uffff"`), json.RawMessage("\"\xff\xfe\""),
}

// few is what stands for all of junk where there are many documents.
var few = []any{nil, -1.0, "x", []any{nil, "x"}, map[string]any{"type": "text", "text": 7.0}}

// junkFor returns the junk for the n-th document.
func junkFor(n int) []any {
	if n > 0 || raceEnabled {
		return few
	}
	return junk
}

// mutants calls f with a document in which one value, at whatever depth, is missing or is
// one of junk.
func mutants(document []byte, junk []any, f func(mutant []byte)) {
	var root any
	if json.Unmarshal(document, &root) != nil {
		return
	}
	give := func() {
		if b, err := json.Marshal(root); err == nil {
			f(b)
		}
	}
	var walk func(v any)
	each := func(old any, set func(v any)) {
		for _, v := range junk {
			set(v)
			give()
		}
		set(old)
		walk(old)
	}
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(v)) {
				old := v[name]
				delete(v, name)
				give()
				each(old, func(other any) { v[name] = other })
			}
		case []any:
			for i, old := range v {
				each(old, func(other any) { v[i] = other })
			}
		}
	}
	walk(root)
}

// damaged calls f with what is no JSON object at all, and with documents that are damaged.
func damaged(document []byte, f func(damaged []byte)) {
	for _, text := range []string{
		``, ` `, `{`, `}`, `[`, `[]`, `[{}]`, `"text"`, `7`, `null`, `true`, `<html>`, `{"id":"x"`, `{"id":}`, `{"id":1}{"id":2}`, "\xef\xbb\xbf{}",
		`{"a":NaN}`, `{"a":-Infinity}`, `{"a":01}`, `{"a":1e}`, `{"a":'x'}`, `{"a":1,}`, "{\"a\":\"\n\"}",
		`{"a":` + strings.Repeat("[", 1<<20) + strings.Repeat("]", 1<<20) + `}`, strings.Repeat(`{"a":`, 1<<20),
	} {
		f([]byte(text))
	}
	for n := range document {
		f(document[:n])
	}
	for _, at := range numbers.FindAllIndex(document, -1) {
		for _, number := range []string{"NaN", "Infinity", "-", "0x1", "1.", ".5", "+1"} {
			f(slices.Concat(document[:at[0]+1], []byte(number), document[at[1]:]))
		}
	}
}

// numbers finds members of JSON whose values are numbers.
var numbers = regexp.MustCompile(`:[0-9]+`)

// hostileReplies gives plain replies to what translates them.
func hostileReplies(t *testing.T, replies [][]byte, translate func(body []byte) ([]byte, error)) {
	t.Helper()
	try := func(body []byte) {
		got, err := unchanged(t, body, translate)
		checkError(t, err)
		checkJSON(t, body, got, err)
	}
	for n, reply := range replies {
		mutants(reply, junkFor(n), try)
	}
	damaged(replies[0], func(body []byte) {
		if _, err := unchanged(t, body, translate); !errors.Is(err, dialect.ErrMalformed) {
			t.Errorf("%.80q: %v", body, err)
		}
	})
	for _, reply := range replies {
		known, err := translate(reply)
		more, moreErr := translate(slices.Concat([]byte(`{"something_new":{"a":[1,{"type":"text","text":"x"}]},`), reply[1:]))
		if (err == nil) != (moreErr == nil) || !bytes.Equal(known, more) {
			t.Errorf("a member that nobody knows makes of\n%s\nthis: %s, %v", known, more, moreErr)
		}
	}
}

// hostileStreams gives streams to what translates them.
func hostileStreams(t *testing.T, streams [][]dialect.Event, open func() dialect.Stream) {
	t.Helper()
	try := func(events []dialect.Event) {
		s, out := open(), []byte("kept")
		for _, e := range events {
			var err error
			if out, err = unchanged(t, e.Data, func(data []byte) ([]byte, error) { return s.Event(out, e.Name, data) }); err != nil {
				checkError(t, err)
				break
			}
		}
		checkEvents(t, s.End(out), true)
	}
	for n, events := range streams {
		for i, e := range events {
			with := func(data []byte) []dialect.Event {
				changed := slices.Clone(events)
				changed[i].Data = data
				return changed
			}
			mutants(e.Data, junkFor(n), func(mutant []byte) { try(with(mutant)) })
			try(slices.Concat(events[:i], events[i+1:]))       // missing
			try(slices.Insert(slices.Clone(events), i, e))     // twice
			try(slices.Concat(events[i:], events[:i]))         // out of order
			try(append(slices.Clone(events[i:]), events...))   // begun anew
			try(slices.Concat(events, events[i:], events[i:])) // gone on with
			swapped := slices.Clone(events)
			swapped[i], swapped[i/2] = swapped[i/2], swapped[i]
			try(swapped)
		}
		passedOver(t, events, open)
	}
	damaged(streams[0][0].Data, func(data []byte) {
		if b, err := open().Event(nil, streams[0][0].Name, data); !errors.Is(err, dialect.ErrMalformed) || len(b) > 0 {
			t.Errorf("%.80q: %.80q, %v", data, b, err)
		}
	})
}

// passedOver checks that events and members which nobody knows change nothing.
//
// It is also what tells that an event means the same whether it is read in full or found to be
// the twin of the one before: see hub.Twin.
func passedOver(t T, events []dialect.Event, open func() dialect.Stream) {
	t.Helper()
	want, err := Feed(open(), events)
	if err != nil {
		return
	}
	var more []dialect.Event
	for i, e := range events {
		if e.Data[0] == '{' && i > 0 {
			e.Data = slices.Concat([]byte(`{"something_new":{"a":[1,{"type":"text","text":"x"}]},`), e.Data[1:])
			more = append(more, dialect.Event{Name: []byte("something_new"), Data: []byte(`{"type":"something_new","index":0,"delta":{"type":"new"}}`)})
		}
		more = append(more, e)
	}
	if got, err := Feed(open(), more); err != nil || !bytes.Equal(got, want) {
		t.Errorf("events that nobody knows make of\n%s\nthis: %v\n%s", want, err, got)
	}
}

// TooManyCalls checks that a stream may have hub.MaxCalls calls, or blocks that are open, and that
// one more is malformed. call is the event that begins the i-th of them.
func TooManyCalls(t *testing.T, open func() dialect.Stream, call func(i int) dialect.Event) {
	t.Helper()
	s := open()
	for i := range hub.MaxCalls {
		e := call(i)
		if _, err := s.Event(nil, e.Name, e.Data); err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
	}
	e := call(hub.MaxCalls)
	if _, err := s.Event(nil, e.Name, e.Data); !errors.Is(err, dialect.ErrMalformed) {
		t.Errorf("one call too many: %v, want %v", err, dialect.ErrMalformed)
	}
}

// enormous is an answer with a text of 50 MB.
func enormous() Said {
	s := example()
	s.Text = strings.Repeat("All work and no play. ", huge/22+1)
	return s
}

func (p Provider) hostile(t *testing.T) {
	replies := slices.Insert(sections(t, p.Dir, "provider reply"), 0, p.Reply(example()))
	hostileReplies(t, replies, p.Translator.Reply)
	streams := [][]dialect.Event{p.Stream(example(), uncut)}
	for _, stream := range sections(t, p.Dir, "provider stream") {
		streams = append(streams, Events(stream))
	}
	hostileStreams(t, streams, p.Translator.Stream)
	said := enormous()
	reply, err := p.Translator.Reply(p.Reply(said))
	if err != nil || len(reply) < huge {
		t.Errorf("a huge reply: %v, %d bytes", err, len(reply))
	}
	stream, err := Feed(p.Translator.Stream(), p.Stream(said, uncut))
	if err != nil || len(stream) < huge {
		t.Errorf("a huge event: %v, %d bytes", err, len(stream))
	}
}

func (d Door) hostile(t *testing.T) {
	hostileReplies(t, slices.Insert(sections(t, d.Dir, "hub reply"), 0, chatReply(example())), d.Door.Answer)
	streams := [][]dialect.Event{chatStream(example(), uncut)}
	for _, stream := range sections(t, d.Dir, "hub stream") {
		streams = append(streams, Events(stream))
	}
	hostileStreams(t, streams, d.Door.Events)
	if b, err := d.Door.Answer(chatReply(enormous())); err != nil || len(b) < huge {
		t.Errorf("a huge answer: %v, %d bytes", err, len(b))
	}
	if b, err := Feed(d.Door.Events(), chatStream(enormous(), uncut)); err != nil || len(b) < huge {
		t.Errorf("a huge event: %v, %d bytes", err, len(b))
	}
}
