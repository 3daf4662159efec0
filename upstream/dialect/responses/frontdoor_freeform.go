package responses

import (
	"bytes"
	"strings"

	"github.com/tidwall/gjson"
)

// freeform reads the input of a custom tool out of the arguments of the function that stands
// for it, piece by piece: see freeformInput.
type freeform struct {
	raw     []byte // arguments that have not been read, inside a JSON string
	text    []byte // arguments that have been read and not used
	verdict verdict
	closed  bool // the input has ended
}

// verdict is whether a call is one of a custom tool.
type verdict int

const (
	unknown verdict = iota
	isFunction
	isCustom
)

// add adds a piece of the arguments, as it stands inside a JSON string.
func (f *freeform) add(raw string) {
	f.raw = append(f.raw, raw...)
	n := len(f.raw)
	if n >= 6 && isHighSurrogate(f.raw[n-6:]) && !escaped(f.raw[:n-6]) {
		n -= 6 // its other half is still to come
	}
	f.text = append(f.text, gjson.Parse(`"`+string(f.raw[:n])+`"`).Str...)
	f.raw = append(f.raw[:0], f.raw[n:]...)
	if f.verdict == unknown {
		var begin int
		if begin, f.verdict = freeformStart(f.text); f.verdict == isCustom {
			f.text = append(f.text[:0], f.text[begin:]...)
		}
	}
}

// freeformStart says whether the arguments begin as those of a custom tool do, and where the
// input begins.
func freeformStart(arguments []byte) (begin int, v verdict) {
	rest := arguments
	for _, want := range [...]string{"{", `"` + freeformInput + `"`, ":", `"`} {
		rest = bytes.TrimLeft(rest, " \t\r\n")
		n := min(len(rest), len(want))
		if string(rest[:n]) != want[:n] {
			return 0, isFunction
		}
		if n < len(want) {
			return 0, unknown
		}
		rest = rest[n:]
	}
	return len(arguments) - len(rest), isCustom
}

// take appends what has come of the input, as it stands inside a JSON string. Escapes are kept
// as they are; those that are not whole wait for the rest, unless there is none. Models write
// line breaks where JSON wants escapes, which are escaped.
func (f *freeform) take(b []byte, last bool) []byte {
	at := 0
	for at < len(f.text) && !f.closed {
		c, rest := f.text[at], f.text[at:]
		switch {
		case c == '"':
			f.closed = true
		case c == '\\':
			n, whole := escape(rest)
			if !whole && !last {
				f.text = append(f.text[:0], rest...)
				return b
			}
			if n == 0 {
				b = append(b, `\\`...) // it escapes nothing
				n = 1
			} else {
				b = append(b, rest[:n]...)
			}
			at += n
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', '0'+c>>4, "0123456789abcdef"[c&15])
			at++
		default:
			b = append(b, c)
			at++
		}
	}
	f.text = f.text[:0]
	return b
}

// escape returns the length of the escape that text begins with, 0 for one that JSON does not
// have, and whether there is enough of text to tell. Both halves of a surrogate pair are one.
func escape(text []byte) (n int, whole bool) {
	if len(text) < 2 {
		return 0, false
	}
	if text[1] != 'u' {
		if strings.IndexByte(`"\/bfnrt`, text[1]) < 0 {
			return 0, true
		}
		return 2, true
	}
	for i := 2; i < 6; i++ {
		if i == len(text) {
			return 0, false
		}
		if !isHex(text[i]) {
			return 0, true
		}
	}
	if isHighSurrogate(text[:6]) && len(text) < 12 {
		return 6, false
	}
	return 6, true
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' }

// escaped says whether what follows b is escaped by the backslashes at its end.
func escaped(b []byte) bool {
	return (len(b)-len(bytes.TrimRight(b, `\`)))%2 == 1
}

// isHighSurrogate says whether six bytes escape the first half of a surrogate pair.
func isHighSurrogate(b []byte) bool {
	return b[0] == '\\' && b[1] == 'u' && b[2]|0x20 == 'd' && (b[3] == '8' || b[3] == '9' || b[3]|0x20 == 'a' || b[3]|0x20 == 'b')
}
