package rewrite

import (
	"slices"

	"github.com/tidwall/sjson"

	"github.com/mulligan-gateway/mulligan/llm"
)

// splice collects edits of a JSON object and cuts the result out of the object's own bytes.
type splice struct {
	doc   *llm.Document
	edits []edit
	added []byte // members to add before the closing brace, each with a comma before it
}

// edit replaces the bytes between two offsets.
type edit struct {
	from, to int
	with     []byte
	// member is the index of the member that goes as a whole, or -1.
	member int
}

// set replaces a member's value, or adds the member.
func (s *splice) set(name string, value []byte) {
	m := s.doc.Find(name)
	if m == nil {
		s.added = append(s.added, ',')
		s.added = llm.AppendString(s.added, name)
		s.added = append(s.added, ':')
		s.added = append(s.added, value...)
		return
	}
	s.edits = append(s.edits, edit{m.ValueStart, m.ValueEnd, value, -1})
}

// setParam sets a member, replacing the client's only when told to.
func (s *splice) setParam(name string, value []byte, override bool) {
	if override || s.doc.Find(name) == nil {
		s.set(name, value)
	}
}

// remove takes a member out and says whether it was there.
func (s *splice) remove(name string) bool {
	for i := range s.doc.Members {
		if s.doc.Members[i].Name == name {
			s.edits = append(s.edits, edit{member: i})
			return true
		}
	}
	return false
}

// insert puts bytes in at an offset.
func (s *splice) insert(at int, b []byte) {
	s.edits = append(s.edits, edit{at, at, b, -1})
}

// askForUsage sets stream_options.include_usage and keeps what else is in there.
func (s *splice) askForUsage() error {
	options, ok := s.doc.Get("stream_options")
	if !ok || len(options) == 0 || options[0] != '{' {
		s.set("stream_options", []byte(`{"include_usage":true}`))
		return nil
	}
	with, err := sjson.SetRawBytes(options, "include_usage", []byte("true"))
	if err != nil {
		return err
	}
	s.set("stream_options", with)
	return nil
}

// parts returns the edited object as slices that follow each other. Members go together
// with the comma that parts them from the one before, or, for the first that stays, from
// the one after.
func (s *splice) parts() [][]byte {
	s.placeRemovals()
	slices.SortStableFunc(s.edits, func(a, b edit) int { return a.from - b.from })
	parts := make([][]byte, 0, 2*len(s.edits)+3)
	at := 0
	add := func(b []byte) {
		if len(b) > 0 {
			parts = append(parts, b)
		}
	}
	for _, e := range s.edits {
		if e.from < at {
			continue // inside a member that goes as a whole
		}
		add(s.doc.Raw[at:e.from])
		add(e.with)
		at = e.to
	}
	added := s.added
	if len(added) > 0 && s.empty() {
		added = added[1:]
	}
	add(s.doc.Raw[at:s.doc.Close])
	add(added)
	add(s.doc.Raw[s.doc.Close:])
	return parts
}

// placeRemovals turns members that go into offsets.
func (s *splice) placeRemovals() {
	gone := make([]bool, len(s.doc.Members))
	for i := range s.edits {
		if m := s.edits[i].member; m >= 0 {
			gone[m] = true
		}
	}
	firstStays := slices.Index(gone, false)
	for i := range s.edits {
		e := &s.edits[i]
		if e.member < 0 {
			continue
		}
		members := s.doc.Members
		switch {
		case firstStays < 0:
			// Nothing stays: the first member's edit takes everything between the braces.
			e.from, e.to = s.doc.Open+1, s.doc.Close
		case e.member < firstStays:
			e.from, e.to = members[e.member].NameStart, members[e.member+1].NameStart
		default:
			e.from, e.to = members[e.member-1].ValueEnd, members[e.member].ValueEnd
		}
	}
}

// empty says whether none of the object's own members stays.
func (s *splice) empty() bool {
	gone := 0
	for i, e := range s.edits {
		if e.member >= 0 && !slices.ContainsFunc(s.edits[:i], func(o edit) bool { return o.member == e.member }) {
			gone++
		}
	}
	return gone == len(s.doc.Members)
}
