package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
)

// ValueKind is what a feedback's value is.
type ValueKind string

// The kinds of values.
const (
	ValueBool   ValueKind = "boolean"
	ValueNumber ValueKind = "number"
	ValueText   ValueKind = "string"
	ValueList   ValueKind = "list"
)

// Value is a feedback's value: a boolean, a finite number, a text, or a list of texts. Its
// JSON is the value itself.
type Value struct {
	Kind ValueKind
	// Number is the number, or 1 and 0 for true and false.
	Number float64
	// Texts holds the text, or the list.
	Texts []string
}

var errValue = errors.New("the value must be a boolean, a finite number, a string or a list of strings")

// Bool returns a value that is true or false.
func Bool(b bool) Value {
	if b {
		return Value{Kind: ValueBool, Number: 1}
	}
	return Value{Kind: ValueBool}
}

// Number returns a value that is a number.
func Number(n float64) Value { return Value{Kind: ValueNumber, Number: n} }

// Text returns a value that is a text.
func Text(s string) Value { return Value{Kind: ValueText, Texts: []string{s}} }

// List returns a value that is a list of texts.
func List(texts ...string) Value { return Value{Kind: ValueList, Texts: texts} }

// Numeric says whether a mean of such values means something.
func (v Value) Numeric() bool { return v.Kind == ValueBool || v.Kind == ValueNumber }

// Labels returns the value as texts, one for each that is counted on its own: "true", "4.5",
// the text, or each text of a list.
func (v Value) Labels() []string {
	switch v.Kind {
	case ValueBool, ValueNumber:
		text, err := v.MarshalJSON()
		if err != nil {
			return nil
		}
		return []string{string(text)}
	default:
		return v.Texts
	}
}

// MarshalJSON implements json.Marshaler.
func (v Value) MarshalJSON() ([]byte, error) {
	switch v.Kind {
	case ValueBool:
		return json.Marshal(v.Number == 1)
	case ValueNumber:
		if math.IsNaN(v.Number) || math.IsInf(v.Number, 0) {
			return nil, errValue
		}
		return json.Marshal(v.Number)
	case ValueText:
		return json.Marshal(strings.Join(v.Texts, ""))
	case ValueList:
		if v.Texts == nil {
			return []byte("[]"), nil
		}
		return json.Marshal(v.Texts)
	default:
		return nil, errValue
	}
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *Value) UnmarshalJSON(text []byte) error {
	text = bytes.TrimSpace(text)
	var b bool
	var n float64
	var s string
	var l []string
	switch {
	case len(text) == 0 || text[0] == 'n': // null decodes into anything
		return errValue
	case json.Unmarshal(text, &b) == nil:
		*v = Bool(b)
	case json.Unmarshal(text, &n) == nil:
		*v = Number(n)
	case json.Unmarshal(text, &s) == nil:
		*v = Text(s)
	case text[0] == '[' && !bytes.Contains(text, []byte("null")) && json.Unmarshal(text, &l) == nil:
		*v = List(l...)
	default:
		return errValue
	}
	return nil
}
