package chat

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"

	_ "github.com/mulligan-gateway/mulligan/internal/rapidseed" // the same inputs in each run
	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

// stream is what a client gets of a stream, by the data of the events.
func stream(t *testing.T, w *Watcher, events ...string) (seen []string) {
	t.Helper()
	for _, data := range events {
		e := event(t, w, data)
		if !e.Drop {
			seen = append(seen, string(dialecttest.Left(&e)))
		}
	}
	return seen
}

func TestUsageOfAStreamIsTheLastThatIsSaid(t *testing.T) {
	const chunk = `{"choices":[{"index":0,"delta":{"content":"x"}}],"usage":`
	for name, c := range map[string]struct {
		events []string
		want   llm.Usage
	}{
		"in an event of its own": {
			[]string{chunk + `null}`, `{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}`},
			llm.Usage{Input: 9, Output: 2, Known: true},
		},
		"with the last content, as Mistral sends it": {
			[]string{`{"choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"total_tokens":11,"completion_tokens":2}}`},
			llm.Usage{Input: 9, Output: 2, Known: true},
		},
		"growing in every event": {
			[]string{chunk + `{"prompt_tokens":9,"completion_tokens":1}}`, chunk + `{"prompt_tokens":9,"completion_tokens":2}}`, chunk + `{"prompt_tokens":9,"completion_tokens":3}}`},
			llm.Usage{Input: 9, Output: 3, Known: true},
		},
		"never, though asked for":     {[]string{chunk + `null}`, chunk + `null}`}, llm.Usage{}},
		"known before, and then null": {[]string{chunk + `{"prompt_tokens":9,"completion_tokens":1}}`, chunk + `null}`}, llm.Usage{Input: 9, Output: 1, Known: true}},
	} {
		for _, hide := range []bool{false, true} {
			w := NewWatcher(hide)
			stream(t, w, c.events...)
			if got := w.Signs().Usage; got != c.want {
				t.Errorf("%s: %+v, want %+v", name, got, c.want)
			}
		}
	}
}

func TestUsageThatWasNotAskedForIsHidden(t *testing.T) {
	seen := stream(t, NewWatcher(true), contract.Stream...)
	want := []string{
		strings.Replace(contract.Stream[0], `,"usage":null`, "", 1),
		strings.Replace(contract.Stream[1], `,"usage":null`, "", 1),
		strings.Replace(contract.Stream[2], `"usage":null,`, "", 1),
		`[DONE]`,
	}
	if len(seen) != len(want) {
		t.Fatalf("the client sees %q", seen)
	}
	for i := range want {
		if seen[i] != want[i] {
			t.Errorf("the client sees %s, want %s", seen[i], want[i])
		}
	}
	if seen := stream(t, NewWatcher(false), contract.Stream...); len(seen) != len(contract.Stream) {
		t.Errorf("asked for, the client sees %q", seen)
	}
}

func TestOnlyTheUsageIsCutOut(t *testing.T) {
	const choices = `"choices":[{"index":0,"delta":{"content":"a \"usage\":null, b"}}]`
	for data, want := range map[string]string{
		`{"usage":null,` + choices + `}`:                                    `{` + choices + `}`,
		`{` + choices + `,"usage":null}`:                                    `{` + choices + `}`,
		`{"id":"1","usage":null,` + choices + `}`:                           `{"id":"1",` + choices + `}`,
		`{` + choices + `,"usage":{"prompt_tokens":1},"x_groq":{"id":"r"}}`: `{` + choices + `,"x_groq":{"id":"r"}}`,
		`{ "usage" : null }`:                                                `{  }`,
		`{ "id" : "1" , "usage" : { } }`:                                    `{ "id" : "1"  }`,
		`{"choices":[],"usage":null}`:                                       `{"choices":[]}`,
		`{` + choices + `}`:                                                 `{` + choices + `}`,
		`{` + choices + `,"usages":{"usage":null}}`:                         `{` + choices + `,"usages":{"usage":null}}`,
	} {
		if seen := stream(t, NewWatcher(true), data); len(seen) != 1 || seen[0] != want {
			t.Errorf("%s becomes %q, want %s", data, seen, want)
		}
	}
	if seen := stream(t, NewWatcher(true), `{"choices":[],"usage":{"total_tokens":7}}`); len(seen) != 0 {
		t.Errorf("a usage-only event becomes %q", seen)
	}
}

// space draws white space between the tokens of JSON.
func space(t *rapid.T) string { return rapid.StringMatching(`[ \t\r\n]{0,2}`).Draw(t, "space") }

// value draws any JSON value.
func value(t *rapid.T) string {
	return rapid.SampledFrom([]string{
		`null`, `true`, `-1.5e9`, `""`, `"}"`, `",\"usage\":null,"`, `"\\"`, `[]`, `{}`, `[1, {"usage":null}]`, `{"usage" : {"a":","} }`, `"é"`,
	}).Draw(t, "value")
}

func TestCuttingLeavesTheOtherMembersByteForByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfDistinct(rapid.SampledFrom([]string{"id", "choices", "model", "usages", "", "x,}", "obfuscation"}), rapid.ID).Draw(t, "names")
		at := rapid.IntRange(0, len(names)).Draw(t, "at")
		usage := rapid.SampledFrom([]string{`null`, `{}`, `{"prompt_tokens":3,"completion_tokens":4}`, `{"a":{"b":["}",","]}}`, `7`, `"x"`, `[1,2]`}).Draw(t, "usage")
		want := make(map[string]string)
		var members []string
		for i := 0; i <= len(names); i++ {
			if i == at {
				members = append(members, space(t)+`"usage"`+space(t)+`:`+space(t)+usage+space(t))
			}
			if i < len(names) {
				v := value(t)
				if names[i] == "choices" {
					v = `[{"delta":{"content":"x, \"usage\":null}"}}]`
				}
				want[names[i]] = v
				name, _ := json.Marshal(names[i])
				members = append(members, space(t)+string(name)+space(t)+`:`+space(t)+v+space(t))
			}
		}
		e := dialect.Event{Data: []byte(space(t) + `{` + strings.Join(members, ",") + `}` + space(t))}
		err := NewWatcher(true).Event(&e)
		var reported *dialect.ReportedError
		if errors.As(err, &reported) {
			t.Skip("an error by chance")
		}
		if err != nil {
			t.Fatalf("%s: %v", e.Data, err)
		}
		if _, spoken := want["choices"]; e.Drop != (!spoken && strings.Contains(usage, "prompt_tokens")) {
			t.Fatalf("%s: drop is %t", e.Data, e.Drop)
		}
		if e.Drop {
			return
		}
		left := dialecttest.Left(&e)
		var got map[string]json.RawMessage
		if err := json.Unmarshal(left, &got); err != nil {
			t.Fatalf("%s becomes %s: %v", e.Data, left, err)
		}
		same := maps.EqualFunc(want, got, func(a string, b json.RawMessage) bool { return a == string(b) })
		if !same {
			t.Fatalf("%s becomes %s", e.Data, left)
		}
	})
}
