package chat

import (
	"reflect"
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

func TestAWatcherThatIsUsedAgainIsLikeANewOne(t *testing.T) {
	used := NewWatcher(true)
	used.Expect(3)
	for _, data := range []string{
		`{"id":"a","model":"m","choices":[{"delta":{"content":"Hello"},"finish_reason":null}]}`,
		`{"id":"a","model":"m","choices":[{"delta":{"content":"World"},"finish_reason":null}]}`,
		`{"id":"a","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2},"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1}`,
		`{"id":"a","choices":[{"delta":{"content":"` + strings.Repeat("x", 2*keptEvent) + `"}}]}`,
		`[DONE]`,
	} {
		if err := used.Event(&dialect.Event{Data: []byte(data)}); err != nil {
			t.Fatal(err)
		}
	}
	used.Reset()
	if !reflect.DeepEqual(*used.Signs(), dialect.Signs{}) || used.hideUsage || cap(used.twin.data) > keptEvent || used.doc.Raw != nil {
		t.Errorf("it remembers %+v", used)
	}
	const event = `{"id":"b","model":"n","choices":[{"delta":{"content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}`
	e, f := dialect.Event{Data: []byte(event)}, dialect.Event{Data: []byte(event)}
	fresh := NewWatcher(false)
	if err := used.Event(&e); err != nil {
		t.Fatal(err)
	}
	if err := fresh.Event(&f); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(used.Signs(), fresh.Signs()) || !reflect.DeepEqual(e, f) {
		t.Errorf("it says %+v of %+v, and a new one %+v of %+v", used.Signs(), e, fresh.Signs(), f)
	}
}
