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

// NextMember returns the next member of raw JSON in the order of the text, at whatever depth:
// its name as it stands between the quotes, what stands between the quotes of its value where
// that is a string, and what is behind. The name is nil when there is no member left. It goes
// by quotes and colons alone, so the JSON should be known to be valid.
func NextMember(raw []byte) (name, text, rest []byte) {
	for {
		name, rest = nextString(raw)
		if name == nil {
			return nil, nil, nil
		}
		raw = skipSpace(rest)
		if len(raw) == 0 || raw[0] != ':' {
			continue // an element of a list
		}
		rest = skipSpace(raw[1:])
		if len(rest) > 0 && rest[0] == '"' {
			text, rest = nextString(rest)
		}
		return name, text, rest
	}
}

// nextString returns what stands between the quotes of the next string, and what is behind
// it. It is nil when there is none that ends.
func nextString(raw []byte) (text, rest []byte) {
	begin := bytes.IndexByte(raw, '"') + 1
	if begin == 0 {
		return nil, nil
	}
	for end := begin; ; end++ {
		n := bytes.IndexByte(raw[end:], '"')
		if n < 0 {
			return nil, nil
		}
		if end += n; !escaped(raw[begin:end]) {
			return raw[begin:end], raw[end+1:]
		}
	}
}

func skipSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[0] == '\r' || b[0] == '\n') {
		b = b[1:]
	}
	return b
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

// StringLength returns how long the string is that data begins in: how far it is to the quote that
// ends it. It is -1 when there is none, or a character that is not allowed before it.
func StringLength(data []byte) int {
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case c == '"':
			return i
		case c < ' ':
			return -1
		case c == '\\' && i+1 < len(data) && data[i+1] >= ' ':
			i++ // over what is escaped
		}
	}
	return -1
}
