package dialecttest

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// FuzzReply reads plain replies that are made up.
func (d Dialect) FuzzReply(f *testing.F) {
	f.Helper()
	f.Add([]byte(d.Plain))
	for _, c := range reported {
		f.Add([]byte(c.data))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		w := d.New()
		err := w.Reply(body)
		checkError(t, err)
		if err == nil && !w.Signs().Whole {
			t.Error("a plain reply is not whole")
		}
		checkSigns(t, w.Signs())
		if !bytes.Equal(body, before) {
			t.Error("the body has been changed")
		}
	})
}

// FuzzEvent reads streams of three events that are made up: what a watcher remembers of one
// must not harm the next.
func (d Dialect) FuzzEvent(f *testing.F) {
	f.Helper()
	for i, data := range d.Stream {
		f.Add("", []byte(data), []byte(d.Stream[(i+1)%len(d.Stream)]), []byte(d.Plain))
	}
	for _, c := range reported {
		f.Add(c.name, []byte(d.Stream[0]), []byte(c.data), []byte("[DONE]"))
	}
	f.Fuzz(func(t *testing.T, name string, first, second, third []byte) {
		w := d.New()
		for _, data := range [][]byte{first, second, third} {
			before := bytes.Clone(data)
			e := dialect.Event{Name: []byte(name), Data: data}
			checkError(t, w.Event(&e))
			checkCut(t, &e)
			checkSigns(t, w.Signs())
			if !bytes.Equal(data, before) {
				t.Error("the data have been changed")
			}
		}
		w.AppendEnd(nil)
	})
}

// checkCut checks that what is left for the client is as good as what came.
func checkCut(t *testing.T, e *dialect.Event) {
	t.Helper()
	if e.CutFrom < 0 || e.CutTo < e.CutFrom || e.CutTo > len(e.Data) {
		t.Fatalf("cut from %d to %d of %d", e.CutFrom, e.CutTo, len(e.Data))
	}
	if left := Left(e); json.Valid(e.Data) && !json.Valid(left) {
		t.Errorf("%s is cut to %s", e.Data, left)
	}
}

// Left returns the data that the client gets to see of an event that is not dropped.
func Left(e *dialect.Event) []byte {
	return append(bytes.Clone(e.Data[:e.CutFrom]), e.Data[e.CutTo:]...)
}

func checkSigns(t *testing.T, s *dialect.Signs) {
	t.Helper()
	u := s.Usage
	if min(u.Input, u.Output, u.CachedInput, u.CacheWrite, u.Reasoning, u.InputAudio, u.OutputAudio) < 0 || s.Text < 0 {
		t.Errorf("negative: %+v", s)
	}
	if u.Estimated {
		t.Error("a watcher reports, and does not estimate")
	}
	if s.Last && !s.Whole && s.Finish != "" {
		t.Errorf("finished and over, and not whole: %+v", s)
	}
}
