package dialecttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// FuzzRequest translates requests that are made up, for models of those ids.
func (p Provider) FuzzRequest(f *testing.F, models ...string) {
	f.Helper()
	models = append(models, p.Model, "m")
	for i, seed := range sections(f, p.Dir, "request") {
		f.Add(seed, models[i%len(models)], int64(i))
	}
	f.Fuzz(func(t *testing.T, body []byte, model string, limit int64) {
		if _, err := llm.ParseJSON(body); err != nil {
			return // requests have been checked
		}
		got, err := unchanged(t, body, func(body []byte) (dialect.Translated, error) {
			return p.Translator.Request(dialect.Question{Body: body, Model: model, MaxOutput: limit})
		})
		refusal(t, err)
		checkJSON(t, body, got.Body, err)
	})
}

// FuzzReply translates plain replies that are made up.
func (p Provider) FuzzReply(f *testing.F) {
	f.Helper()
	fuzzReply(f, sections(f, p.Dir, "provider reply"), p.Translator.Reply)
}

// FuzzStream translates streams that are made up.
func (p Provider) FuzzStream(f *testing.F) {
	f.Helper()
	fuzzStream(f, sections(f, p.Dir, "provider stream"), p.Translator.Stream)
}

// FuzzQuestion translates clients' requests that are made up.
func (d Door) FuzzQuestion(f *testing.F) {
	f.Helper()
	for _, seed := range sections(f, d.Dir, "request") {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := unchanged(t, body, d.Door.Question)
		refusal(t, err)
		checkJSON(t, body, got.Body, err)
	})
}

// FuzzAnswer translates the hub's plain replies that are made up.
func (d Door) FuzzAnswer(f *testing.F) {
	f.Helper()
	fuzzReply(f, sections(f, d.Dir, "hub reply"), d.Door.Answer)
}

// FuzzEvents translates the hub's streams that are made up.
func (d Door) FuzzEvents(f *testing.F) {
	f.Helper()
	fuzzStream(f, sections(f, d.Dir, "hub stream"), d.Door.Events)
}

func fuzzReply(f *testing.F, seeds [][]byte, reply func([]byte) ([]byte, error)) {
	f.Helper()
	for _, seed := range seeds {
		f.Add(seed)
	}
	for _, c := range reported {
		f.Add([]byte(c.data))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := unchanged(t, body, reply)
		checkError(t, err)
		checkJSON(t, body, got, err)
	})
}

// fuzzStream gives three events: what is remembered of one must not harm the next.
func fuzzStream(f *testing.F, streams [][]byte, open func() dialect.Stream) {
	f.Helper()
	for _, stream := range streams {
		events := Events(stream)
		for i := range events {
			next, last := events[(i+1)%len(events)], events[(i+2)%len(events)]
			f.Add(string(events[i].Name), events[i].Data, string(next.Name), next.Data, string(last.Name), last.Data)
		}
	}
	for _, c := range reported {
		f.Add(c.name, []byte(c.data), "", []byte(`{}`), "", []byte("[DONE]"))
	}
	f.Fuzz(func(t *testing.T, name1 string, data1 []byte, name2 string, data2 []byte, name3 string, data3 []byte) {
		s, out := open(), []byte("kept")
		valid := true
		for _, e := range []dialect.Event{{Name: []byte(name1), Data: data1}, {Name: []byte(name2), Data: data2}, {Name: []byte(name3), Data: data3}} {
			var err error
			out, err = unchanged(t, e.Data, func(data []byte) ([]byte, error) { return s.Event(out, e.Name, data) })
			checkError(t, err)
			valid = valid && json.Valid(e.Data)
		}
		checkEvents(t, s.End(out), valid)
		if again := s.End(nil); len(again) > 0 && bytes.Contains(out, []byte("[DONE]")) {
			t.Errorf("the stream ends twice: %q", again)
		}
	})
}

// checkEvents checks what a stream has appended to "kept": whole events, each with JSON of one
// line. valid says that what came in was JSON; texts are copied with their escapes, which nobody
// has checked before.
func checkEvents(t T, out []byte, valid bool) {
	t.Helper()
	events, ok := bytes.CutPrefix(out, []byte("kept"))
	if !ok {
		t.Fatalf("%q does not begin with what was there", out)
	}
	if len(events) > 0 && !bytes.HasSuffix(events, []byte("\n\n")) {
		t.Fatalf("%q ends within an event", events)
	}
	for event := range bytes.SplitSeq(events, []byte("\n\n")) {
		if bytes.HasPrefix(event, []byte("event: ")) {
			_, event, _ = bytes.Cut(event, []byte("\n"))
		}
		data, ok := bytes.CutPrefix(event, []byte("data: "))
		if len(event) == 0 || string(data) == "[DONE]" {
			continue
		}
		if !ok || bytes.ContainsAny(data, "\r\n") {
			t.Fatalf("%q is no event", event)
		}
		var d llm.Document
		if err := llm.ParseReplyInto(&d, data); err != nil || valid && !json.Valid(data) {
			t.Errorf("an event is %q: %v", data, err)
		}
	}
}

// unchanged calls f and checks that it leaves what it reads as it is.
func unchanged[V any](t T, in []byte, f func([]byte) (V, error)) (V, error) {
	t.Helper()
	before := bytes.Clone(in)
	got, err := f(in)
	if !bytes.Equal(before, in) {
		t.Errorf("%q has been changed to %q", before, in)
	}
	return got, err
}

// checkJSON checks that what came out is JSON, as good as what came in.
func checkJSON(t T, in, out []byte, err error) {
	t.Helper()
	if err != nil {
		return
	}
	var d llm.Document
	if bad := llm.ParseReplyInto(&d, out); bad != nil || json.Valid(in) && !json.Valid(out) {
		t.Errorf("%q becomes %q: %v", in, out, bad)
	}
}

func checkError(t T, err error) {
	t.Helper()
	if err != nil && !IsKnown(err) {
		t.Errorf("neither malformed nor reported: %v", err)
	}
}

// IsKnown says whether an error of a reply is one that callers know: malformed, or reported.
func IsKnown(err error) bool {
	var reported *dialect.ReportedError
	return errors.Is(err, dialect.ErrMalformed) || errors.As(err, &reported) && reported.Failure.Message != ""
}
