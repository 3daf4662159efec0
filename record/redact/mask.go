package redact

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/mulligan-gateway/mulligan/llm"
)

// Masked is what stands in the place of a secret value.
const Masked = "***"

// shortest is the length of the shortest value that is looked for in texts, in bytes. Shorter
// ones would be found everywhere.
const shortest = 3

// Mask replaces values whose places are known, and remembers them, to replace them in texts
// that may repeat them.
type Mask struct{ values []string }

// NewMask returns a mask that knows no value yet.
func NewMask() *Mask { return new(Mask) }

// Object returns a copy of a JSON object in which the values at paths are masked. A path is
// the names of members with dots between them; a list on the way stands for each of its
// values. What is no object is returned as a copy.
func (m *Mask) Object(raw json.RawMessage, paths []string) json.RawMessage {
	if len(raw) == 0 {
		return nil
	}
	split := make([][]string, len(paths))
	for i, path := range paths {
		split[i] = strings.Split(path, ".")
	}
	return m.value(make(json.RawMessage, 0, len(raw)), raw, split)
}

// value appends a value with what is at the paths masked. An empty path is the value itself.
func (m *Mask) value(out, raw []byte, paths [][]string) []byte {
	if slices.ContainsFunc(paths, func(p []string) bool { return len(p) == 0 }) {
		m.remember(raw)
		return append(out, `"`+Masked+`"`...)
	}
	if len(paths) == 0 || len(raw) == 0 {
		return append(out, raw...)
	}
	if raw[0] == '[' {
		return m.list(out, raw, paths)
	}
	doc, err := llm.ParseJSON(raw)
	if err != nil {
		return append(out, raw...)
	}
	done := 0
	for i := range doc.Members {
		member := &doc.Members[i]
		var below [][]string
		for _, p := range paths {
			if p[0] == member.Name {
				below = append(below, p[1:])
			}
		}
		out = append(out, doc.Raw[done:member.ValueStart]...)
		out = m.value(out, doc.Raw[member.ValueStart:member.ValueEnd], below)
		done = member.ValueEnd
	}
	return append(out, doc.Raw[done:]...)
}

func (m *Mask) list(out, raw []byte, paths [][]string) []byte {
	var all []json.RawMessage
	if json.Unmarshal(raw, &all) != nil {
		return append(out, raw...)
	}
	out = append(out, '[')
	for i, one := range all {
		if i > 0 {
			out = append(out, ',')
		}
		out = m.value(out, one, paths)
	}
	return append(out, ']')
}

// remember keeps what a value says, to find it in texts.
func (m *Mask) remember(raw []byte) {
	var v any
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	if dec.Decode(&v) == nil {
		m.keep(v)
	}
}

func (m *Mask) keep(v any) {
	switch v := v.(type) {
	case string:
		m.add(v)
	case json.Number:
		m.add(v.String())
	case []any:
		for _, one := range v {
			m.keep(one)
		}
	case map[string]any:
		for _, one := range v {
			m.keep(one)
		}
	}
}

func (m *Mask) add(s string) {
	if len(s) >= shortest && !slices.Contains(m.values, s) {
		m.values = append(m.values, s)
		// What holds another value goes first, or its rest would be left.
		slices.SortFunc(m.values, func(a, b string) int { return len(b) - len(a) })
	}
}

// Text returns a text with the values masked that Object has found, in the strings and
// numbers of JSON as Text does.
func (m *Mask) Text(b []byte) []byte {
	if len(m.values) == 0 {
		return b
	}
	hide := func(s string) string {
		for _, v := range m.values {
			s = strings.ReplaceAll(s, v, Masked)
		}
		return s
	}
	return []byte(edit(string(b), hide, func(number string) string {
		if slices.Contains(m.values, number) {
			return Masked
		}
		return number
	}))
}
