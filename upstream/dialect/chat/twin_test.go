package chat

import (
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

func FuzzTwin(f *testing.F) {
	f.Add([]byte(`{"id":"c","choices":[{"delta":{"content":"a"}}],"obfuscation":"x"}`), []byte(`{"id":"c","choices":[{"delta":{"content":"ab\\"}}],"obfuscation":""}`))
	f.Add([]byte(`{"usage":null,"choices":[{"text":"a"}]}`), []byte(`{"usage":null,"choices":[{"text":"\""}]}`))
	f.Fuzz(func(t *testing.T, first, next []byte) {
		for _, hide := range []bool{false, true} {
			checkTwins(t, [][]byte{first, first, next, first}, hide)
		}
	})
}
