// Package hub is what the dialects share of OpenAI's chat, the hub at which they meet: reading
// its requests (Request, Message, Part, Choice, Function, Call), writing its replies (Reply)
// and its streams (Chunks), and the few ways in which all of them take JSON apart and put it
// together. A dialect below upstream/dialect has its vendor's words alone; what any of them
// needs to know of chat is here.
//
// Nothing is decoded that need not be: values are copied as the bytes they came in, so that
// numbers and texts stay what they are. A text is passed around as it stands between its
// quotes, its inside, which can be copied and joined without being read, and is as sound as it
// came.
//
// Source: https://platform.openai.com/docs/api-reference/chat.
package hub

import (
	"strings"
	"unicode"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
)

// Present says whether a member is there and says something: null is how many clients leave
// a member out.
func Present(v gjson.Result) bool { return v.Type != gjson.Null }

// Inside returns a JSON string as it stands between its quotes, and "" for any other value.
func Inside(v gjson.Result) string {
	if v.Type != gjson.String || len(v.Raw) < 2 {
		return ""
	}
	return v.Raw[1 : len(v.Raw)-1]
}

// Blank says whether a value is no text, or one that is empty or white space alone.
func Blank(v gjson.Result) bool {
	return v.Type != gjson.String || strings.TrimFunc(v.Str, unicode.IsSpace) == ""
}

// StringOr returns a value as it stands when it is a string, else otherwise.
func StringOr(v gjson.Result, otherwise string) string {
	if v.Type == gjson.String {
		return v.Raw
	}
	return otherwise
}

// Comma appends a comma unless what is before it opens a list or an object, or is nothing.
func Comma(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] != '[' && b[n-1] != '{' {
		return append(b, ',')
	}
	return b
}

// Name begins a member of the object that b ends in, whose value is to follow.
func Name(b []byte, name string) []byte {
	b = append(Comma(b), '"')
	b = append(b, name...)
	return append(b, `":`...)
}

// Member appends a member of an object, whose value is JSON.
func Member(b []byte, name, value string) []byte { return append(Name(b, name), value...) }

// Given appends a member whose value is JSON, unless that is "".
func Given(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return Member(b, name, value)
}

// Quoted appends a member whose value is a text, given by its inside.
func Quoted[T string | []byte](b []byte, name string, inside T) []byte {
	b = append(Name(b, name), '"')
	b = append(b, inside...)
	return append(b, '"')
}

// List appends a member whose value is a list, given by its elements with commas between them,
// unless that is empty.
func List(b []byte, name string, elements []byte) []byte {
	if len(elements) == 0 {
		return b
	}
	b = append(Name(b, name), '[')
	return append(append(b, elements...), ']')
}

// Copy appends a member of another object as it stands.
func Copy(b []byte, name, value gjson.Result) []byte {
	b = append(append(Comma(b), name.Raw...), ':')
	return append(b, strings.TrimSpace(value.Raw)...)
}

// Each calls f with each element of a list, until it returns false. null and whatever else is no
// list has no elements.
func Each(list gjson.Result, f func(v gjson.Result) bool) {
	if list.IsArray() {
		list.ForEach(func(_, v gjson.Result) bool { return f(v) })
	}
}

// Quote returns a text as a JSON string.
func Quote(s string) string {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return string(llm.AppendString(make([]byte, 0, len(s)+16), s))
		}
	}
	return `"` + s + `"`
}

// AppendInside appends a text, read, as the inside of a JSON string.
func AppendInside(b []byte, text string) []byte {
	at := len(b)
	b = llm.AppendString(b, text)
	copy(b[at:], b[at+1:]) // over the quote
	return b[:len(b)-2]
}

// IsObject says whether a text is a JSON object. It must not go by gjson's validity: a text
// comes from a string, inside which nobody has checked how deep it nests.
func IsObject(text string) bool {
	var d llm.Document
	return llm.ParseReplyInto(&d, []byte(text)) == nil
}

// OneLine makes what is behind from one line of an event, in place, and returns all of it: JSON
// may hold line ends between its values, and nowhere else.
func OneLine(b []byte, from int) []byte {
	for i := from; i < len(b); i++ {
		if b[i] == '\n' || b[i] == '\r' {
			b[i] = ' '
		}
	}
	return b
}
