package dialect

import (
	"bytes"
	"encoding/json"
)

// Unquote returns the text of a JSON string, and "" for any other value.
func Unquote(raw []byte) string {
	if len(raw) < 2 || raw[0] != '"' {
		return ""
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// StringLength returns how long the string values of a member of that quoted name, such as
// `"content"`, are in raw JSON, wherever they stand. It is an estimate: it does not parse.
func StringLength(raw, quotedName []byte) int {
	length := 0
	for {
		i := bytes.Index(raw, quotedName)
		if i < 0 {
			return length
		}
		raw = raw[i+len(quotedName):]
		value := bytes.TrimLeft(raw, ": ")
		if len(value) == 0 || value[0] != '"' {
			continue
		}
		value = value[1:]
		for end := 0; ; {
			q := bytes.IndexByte(value[end:], '"')
			if q < 0 {
				return length + len(value)
			}
			end += q
			if !escaped(value[:end]) {
				length += end
				raw = value[end:]
				break
			}
			end++
		}
	}
}

// escaped says whether what follows b is escaped by the backslashes at its end.
func escaped(b []byte) bool {
	n := 0
	for n < len(b) && b[len(b)-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

// IsEmpty says whether a JSON value holds nothing: null, "", [] or {}.
func IsEmpty(raw []byte) bool {
	switch string(raw) {
	case "", "null", `""`, "[]", "{}":
		return true
	}
	return false
}
