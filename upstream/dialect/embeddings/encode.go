package embeddings

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// Format is how a vector is written in JSON.
type Format string

// The formats.
const (
	// Float is a list of numbers.
	Float Format = "float"
	// Base64 is a string: the numbers as IEEE 754 of 32 bits each, little-endian.
	Base64 Format = "base64"
)

func (f Format) known() bool { return f == Float || f == Base64 }

// Encode returns a reply whose vectors are in the format that was asked for. What is so
// already, and what is no reply of embeddings, is returned as it is, as is any reply for a
// format of a vendor's own. Its error is dialect.ErrMalformed for vectors that are neither.
func Encode(reply []byte, format Format) ([]byte, error) {
	if !format.known() {
		return reply, nil
	}
	data := gjson.GetBytes(reply, "data")
	if !data.IsArray() {
		return reply, nil
	}
	e := encoder{reply: reply, format: format}
	data.ForEach(func(_, item gjson.Result) bool {
		if vector := item.Get("embedding"); vector.Raw != "" {
			e.vector(vector.Raw, vector.Index)
		}
		return e.err == nil
	})
	if e.err != nil {
		return nil, e.err
	}
	if e.copied == 0 {
		return reply, nil
	}
	return append(e.out, reply[e.copied:]...), nil
}

// encoder writes a reply anew, from the first vector on that is not as it should be.
type encoder struct {
	reply  []byte
	format Format
	out    []byte
	copied int // of the reply
	err    error
	raw    []byte // a vector's bytes, used again for the next
}

// vector takes a vector that stands at an offset of the reply.
func (e *encoder) vector(raw string, at int) {
	isList := raw[0] == '['
	if isList == (e.format == Float) || raw == "null" {
		return
	}
	if at < e.copied || at+len(raw) > len(e.reply) || string(e.reply[at:at+len(raw)]) != raw {
		e.err = dialect.ErrMalformed // a reply of which gjson cannot say where its parts are
		return
	}
	if e.out == nil {
		e.out = make([]byte, 0, len(e.reply)+len(e.reply)/4)
	}
	e.out = append(e.out, e.reply[e.copied:at]...)
	e.copied = at + len(raw)
	var ok bool
	if isList {
		if e.raw, ok = appendFloats(e.raw[:0], raw); ok {
			e.out = append(e.out, '"')
			e.out = base64.StdEncoding.AppendEncode(e.out, e.raw)
			e.out = append(e.out, '"')
		}
	} else if e.raw, ok = appendDecoded(e.raw[:0], raw); ok {
		e.out, ok = appendList(e.out, e.raw)
	}
	if !ok {
		e.err = dialect.ErrMalformed
	}
}

// appendFloats appends the numbers of a JSON list as bytes, and says whether it is one.
func appendFloats(b []byte, list string) ([]byte, bool) {
	i, n := 1, 0
	for {
		i = skipSpace(list, i)
		if i < len(list) && list[i] == ']' && n == 0 {
			return b, i == len(list)-1
		}
		from := i
		for i < len(list) && ofNumber[list[i]] {
			i++
		}
		f, err := strconv.ParseFloat(list[from:i], 32)
		if err != nil {
			return b, false // it is no number, or does not fit
		}
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(f)))
		n++
		if i = skipSpace(list, i); i >= len(list) {
			return b, false
		}
		switch list[i] {
		case ',':
			i++
		case ']':
			return b, i == len(list)-1
		default:
			return b, false
		}
	}
}

// appendDecoded appends the bytes of a JSON string in base64.
func appendDecoded(b []byte, text string) ([]byte, bool) {
	if text[0] != '"' || len(text) < 2 {
		return b, false
	}
	b, err := base64.StdEncoding.AppendDecode(b, []byte(text[1:len(text)-1]))
	return b, err == nil && len(b)%4 == 0
}

// appendList appends bytes as a JSON list of numbers, each as short as it can be. NaN and the
// infinities are no numbers of JSON.
func appendList(b, floats []byte) ([]byte, bool) {
	b = append(b, '[')
	for i := 0; i < len(floats); i += 4 {
		f := float64(math.Float32frombits(binary.LittleEndian.Uint32(floats[i:])))
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return b, false
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendFloat(b, f, 'g', -1, 32)
	}
	return append(b, ']'), true
}

// isVector says whether a value is a JSON list of numbers, and of nothing else.
func isVector(list string) bool {
	if len(list) < 2 || list[0] != '[' || list[len(list)-1] != ']' {
		return false
	}
	for i := 1; i < len(list)-1; i++ {
		if c := list[i]; !ofNumber[c] && c != ',' && !isSpace(c) {
			return false
		}
	}
	return json.Valid([]byte(list))
}

// ofNumber is the characters that numbers of JSON are made of.
var ofNumber = func() (set [256]bool) {
	for _, c := range []byte("0123456789+-.eE") {
		set[c] = true
	}
	return set
}()

func skipSpace(s string, i int) int {
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	return i
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }
