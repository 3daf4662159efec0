package rules

import (
	"strconv"
	"strings"
	"unsafe"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
)

// text returns b as a string without copying it. The bytes of a request are not changed
// after ingress, and no value of a rule outlives the request.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// jsonValue returns a JSON value as a CEL value. Objects and lists stay bytes and are read
// when they are asked. A number is an int when it is written as one and fits into 64 bits,
// a uint when only that has room for it, otherwise a double; CEL compares them all with
// each other by value.
func jsonValue(r gjson.Result) ref.Val {
	switch r.Type {
	case gjson.String:
		return types.String(r.Str)
	case gjson.Number:
		return jsonNumber(r)
	case gjson.True:
		return types.True
	case gjson.False:
		return types.False
	case gjson.JSON:
		if strings.HasPrefix(r.Raw, "[") {
			return &jsonList{raw: r.Raw}
		}
		return newJSONObject(r.Raw)
	default:
		return types.NullValue
	}
}

func jsonNumber(r gjson.Result) ref.Val {
	if !strings.ContainsAny(r.Raw, ".eE") {
		if i, err := strconv.ParseInt(r.Raw, 10, 64); err == nil {
			return types.Int(i)
		}
		if u, err := strconv.ParseUint(r.Raw, 10, 64); err == nil {
			return types.Uint(u)
		}
	}
	return types.Double(r.Num)
}

// jsonObject is a JSON object as a CEL map(string, dyn). Of a key that is there twice, the
// first one counts.
type jsonObject struct {
	lazyMap
	raw string
	// doc is the body's index, for the object that is the body.
	doc *llm.Document
}

// reset forgets what the object was, and keeps the memory of what was asked.
func (o *jsonObject) reset() {
	asked := o.asked
	clear(asked)
	*o = jsonObject{}
	o.asked = asked[:0]
}

func newJSONObject(raw string) *jsonObject {
	o := &jsonObject{raw: raw}
	o.from = o
	return o
}

func (o *jsonObject) lookup(name string) ref.Val {
	r := o.member(name)
	if !r.Exists() {
		return nil
	}
	return jsonValue(r)
}

func (o *jsonObject) member(name string) gjson.Result {
	switch {
	case o.doc != nil:
		raw, ok := o.doc.Get(name)
		if !ok {
			return gjson.Result{}
		}
		return gjson.Parse(text(raw))
	case name == "":
		// gjson has no path for the empty key.
		var found gjson.Result
		gjson.Parse(o.raw).ForEach(func(key, value gjson.Result) bool {
			if key.Str == "" {
				found = value
			}
			return !found.Exists()
		})
		return found
	default:
		return gjson.Get(o.raw, gjson.Escape(name))
	}
}

// members reads all members, in the order in which they are written.
func (o *jsonObject) members(yield func(name string, v ref.Val)) bool {
	if o.doc != nil {
		for i := range o.doc.Members {
			m := &o.doc.Members[i]
			yield(m.Name, jsonValue(gjson.Parse(text(o.doc.Raw[m.ValueStart:m.ValueEnd]))))
		}
		return true
	}
	gjson.Parse(o.raw).ForEach(func(key, value gjson.Result) bool {
		yield(key.Str, jsonValue(value))
		return true
	})
	return true
}
