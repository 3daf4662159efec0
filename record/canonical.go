package record

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// plainDepth is how deep what isPlain accepts may nest; deeper objects are decoded.
const plainDepth = 32

// isPlain says whether a text is a JSON object just as cleanObject would write it, which most
// are that a gateway made itself. It is careful rather than complete: what it does not accept may
// be clean too. One pass, no allocation.
func isPlain(text json.RawMessage) bool {
	p := plainReader{text: text}
	return len(text) > 0 && text[0] == '{' && p.value(plainDepth) && p.at == len(text)
}

// plainReader goes over a JSON text. Its methods say whether what they passed is clean.
type plainReader struct {
	text []byte
	at   int
}

// next skips one byte if it is c.
func (p *plainReader) next(c byte) bool {
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *plainReader) value(depth int) bool {
	if depth < 0 || p.at >= len(p.text) {
		return false
	}
	switch p.text[p.at] {
	case '{':
		return p.object(depth)
	case '[':
		return p.array(depth)
	case '"':
		_, ok := p.string(true)
		return ok
	case 't':
		return p.word("true")
	case 'f':
		return p.word("false")
	case 'n':
		return p.word("null")
	default:
		return p.number()
	}
}

// object passes members with sorted, unique names.
func (p *plainReader) object(depth int) bool {
	p.at++
	if p.next('}') {
		return true
	}
	var last []byte
	for first := true; ; first = false {
		name, ok := p.string(false)
		if !ok || !first && bytes.Compare(last, name) >= 0 || !p.next(':') || !p.value(depth-1) {
			return false
		}
		if last = name; !p.next(',') {
			return p.next('}')
		}
	}
}

func (p *plainReader) array(depth int) bool {
	p.at++
	if p.next(']') {
		return true
	}
	for {
		if !p.value(depth - 1) {
			return false
		}
		if !p.next(',') {
			return p.next(']')
		}
	}
}

// string passes a text and returns it without its quotes. Escapes, where they are allowed, are
// those that encoding/json writes, but for the rare ones.
func (p *plainReader) string(escapes bool) ([]byte, bool) {
	if !p.next('"') {
		return nil, false
	}
	begin, ascii := p.at, true
	for ; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; {
		case c == '"':
			text := p.text[begin:p.at]
			p.at++
			return text, ascii || plainUTF8(text)
		case c < ' ':
			return nil, false
		case c == '\\':
			p.at++
			if !escapes || p.at >= len(p.text) || bytes.IndexByte([]byte(`"\nrt`), p.text[p.at]) < 0 {
				return nil, false
			}
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return nil, false
}

// plainUTF8 says whether encoding/json leaves a text with other than ASCII letters as it is: it
// escapes U+2028 and U+2029 (source: https://pkg.go.dev/encoding/json#Marshal).
func plainUTF8(text []byte) bool {
	return utf8.Valid(text) && !bytes.Contains(text, []byte("\u2028")) && !bytes.Contains(text, []byte("\u2029"))
}

func (p *plainReader) word(word string) bool {
	if !bytes.HasPrefix(p.text[p.at:], []byte(word)) {
		return false
	}
	p.at += len(word)
	return true
}

// number passes a number as RFC 8259 has it, section 6.
func (p *plainReader) number() bool {
	p.next('-')
	if !p.next('0') && !p.digits() {
		return false
	}
	if p.next('.') && !p.digits() {
		return false
	}
	if p.next('e') || p.next('E') {
		if !p.next('+') {
			p.next('-')
		}
		return p.digits()
	}
	return true
}

// digits passes one digit or more.
func (p *plainReader) digits() bool {
	begin := p.at
	for p.at < len(p.text) && '0' <= p.text[p.at] && p.text[p.at] <= '9' {
		p.at++
	}
	return p.at > begin
}
