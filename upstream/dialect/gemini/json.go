package gemini

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
)

// element begins the next value of the list or the object that b ends in.
func element(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] != '{' && b[n-1] != '[' {
		b = append(b, ',')
	}
	return b
}

// member begins the next member of the object that b ends in.
func member(b []byte, name string) []byte {
	b = append(element(b), '"')
	b = append(b, name...)
	return append(b, `":`...)
}

// raw appends a member whose value is JSON, if there is one.
func raw(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return append(member(b, name), value...)
}

// inner is what stands between the quotes of a JSON string, escaped as it is: texts are
// copied and joined without being read, and are as sound as they came. It is "" for any other
// value.
func inner(v gjson.Result) string {
	if v.Type != gjson.String || len(v.Raw) < 2 {
		return ""
	}
	return v.Raw[1 : len(v.Raw)-1]
}

// quoted appends a member whose value is the string that has these inner bytes.
func quoted(b []byte, name string, inner []byte) []byte {
	b = append(member(b, name), '"')
	b = append(b, inner...)
	return append(b, '"')
}

// given says whether a member is there and not null.
func given(v gjson.Result) bool { return v.Type != gjson.Null }

// appendCompact appends JSON, without the white space between its tokens, as a JSON string.
func appendCompact(b []byte, value string) []byte {
	if strings.ContainsAny(value, " \t\r\n") {
		var out bytes.Buffer
		if json.Compact(&out, []byte(value)) == nil {
			value = out.String()
		}
	}
	return llm.AppendString(b, value)
}

// isObject says whether text is a JSON object. It must not go by gjson's validity: a text
// comes from a string, inside which nobody has checked how deep it nests.
func isObject(text string) bool {
	var d llm.Document
	return llm.ParseReplyInto(&d, []byte(text)) == nil
}
