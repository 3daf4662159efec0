package caddymodule

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// words is what a block may hold, for a block that fills a T.
type words[T any] map[string]word[T]

// word is one row of a table of words. Exactly one of set, block and parse is there.
type word[T any] struct {
	// args says what follows the word, for error messages, such as "FIRST MOST".
	args string
	// least and most are how many arguments follow; most < 0 is any number.
	least, most int
	// many says that the word may be repeated within its block.
	many bool
	// set takes a word that stands on a line of its own.
	set func(T, line) error
	// block takes a word that may open a block, which it must read from d.
	block func(T, line, *caddyfile.Dispenser) error
	// parse takes a word whose arguments cannot be read as plain strings. d stands on it.
	parse func(T, *caddyfile.Dispenser) error
}

// line is a word with its arguments.
type line struct {
	word string
	args []string
	at   string // file:line
}

// blockOf reads a block, word by word, into a T. what names the block in errors.
func blockOf[T any](d *caddyfile.Dispenser, what string, table words[T], into T) error {
	written := map[string]string{}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name, at := d.Val(), here(d)
		w, ok := table[name]
		if !ok {
			return located(unknownWord(name, what, table), at)
		}
		if before, twice := written[name]; twice && !w.many {
			return located(fmt.Errorf("%s is already set at %s", name, before), at)
		}
		written[name] = at
		if err := w.read(d, into); err != nil {
			return located(err, at)
		}
	}
	return nil
}

// read reads one word that d stands on.
func (w *word[T]) read(d *caddyfile.Dispenser, into T) error {
	l := line{word: d.Val(), at: here(d)}
	switch {
	case w.parse != nil:
		if err := w.parse(into, d); err != nil {
			return err
		}
		return nothingLeft(d, l.word)
	case w.block != nil:
		l.args = d.RemainingArgs()
		if err := w.count(l); err != nil {
			return err
		}
		return w.block(into, l, d)
	default:
		l.args = d.RemainingArgs()
		if err := w.count(l); err != nil {
			return err
		}
		if err := w.set(into, l); err != nil {
			return within(err, "%s", l.word)
		}
		return nothingLeft(d, l.word)
	}
}

func (w *word[T]) count(l line) error {
	if n := len(l.args); n < w.least || w.most >= 0 && n > w.most {
		return fmt.Errorf("%s: write %s", l.word, strings.TrimSpace(l.word+" "+w.args))
	}
	return nil
}

// nothingLeft refuses what stands behind a word and was not read.
func nothingLeft(d *caddyfile.Dispenser, word string) error {
	if d.NextArg() {
		return fmt.Errorf("%s: there is more on the line than it takes", word)
	}
	if nesting := d.Nesting(); d.NextBlock(nesting) {
		return fmt.Errorf("%s takes no block", word)
	}
	return nil
}

func unknownWord[T any](name, what string, table words[T]) error {
	known := slices.Sorted(maps.Keys(table))
	if len(known) == 0 {
		return fmt.Errorf("%s holds nothing", what)
	}
	hint := didYouMean(name, known)
	if hint == "" {
		hint = "; its words are " + list(known)
	}
	if !looksLikeWord(name) {
		// It may be a secret that got onto a line of its own.
		return fmt.Errorf("%s holds something that is no word of it%s", what, hint)
	}
	return fmt.Errorf("%s has no word %q%s", what, name, hint)
}

// looksLikeWord says whether an unknown token may be shown. Keys have digits, capitals or
// hyphens, or are long.
func looksLikeWord(s string) bool {
	return len(s) <= 24 && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z')
	})
}

// with returns a table with the rows of another added.
func (t words[T]) with(other words[T]) words[T] {
	all := maps.Clone(t)
	maps.Copy(all, other)
	return all
}

// wordsOf returns the words of a part of a T as words of the T.
func wordsOf[T, P any](table words[P], part func(T) P) words[T] {
	all := make(words[T], len(table))
	for name, w := range table {
		of := word[T]{args: w.args, least: w.least, most: w.most, many: w.many}
		switch {
		case w.parse != nil:
			of.parse = func(t T, d *caddyfile.Dispenser) error { return w.parse(part(t), d) }
		case w.block != nil:
			of.block = func(t T, l line, d *caddyfile.Dispenser) error { return w.block(part(t), l, d) }
		default:
			of.set = func(t T, l line) error { return w.set(part(t), l) }
		}
		all[name] = of
	}
	return all
}

// oneWord is a word whose argument is kept as it is.
func oneWord[T any](args string, field func(T) *string) word[T] {
	return word[T]{args: args, least: 1, most: 1, set: func(t T, l line) error {
		*field(t) = l.args[0]
		return nil
	}}
}

// onOff reads a switch.
func onOff(s string) (bool, error) {
	switch s {
	case "on":
		return true, nil
	case "off":
		return false, nil
	default:
		return false, fmt.Errorf("%q is neither on nor off", s)
	}
}

// checkName refuses names that could not be a header value, a label and a part of a path.
func checkName(name string) error {
	if name == "" {
		return errors.New("the name is empty")
	}
	bad := strings.IndexFunc(name, func(r rune) bool {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return false
		default:
			return !strings.ContainsRune("-_.:@", r)
		}
	})
	if bad >= 0 {
		return errors.New("a name has only letters, digits and - _ . : @")
	}
	return nil
}
