package failure

import (
	"strings"
	"testing"
)

// classes is the closed set.
var classes = []Class{BadRequest, BadKey, Quota, RateLimit, Overloaded, ContextLength, ContentFilter, ModelNotFound, TooLarge, Timeout, Server, Unknown}

func inSet(c Class) bool {
	for _, known := range classes {
		if c == known {
			return true
		}
	}
	return false
}

func TestEveryClassIsInTheTableAndNoOther(t *testing.T) {
	reached := map[Class]bool{}
	for i, r := range table {
		reached[r.class] = true
		if !inSet(r.class) {
			t.Errorf("row %d has the class %q", i, r.class)
		}
	}
	for _, c := range classes {
		if !reached[c] {
			t.Errorf("no row has the class %q", c)
		}
		if usual[c].status < 400 {
			t.Errorf("%q has no usual status", c)
		}
	}
	if len(usual) != len(classes) {
		t.Errorf("%d usual statuses for %d classes", len(usual), len(classes))
	}
}

// examples builds what a row is made for: one for each of its words and phrases.
func (r *row) examples() []subject {
	list := func(s []string) []string {
		if len(s) == 0 {
			return []string{""}
		}
		return s
	}
	var all []subject
	for _, word := range list(r.words) {
		for _, begin := range list(r.begins) {
			for _, phrase := range list(r.says) {
				all = append(all, subject{status: r.at.from, words: []string{strings.ToUpper(word)}, message: begin + phrase})
			}
		}
	}
	return all
}

// A row that another one above it hides would say something that is not so.
func TestEveryRowDecidesWhatItIsMadeFor(t *testing.T) {
	for i := range table {
		for _, s := range table[i].examples() {
			if at := s.row(); at != i {
				t.Errorf("row %d (%s) is hidden by row %d (%s): %+v", i, table[i].source, at, table[at].source, s)
			}
		}
	}
}

func TestEveryRowIsWellFormed(t *testing.T) {
	for i, r := range table {
		if r.source == "" {
			t.Errorf("row %d has no source", i)
		}
		for _, phrase := range append(append([]string{}, r.begins...), r.says...) {
			if phrase == "" || phrase != strings.ToLower(phrase) {
				t.Errorf("row %d: the phrase %q is not in lower case", i, phrase)
			}
		}
		for _, word := range r.words {
			if word == "" {
				t.Errorf("row %d has an empty word", i)
			}
		}
		if r.at.from > r.at.to {
			t.Errorf("row %d: statuses %d to %d", i, r.at.from, r.at.to)
		}
		last := i == len(table)-1
		if catchAll := r.at == (statuses{}) && r.words == nil && r.begins == nil && r.says == nil; catchAll != last {
			t.Errorf("row %d holds always: %t", i, catchAll)
		}
	}
}

// See the comment on row: these classes rest keys and accounts for everybody.
func TestRowsThatRestAKeyDoNotGoByAPhraseAnywhere(t *testing.T) {
	for i, r := range table {
		if r.class != BadKey && r.class != Quota || len(r.says) == 0 || len(r.begins) > 0 {
			continue
		}
		switch r.at {
		case only(403), only(412), only(429): // no client gets these by what it writes
		default:
			t.Errorf("row %d (%s)", i, r.source)
		}
	}
}
