package hub

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// Unsupported returns the refusal of a member, a *dialect.UnsupportedError. field is its name
// as seen from where it is found, "" for the value itself: In and Elements put before it what
// it is in, so that the name is made only when something is refused.
func Unsupported(field, why string) error { return &dialect.UnsupportedError{Field: field, Why: why} }

// In puts the name of what a refused member is in before the member's own, such as messages
// before [2].role. Other errors are returned as they are.
func In(name string, err error) error {
	if err == nil {
		return nil
	}
	var refused *dialect.UnsupportedError
	if !errors.As(err, &refused) {
		return err
	}
	switch {
	case refused.Field == "":
		refused.Field = name
	case name == "", strings.HasPrefix(refused.Field, "["):
		refused.Field = name + refused.Field
	default:
		refused.Field = name + "." + refused.Field
	}
	return err
}

// Listed is Elements for what must be a list if it is there, name being its member's.
func Listed(name string, list gjson.Result, f func(i int, v gjson.Result) error) error {
	if Present(list) && !list.IsArray() {
		return Unsupported(name, "is no list")
	}
	return In(name, Elements(list, f))
}

// Elements calls f with each element of a list and its index, until it fails, and puts the
// index before what f has refused. What is no list has no elements.
func Elements(list gjson.Result, f func(i int, v gjson.Result) error) error {
	if !list.IsArray() {
		return nil
	}
	var err error
	i := 0
	list.ForEach(func(_, v gjson.Result) bool {
		if err = f(i, v); err != nil {
			err = In("["+strconv.Itoa(i)+"]", err)
		}
		i++
		return err == nil
	})
	return err
}

// Drops is the names of what is left out of a translation, each once.
type Drops []string

// Add adds a name.
func (d *Drops) Add(name string) {
	if !slices.Contains(*d, name) {
		*d = append(*d, name)
	}
}
