package chat

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// inFull reads an event as a watcher does that has no twin for it.
func inFull(w *Watcher, e *dialect.Event) error {
	w.twin = twin{}
	return w.Event(e)
}

// checkTwins has two watchers read the same events, one of them always in full, and they must
// find the same.
func checkTwins(t *testing.T, events [][]byte, hide bool) (twins int) {
	t.Helper()
	quick, full := NewWatcher(hide), NewWatcher(hide)
	for i, data := range events {
		if _, _, _, ok := quick.twin.match(data); ok && quick.begun {
			twins++
		}
		a, b := dialect.Event{Data: data}, dialect.Event{Data: data}
		errA, errB := quick.Event(&a), inFull(full, &b)
		if fmt.Sprint(errA) != fmt.Sprint(errB) {
			t.Fatalf("event %d: %v, and in full %v\n%s", i, errA, errB, data)
		}
		if errA != nil {
			return twins
		}
		if a.Drop != b.Drop || a.CutTo-a.CutFrom != b.CutTo-b.CutFrom || a.CutTo > a.CutFrom && a.CutFrom != b.CutFrom {
			t.Fatalf("event %d: drop %v, cut %d to %d, and in full %v, %d to %d\n%s", i, a.Drop, a.CutFrom, a.CutTo, b.Drop, b.CutFrom, b.CutTo, data)
		}
		if a.Output != b.Output && !quick.begun {
			t.Fatalf("event %d: output %v, and in full %v", i, a.Output, b.Output)
		}
		if !reflect.DeepEqual(quick.signs, full.signs) {
			t.Fatalf("event %d: %+v, and in full %+v\n%s", i, quick.signs, full.signs, data)
		}
	}
	return twins
}

func TestEventsAlikeAreReadAsInFull(t *testing.T) {
	const (
		openAI = `{"id":"c1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}],"usage":null,"obfuscation":"%s"}`
		early  = `{"obfuscation":"%s","usage":null,"id":"c1","choices":[{"index":0,"delta":{"content":"%s"}}]}`
		tool   = `{"id":"c1","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"%s%s"}}]}}]}`
	)
	texts := []string{"Hello", " wor", "ld", "", `\n`, `\\`, `say \"no\"`, "äöü 漢字", `\u00e4`, "a longer piece of text than the others", "x"}
	for name, form := range map[string]string{"OpenAI": openAI, "other order": early, "tool call": tool} {
		for _, hide := range []bool{false, true} {
			var events [][]byte
			for i, text := range texts {
				other := texts[(i*7+3)%len(texts)]
				events = append(events, fmt.Appendf(nil, form, text, other))
			}
			if n := checkTwins(t, events, hide); n < 3 {
				t.Errorf("%s: only %d events were taken for alike", name, n)
			}
		}
	}
}

func TestEventsThatDifferAreReadInFull(t *testing.T) {
	const head = `{"id":"c1","choices":[{"index":0,"delta":{"content":"`
	plain := head + `Hello"},"finish_reason":null}]}`
	for _, next := range []string{
		head + `Hello"},"finish_reason":"stop"}]}`,
		head + `Hello"},"finish_reason":null}],"usage":{"prompt_tokens":1,"completion_tokens":2}}`,
		head + `Hello"},"finish_reason":null}],"error":{"message":"no"}}`,
		head + `Hello"}`,
		head + `Hello`,
		head + "He\x01llo\"},\"finish_reason\":null}]}",
		head + `He"llo"},"finish_reason":null}]}`,
		head + `Hello\"},"finish_reason":null}]}`,
		`[DONE]`,
	} {
		if n := checkTwins(t, [][]byte{[]byte(plain), []byte(plain), []byte(next), []byte(plain)}, false); n < 1 {
			t.Errorf("nothing is alike before %s", next)
		}
		w := NewWatcher(false)
		for range 2 {
			if err := w.Event(&dialect.Event{Data: []byte(plain)}); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, _, ok := w.twin.match([]byte(next)); ok {
			t.Errorf("it is not the same: %s", next)
		}
	}
}

// framed is what a stream's events are sent as.
func framed(data []byte) []byte { return append(append([]byte("data: "), data...), "\n\n"...) }

// checkRun has a watcher read a stream of events as many at once as it can, and another one by
// one. They must find the same. It returns how many were read at once.
func checkRun(t *testing.T, events [][]byte, hide bool) (atOnce int) {
	t.Helper()
	quick, single := NewWatcher(hide), NewWatcher(hide)
	var stream []byte
	for _, data := range events {
		stream = append(stream, framed(data)...)
	}
	for i := 0; i < len(events); i++ {
		for n := quick.Run(stream); n > 0; i++ {
			if i == len(events) {
				t.Fatalf("%d bytes too many were read at once", n)
			}
			e := dialect.Event{Data: events[i]}
			if err := single.Event(&e); err != nil || e.Drop || e.CutFrom < e.CutTo || !e.Output {
				t.Fatalf("event %d was read at once, and is %+v, %v by itself\n%s", i, e, err, events[i])
			}
			whole := len(framed(events[i]))
			n, stream, atOnce = n-whole, stream[whole:], atOnce+1
			if n < 0 {
				t.Fatalf("a part of event %d was read at once\n%s", i, events[i])
			}
		}
		if i == len(events) {
			break
		}
		a, b := dialect.Event{Data: events[i]}, dialect.Event{Data: events[i]}
		if errA, errB := quick.Event(&a), single.Event(&b); errA != nil || errB != nil {
			break // which they must both see is checkTwins' concern
		}
		stream = stream[len(framed(events[i])):]
	}
	if !reflect.DeepEqual(quick.signs, single.signs) {
		t.Fatalf("%+v, and one by one %+v", quick.signs, single.signs)
	}
	return atOnce
}

func TestEventsAreReadAtOnceAsOneByOne(t *testing.T) {
	const head, tail = `{"id":"c1","choices":[{"index":0,"delta":{"content":"`, `"},"finish_reason":null}]}`
	event := func(text string) []byte { return []byte(head + text + tail) }
	different := []byte(head + `."},"finish_reason":"stop"}]}`)
	for name, c := range map[string]struct {
		events [][]byte
		hide   bool
		atOnce int
	}{
		"alike":            {[][]byte{event("a"), event("bc"), event(`\n\"`), event("d")}, false, 3},
		"one between":      {[][]byte{event("a"), event("b"), different, event("c"), event("d")}, false, 2},
		"usage hidden":     {[][]byte{[]byte(`{"choices":[{"delta":{"content":"a"}}],"usage":null}`), []byte(`{"choices":[{"delta":{"content":"b"}}],"usage":null}`)}, true, 0},
		"nothing said yet": {[][]byte{event(""), event(""), event("a"), event("b")}, false, 1},
	} {
		if n := checkRun(t, c.events, c.hide); n != c.atOnce {
			t.Errorf("%s: %d events were read at once, want %d", name, n, c.atOnce)
		}
	}
}

func TestWhatIsNotAWholeEventIsNotReadAtOnce(t *testing.T) {
	const plain = `{"choices":[{"delta":{"content":"Hi"}}]}`
	for _, rest := range []string{
		"data: " + plain, "data: " + plain + "\n", "data: " + plain + "\n\r", "data: " + plain + "\ndata: x\n\n", "data:" + plain + "\n\n",
		"event: x\ndata: " + plain + "\n\n", "data: " + plain + "\r\n\r\n", ": comment\n\n", "\ndata: " + plain + "\n\n", "",
	} {
		w := NewWatcher(false)
		if err := w.Event(&dialect.Event{Data: []byte(plain)}); err != nil {
			t.Fatal(err)
		}
		if n := w.Run(append(framed([]byte(plain)), rest...)); n != len(framed([]byte(plain))) {
			t.Errorf("%d bytes were read at once before %q", n, rest)
		}
	}
	w := NewWatcher(false)
	lines := []byte("{\"choices\":\n[{\"delta\":{\"content\":\"Hi\"}}]}") // the data of two lines of an event
	if err := w.Event(&dialect.Event{Data: lines}); err != nil {
		t.Fatal(err)
	}
	if n := w.Run(framed(lines)); n != 0 {
		t.Errorf("%d bytes of an event whose data is its first line only were read at once", n)
	}
}

func FuzzTwin(f *testing.F) {
	f.Add([]byte(`{"id":"c","choices":[{"delta":{"content":"a"}}],"obfuscation":"x"}`), []byte(`{"id":"c","choices":[{"delta":{"content":"ab\\"}}],"obfuscation":""}`))
	f.Add([]byte(`{"usage":null,"choices":[{"text":"a"}]}`), []byte(`{"usage":null,"choices":[{"text":"\""}]}`))
	f.Fuzz(func(t *testing.T, first, next []byte) {
		for _, hide := range []bool{false, true} {
			checkTwins(t, [][]byte{first, first, next, first}, hide)
			if !bytes.ContainsAny(append(append([]byte{}, first...), next...), "\r\n") {
				checkRun(t, [][]byte{first, first, next, first}, hide)
			}
		}
	})
}
