package record

import (
	"encoding/json"
	"fmt"
)

// MaxObject is how long a row's metadata, context and inputs may each be, in bytes.
const MaxObject = 64 << 10

// BoundObject returns a JSON object, or what stands for one that is too long to be kept.
func BoundObject(raw json.RawMessage) json.RawMessage {
	if len(raw) <= MaxObject {
		return raw
	}
	return fmt.Appendf(nil, `{"_omitted_bytes":%d}`, len(raw))
}

// CloneObjects returns copies of three JSON objects, in one piece of memory, each as
// BoundObject has it. Those that are empty stay nil.
func CloneObjects(a, b, c json.RawMessage) (json.RawMessage, json.RawMessage, json.RawMessage) {
	a, b, c = BoundObject(a), BoundObject(b), BoundObject(c)
	n := len(a) + len(b) + len(c)
	if n == 0 {
		return nil, nil, nil
	}
	space := make([]byte, 0, n)
	clone := func(raw json.RawMessage) json.RawMessage {
		if len(raw) == 0 {
			return nil
		}
		start := len(space)
		space = append(space, raw...)
		return json.RawMessage(space[start:len(space):len(space)])
	}
	return clone(a), clone(b), clone(c)
}
