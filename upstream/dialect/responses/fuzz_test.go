package responses

import (
	"encoding/json"
	"testing"

	"github.com/mulligan-gateway/mulligan/llm"
)

// FuzzFreeform reads arguments in two pieces: the input must be a JSON string in any case, and
// the one that the arguments hold where they are JSON.
func FuzzFreeform(f *testing.F) {
	f.Add(`{"custom_tool_input":"*** Begin\n\"\ud83d\ude00"}`, 30)
	f.Add(`{ "custom_tool_input" : "a\`, 3)
	f.Add("{\"custom_tool_input\":\"a\n\\q\\u12\"", 25)
	f.Fuzz(func(t *testing.T, arguments string, cut int) {
		quoted := llm.AppendString(nil, arguments)
		inner := string(quoted[1 : len(quoted)-1])
		cut = max(0, min(cut, len(inner)))
		for range 6 { // escapes are not cut by the pieces of a stream
			if !json.Valid([]byte(`"` + inner[:cut] + `"`)) {
				cut = max(0, cut-1)
			}
		}
		var r freeform
		var b []byte
		for _, piece := range []string{inner[:cut], inner[cut:]} {
			if r.add(piece); r.verdict == isCustom {
				b = r.take(b, false)
			}
		}
		if r.verdict != isCustom {
			return
		}
		b = append(append([]byte{'"'}, r.take(b, true)...), '"')
		var got string
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%q becomes %s", arguments, b)
		}
		var want map[string]string
		if json.Unmarshal([]byte(arguments), &want) == nil && len(want) == 1 && want[freeformInput] != got {
			t.Errorf("%q becomes %q", arguments, got)
		}
	})
}
