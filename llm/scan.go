package llm

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

const (
	// MaxMembers is how many top-level members a JSON body may have. No API has a tenth of it.
	MaxMembers = 1024
	// usualMembers is how many members have room before the index grows.
	usualMembers = 8
	// fewMembers is up to how many members names are compared each with each.
	fewMembers = 32
)

// ParseJSON indexes a JSON object in one pass. It checks the structure, the literals and
// numbers (RFC 8259) and the depth, refuses a top-level member that is there twice, more than
// MaxMembers of them, and what is not JSON around the object. Inside strings it checks that
// they end and hold no control characters. It is looser than the RFC in two things, which it
// leaves to whoever reads the value: what an escape means, but in the names of top-level
// members, and whether bytes above 0x7f are UTF-8.
//
// The error is an *Error, invalid_json.
func ParseJSON(raw []byte) (Document, error) {
	d := Document{Members: make([]Member, 0, usualMembers)}
	err := ParseJSONInto(&d, raw)
	return d, err
}

// ParseJSONInto is ParseJSON for a document that is used again: what d.Members has room for
// needs no allocation. After an error the document is empty.
func ParseJSONInto(d *Document, raw []byte) error {
	return parse(d, scanner{b: raw})
}

// ParseReplyInto is ParseJSONInto for what a provider has sent: a member that is there twice
// is taken as it comes, since the client and not Mulligan has to make sense of it. Find
// returns the first.
func ParseReplyInto(d *Document, raw []byte) error {
	return parse(d, scanner{b: raw, repeats: true})
}

func parse(d *Document, s scanner) error {
	*d = Document{Raw: s.b, ContentType: "application/json", Members: d.Members[:0]}
	if err := s.document(d); err != nil {
		*d = Document{Members: d.Members[:0]}
		return err
	}
	return nil
}

func (s *scanner) document(d *Document) error {
	if bytes.HasPrefix(s.b, []byte("\xef\xbb\xbf")) {
		return s.fail("begins with a byte order mark; send plain UTF-8")
	}
	s.space()
	if s.at == len(s.b) {
		return s.fail("is empty; send a JSON object")
	}
	if s.b[s.at] != '{' {
		return s.fail("is not a JSON object")
	}
	d.Open = s.at
	if err := s.object(d); err != nil {
		return err
	}
	d.Close = s.at - 1
	if s.space(); s.at < len(s.b) {
		return s.fail("goes on after the end of its JSON object")
	}
	return nil
}

// scanner walks over JSON. The text after at is what has not been looked at.
type scanner struct {
	b  []byte
	at int
	// repeats says that a top-level member may be there twice.
	repeats bool
	// seen are the top-level names, once there are too many to compare each with each.
	seen map[string]struct{}
}

func (s *scanner) fail(what string) *Error {
	before := s.b[:min(s.at, len(s.b))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return NewError(CodeInvalidJSON, fmt.Sprintf("The body %s (line %d, column %d).", what, line, column))
}

func (s *scanner) space() {
	for s.at < len(s.b) {
		switch s.b[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// object reads the top-level object, from its brace to behind the closing one.
func (s *scanner) object(d *Document) error {
	s.at++
	if s.space(); s.at < len(s.b) && s.b[s.at] == '}' {
		s.at++
		return nil
	}
	if cap(d.Members) == 0 {
		d.Members = make([]Member, 0, usualMembers) // at once, in place of growing it four times
	}
	for {
		m := Member{NameStart: s.at}
		if err := s.memberName(d, &m); err != nil {
			return err
		}
		if s.space(); s.at == len(s.b) || s.b[s.at] != ':' {
			return s.fail("lacks a colon after a member's name")
		}
		s.at++
		s.space()
		m.ValueStart = s.at
		if err := s.value(); err != nil {
			return err
		}
		m.ValueEnd = s.at
		d.Members = append(d.Members, m)
		s.space()
		switch {
		case s.at == len(s.b):
			return s.fail("ends inside its JSON object")
		case s.b[s.at] == '}':
			s.at++
			return nil
		case s.b[s.at] != ',':
			return s.fail("lacks a comma between two members")
		}
		s.at++
		s.space()
	}
}

// memberName reads a top-level member's name and refuses one that was there before.
func (s *scanner) memberName(d *Document, m *Member) error {
	if err := s.str(); err != nil {
		return err
	}
	name, ok := memberName(s.b[m.NameStart:s.at])
	if !ok {
		s.at = m.NameStart
		return s.fail("has a member whose name has a damaged escape")
	}
	m.Name = name
	if len(d.Members) == MaxMembers {
		return s.fail(fmt.Sprintf("has more than %d members", MaxMembers))
	}
	if s.repeats {
		return nil
	}
	var twice bool
	switch n := len(d.Members); {
	case n < fewMembers:
		twice = d.Find(name) != nil
	case s.seen == nil:
		s.seen = make(map[string]struct{}, 2*n)
		for i := range d.Members {
			s.seen[d.Members[i].Name] = struct{}{}
		}
		fallthrough
	default:
		_, twice = s.seen[name]
		s.seen[name] = struct{}{}
	}
	if twice {
		s.at = m.NameStart
		return s.fail(fmt.Sprintf("has the member %q twice; send it once", shorten(name)))
	}
	return nil
}

// value reads one value of any kind, without recursion: open holds the closing bracket of
// each container that is open, and the loop is at the place of a value whenever it begins.
func (s *scanner) value() error {
	var open [MaxDepth]byte
	depth := 0
	for {
		closed := false
		switch c := s.peek(); {
		case c == '{' || c == '[':
			// The top-level object is one level of its own.
			if depth == MaxDepth-1 {
				return s.fail(fmt.Sprintf("nests deeper than %d levels", MaxDepth))
			}
			open[depth] = c + 2 // '}' is '{'+2 and ']' is '['+2
			depth++
			s.at++
			s.space()
			if s.peek() != c+2 {
				if c == '{' {
					if err := s.name(); err != nil {
						return err
					}
				}
				continue
			}
			closed = true
		case c == '"':
			if err := s.str(); err != nil {
				return err
			}
		case c == '-' || c >= '0' && c <= '9':
			if err := s.number(); err != nil {
				return err
			}
		default:
			if err := s.literal(); err != nil {
				return err
			}
		}
		// Behind a value, or at the bracket that closes an empty container.
		for depth > 0 {
			if !closed {
				s.space()
			}
			closed = false
			if c := s.peek(); c == open[depth-1] {
				s.at++
				depth--
				continue
			} else if c != ',' {
				return s.fail("lacks a comma or a closing bracket")
			}
			s.at++
			s.space()
			if open[depth-1] == '}' {
				if err := s.name(); err != nil {
					return err
				}
			}
			break
		}
		if depth == 0 {
			return nil
		}
	}
}

// peek returns the next byte, or 0 at the end.
func (s *scanner) peek() byte {
	if s.at < len(s.b) {
		return s.b[s.at]
	}
	return 0
}

// name reads a nested member's name, its colon and the space around it.
func (s *scanner) name() error {
	if err := s.str(); err != nil {
		return err
	}
	s.space()
	if s.peek() != ':' {
		return s.fail("lacks a colon after a member's name")
	}
	s.at++
	s.space()
	return nil
}

// str reads a string. A long one is skipped from quote to quote.
func (s *scanner) str() error {
	if s.peek() != '"' {
		return s.fail("lacks the quote that begins a string")
	}
	start := s.at + 1
	for i := start; ; {
		n := bytes.IndexByte(s.b[i:], '"')
		if n < 0 {
			s.at = len(s.b)
			return s.fail("ends inside a string")
		}
		i += n
		escapes := 0
		for i-escapes > start && s.b[i-escapes-1] == '\\' {
			escapes++
		}
		i++
		if escapes%2 == 1 {
			continue // the quote itself is escaped
		}
		if bad := controlCharacter(s.b[start : i-1]); bad >= 0 {
			s.at = start + bad
			return s.fail("has a control character in a string; write it as an escape")
		}
		s.at = i
		return nil
	}
}

// controlCharacter returns the offset of the first byte below 0x20, or -1. It looks at
// 32 bytes at a time, eight in a word: subtracting 0x20 from a byte borrows into its high
// bit when the byte is smaller, and bytes that have the high bit themselves are masked out.
// A borrow can only come from a byte that is itself too small, so there is no false alarm
// without a true one, and the bytes are looked at one by one from there.
func controlCharacter(b []byte) int {
	const spaces, high = 0x2020202020202020, 0x8080808080808080
	i := 0
	for ; i+32 <= len(b); i += 32 {
		w := b[i : i+32 : i+32]
		v0, v1 := binary.LittleEndian.Uint64(w), binary.LittleEndian.Uint64(w[8:])
		v2, v3 := binary.LittleEndian.Uint64(w[16:]), binary.LittleEndian.Uint64(w[24:])
		if ((v0-spaces)&^v0|(v1-spaces)&^v1|(v2-spaces)&^v2|(v3-spaces)&^v3)&high != 0 {
			break
		}
	}
	for ; i < len(b); i++ {
		if b[i] < 0x20 {
			return i
		}
	}
	return -1
}

func (s *scanner) literal() error {
	for _, word := range [...]string{"true", "false", "null"} {
		if end := s.at + len(word); end <= len(s.b) && string(s.b[s.at:end]) == word {
			s.at = end
			return nil
		}
	}
	if s.at == len(s.b) {
		return s.fail("ends where a value should be")
	}
	return s.fail("has something that is no JSON value")
}

func (s *scanner) number() error {
	if s.peek() == '-' {
		s.at++
	}
	switch {
	case s.peek() == '0':
		s.at++
	case !s.digits():
		return s.fail("has a number without digits")
	}
	if s.peek() == '.' {
		s.at++
		if !s.digits() {
			return s.fail("has a number that ends after its point")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		if !s.digits() {
			return s.fail("has a number that ends after its exponent sign")
		}
	}
	return nil
}

// digits reads digits and says whether there were any.
func (s *scanner) digits() bool {
	start := s.at
	for s.at < len(s.b) && s.b[s.at] >= '0' && s.b[s.at] <= '9' {
		s.at++
	}
	return s.at > start
}
