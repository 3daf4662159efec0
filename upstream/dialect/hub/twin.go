package hub

import (
	"bytes"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// Twin is an event of a vendor's stream that was read in full, and said nothing but a piece of
// text. Most events that follow it are the same but for that text, so they are compared with it
// in place of being read, and its chunk is written again with their text: that costs a tenth.
//
// A dialect forgets the twin for every event that it reads, and keeps the event as the twin when
// the translation of the next one like it could not differ but in the text.
type Twin struct {
	name, data []byte // the event; data is empty when there is none
	text       span   // the text in data, without its quotes
	free       span   // behind it, what may differ and does not matter; empty for none
	between    []span // what stands around the numbers of free, where only those may differ; else free is a string
	exact      bool   // what is behind the text has strings in it, so that spaces count
	out        []byte // the chunk
	spans      [2]span
	n          int // how many texts the chunk has: the same text, at spans
}

// span is from and to in some bytes.
type span struct{ from, to int }

// Forget forgets the event.
func (t *Twin) Forget() { t.data = t.data[:0] }

// Match appends the chunk for an event that is the twin of the last. free is what stands in the
// event in the place of what may differ.
func (t *Twin) Match(b, name, data []byte) (_ []byte, free []byte, ok bool) {
	if len(t.data) == 0 || !bytes.HasPrefix(data, t.data[:t.text.from]) || !bytes.Equal(name, t.name) {
		return b, nil, false
	}
	text := data[t.text.from:]
	n := dialect.StringLength(text)
	if n <= 0 {
		return b, nil, false
	}
	rest := text[n:]
	text = text[:n]
	if t.free.to > 0 {
		fixed := t.data[t.text.to:t.free.from]
		if !bytes.HasPrefix(rest, fixed) {
			return b, nil, false
		}
		rest = rest[len(fixed):]
		var length int
		if len(t.between) > 0 {
			length = t.sameButNumbers(rest)
		} else {
			length = dialect.StringLength(rest)
		}
		if length < 0 {
			return b, nil, false
		}
		free, rest = rest[:length], rest[length:]
	}
	if want := t.data[max(t.text.to, t.free.to):]; !bytes.Equal(rest, want) && (t.exact || !sameButSpaces(rest, want)) {
		return b, nil, false
	}
	at := 0
	for _, s := range t.spans[:t.n] {
		b = append(append(b, t.out[at:s.from]...), text...)
		at = s.to
	}
	return append(b, t.out[at:]...), free, true
}

// Keep keeps an event that c has written. text is the text, with its quotes, and at where it
// stands in the event. It keeps nothing when that is not so, or when c has written anything else
// since Mark than one chunk with the text.
func (t *Twin) Keep(c *Chunks, e dialect.Event, text []byte, at int) {
	t.Forget()
	from, to := at+1, at+len(text)-1
	if c.n == 0 || from >= to || at < 0 || to >= len(e.Data) || !bytes.Equal(e.Data[at:to+1], text) {
		return
	}
	for _, s := range c.spans[:c.n] {
		if !bytes.Equal(c.last[s.from:s.to], text[1:len(text)-1]) {
			return
		}
	}
	t.exact = bytes.IndexByte(e.Data[to+1:], '"') >= 0
	t.name, t.data = append(t.name[:0], e.Name...), append(t.data, e.Data...)
	t.out = append(t.out[:0], c.last...)
	t.text, t.free, t.spans, t.n = span{from, to}, span{}, c.spans, c.n
}

// Free says what may differ in the event that has been kept: from and to in its data, behind the
// text. It is the inside of a string, or a value of which the digits alone may differ.
func (t *Twin) Free(from, to int, numbers bool) {
	if len(t.data) > 0 {
		t.free, t.between = span{from, to}, t.between[:0]
		if from < t.text.to || from >= to {
			t.Forget()
		} else if numbers {
			t.split()
		}
	}
}

// maxNumbers is how many numbers free has at most. Google's usage has some ten.
const maxNumbers = 32

// split finds what stands around the numbers of free: one piece more than there are numbers.
// The pieces at the ends may be empty.
func (t *Twin) split() {
	if t.between == nil {
		t.between = make([]span, 0, 16)
	}
	for at := t.free.from; ; {
		begin := at
		for at < t.free.to && !isDigit(t.data[at]) {
			at++
		}
		t.between = append(t.between, span{begin, at})
		if at == t.free.to {
			return
		}
		for at < t.free.to && isDigit(t.data[at]) {
			at++
		}
		if len(t.between) > maxNumbers {
			t.Forget()
			return
		}
	}
}

// sameButSpaces says whether two pieces of JSON are the same but for spaces, with which some
// vendors make the lengths of their events differ.
func sameButSpaces(a, b []byte) bool {
	for {
		for len(a) > 0 && a[0] == ' ' {
			a = a[1:]
		}
		for len(b) > 0 && b[0] == ' ' {
			b = b[1:]
		}
		if len(a) == 0 || len(b) == 0 {
			return len(a) == len(b)
		}
		if a[0] != b[0] {
			return false
		}
		a, b = a[1:], b[1:]
	}
}

// sameButNumbers returns how much of data is the same as free but for its numbers, or -1 when it
// is not the same.
func (t *Twin) sameButNumbers(data []byte) int {
	at := 0
	for i, s := range t.between {
		if i > 0 {
			begin := at
			for at < len(data) && isDigit(data[at]) {
				at++
			}
			if at == begin || data[begin] == '0' && at > begin+1 {
				return -1
			}
		}
		fixed := t.data[s.from:s.to]
		if !bytes.HasPrefix(data[at:], fixed) {
			return -1
		}
		at += len(fixed)
	}
	return at
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
