package record

import (
	"errors"
	"fmt"
	"strings"
)

// ErrBadQuestion says that a question or a page cannot be answered as it was asked. The
// error's text says what to do.
var ErrBadQuestion = errors.New("bad question")

// The bounds of what can be asked for.
const (
	MaxDimensions = 4
	MaxGroups     = 10_000
	MaxRows       = 1000

	defaultGroups = 1000
	defaultRows   = 50
)

// Groups returns how many groups a question asks for, and an ErrBadQuestion when it cannot be
// answered. Stores begin their Stats with it.
func (q *Question) Groups() (int, error) {
	if len(q.By) > MaxDimensions {
		return 0, fmt.Errorf("%w: %d dimensions: ask for at most %d", ErrBadQuestion, len(q.By), MaxDimensions)
	}
	for _, d := range q.By {
		if !d.Valid() {
			return 0, fmt.Errorf("%w: %q is no dimension: use one of %s", ErrBadQuestion, string(d), dimensionList())
		}
	}
	return bounded("groups", q.Limit, defaultGroups, MaxGroups)
}

// Size returns how many rows a page asks for, and an ErrBadQuestion for what is no page.
// Stores begin their List with it.
func (p Page) Size() (int, error) { return bounded("rows", p.Limit, defaultRows, MaxRows) }

func bounded(what string, limit, otherwise, most int) (int, error) {
	switch {
	case limit == 0:
		return otherwise, nil
	case limit < 0 || limit > most:
		return 0, fmt.Errorf("%w: %d %s: ask for 1 to %d", ErrBadQuestion, limit, what, most)
	default:
		return limit, nil
	}
}

func dimensionList() string {
	var names []string
	for _, d := range Dimensions() {
		switch d {
		case ByMetadata, ByFeedback:
			names = append(names, string(d)+"NAME")
		default:
			names = append(names, string(d))
		}
	}
	return strings.Join(names, ", ")
}
