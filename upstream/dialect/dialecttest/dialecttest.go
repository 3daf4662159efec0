// Package dialecttest holds what every dialect's watcher must do alike: a contract, fuzz
// targets and real traffic to replay.
package dialecttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// Dialect is a dialect under test.
type Dialect struct {
	// New returns a watcher of one reply.
	New func() dialect.Watcher
	// Plain is a whole plain reply.
	Plain string
	// Stream is the data of the events of a whole stream.
	Stream []string
}

// Run checks the contract.
func (d Dialect) Run(t *testing.T) {
	t.Helper()
	t.Run("a whole reply is whole", d.whole)
	t.Run("an error inside a success is reported", d.errors)
	t.Run("what is no error is not reported", d.noErrors)
	t.Run("what cannot be read is malformed", d.malformed)
	t.Run("the error event is one event and is read as an error", d.appended)
}

func (d Dialect) whole(t *testing.T) {
	w := d.New()
	if err := w.Reply([]byte(d.Plain)); err != nil || !w.Signs().Whole {
		t.Errorf("the plain reply: %v, %+v", err, w.Signs())
	}
	w = d.New()
	output := false
	for i, data := range d.Stream {
		if w.Signs().Last {
			t.Errorf("the last event was before %s", data)
		}
		e := dialect.Event{Data: []byte(data)}
		if err := w.Event(&e); err != nil {
			t.Errorf("event %d: %v", i, err)
		}
		output = output || e.Output
	}
	if s := w.Signs(); !output || !s.Whole || !s.Last {
		t.Errorf("the stream: output %t, %+v", output, s)
	}
	if b := w.AppendEnd(nil); len(b) > 0 {
		t.Errorf("a whole stream lacks %q", b)
	}
	if s := d.New().Signs(); s.Whole || s.Last {
		t.Errorf("nothing is whole: %+v", s)
	}
}

// reported is errors in the shapes that providers are known to send inside a 200.
var reported = []struct{ name, data, message string }{
	{"", `{"error":{"message":"It broke.","type":"server_error","param":null,"code":"boom"}}`, "It broke."},
	{"", ` { "error" : { "message" : "It broke." } } `, "It broke."},
	{"", `{"error":"It broke."}`, "It broke."},
	{"", `{"error":{"message":"It broke."},"choices":[],"output":[],"usage":null}`, "It broke."},
	{"", `{"type":"error","error":{"type":"overloaded_error","message":"It broke."}}`, "It broke."},
	{"", `{"type":"error","code":"server_error","message":"It broke.","param":null,"sequence_number":3}`, "It broke."},
	{"", `{"object":"error","message":"It broke.","type":"internal_server_error","param":null,"code":500}`, "It broke."},
	{"", `{"id":"resp_1","object":"response","status":"failed","error":{"code":"server_error","message":"It broke."},"output":[]}`, "It broke."},
	{"error", `{"error":{"message":"It broke.","status_code":400},"failed_generation":"<"}`, "It broke."},
	{"error", `{"message":"It broke.","code":502}`, "It broke."},
	{"error", `{"detail":"It broke."}`, "It broke."},
	{"error", `It broke.`, ""},
	{"error", ``, ""},
}

func (d Dialect) errors(t *testing.T) {
	check := func(data, message string, err error) {
		t.Helper()
		var e *dialect.ReportedError
		if !errors.As(err, &e) || e.Failure.Message == "" || message != "" && e.Failure.Message != message {
			t.Errorf("%s: got %v", data, err)
		}
	}
	for _, c := range reported {
		check(c.data, c.message, d.New().Event(&dialect.Event{Name: []byte(c.name), Data: []byte(c.data)}))
		if c.name == "" {
			check(c.data, c.message, d.New().Reply([]byte(c.data)))
		}
	}
}

// noErrors puts every way to say that there is none into a reply and an event.
func (d Dialect) noErrors(t *testing.T) {
	for _, none := range []string{`null`, `""`, `{}`, `[]`, `0`, `false`} {
		with := func(data string) []byte { return []byte(`{"error":` + none + `,` + data[1:]) }
		if err := d.New().Reply(with(d.Plain)); err != nil {
			t.Errorf("a reply with the error %s: %v", none, err)
		}
		w := d.New()
		for _, data := range d.Stream {
			if data[0] == '{' {
				if err := w.Event(&dialect.Event{Data: with(data)}); err != nil {
					t.Errorf("%s with the error %s: %v", data, none, err)
				}
			}
		}
	}
}

func (d Dialect) malformed(t *testing.T) {
	for _, data := range []string{``, ` `, `{`, `[1,`, `"text"`, `7`, `null`, `<html>`, `{"id":"x"`, `{"id":}`, `{"id":1}{"id":2}`, "\xef\xbb\xbf{}", `{"id":"` + "\n" + `"}`} {
		if err := d.New().Event(&dialect.Event{Data: []byte(data)}); !errors.Is(err, dialect.ErrMalformed) {
			t.Errorf("the event %q: %v", data, err)
		}
		if err := d.New().Reply([]byte(data)); !errors.Is(err, dialect.ErrMalformed) {
			t.Errorf("the reply %q: %v", data, err)
		}
	}
}

// appended checks the event that ends a stream with an error, also for texts that would break
// out of a line.
func (d Dialect) appended(t *testing.T) {
	for _, text := range []string{"It broke.", "", "a \"quoted\"\nline\r\n\ndata: [DONE]\n\n\x00\u2028", "no UTF-8: \xff"} {
		e := &llm.Error{Status: 502, Type: "server_error", Code: "stream_interrupted", Message: text}
		w := d.New()
		b := w.AppendError([]byte("kept"), e)
		if !bytes.HasPrefix(b, []byte("kept")) {
			t.Fatalf("%q does not begin with what was there", b)
		}
		events := Events(b[len("kept"):])
		if len(events) != 1 || !bytes.HasSuffix(b, []byte("\n\n")) {
			t.Fatalf("%q is not one event", b)
		}
		var got struct {
			Error map[string]any `json:"error"`
		}
		if err := json.Unmarshal(events[0].Data, &got); err != nil {
			t.Fatalf("%s: %v", events[0].Data, err)
		}
		want := strings.ToValidUTF8(text, "\ufffd")
		if got.Error["message"] != want || got.Error["code"] != e.Code || got.Error["type"] != e.Type || len(got.Error) != 4 {
			t.Errorf("got %v", got.Error)
		}
		var reported *dialect.ReportedError
		if err := d.New().Event(&events[0]); !errors.As(err, &reported) || reported.Failure.Code != e.Code {
			t.Errorf("read back as %v", err)
		}
	}
}
