package caddymodule

import (
	"errors"
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/dustin/go-humanize"
)

const storePosition = "store"

// parseStore parses store KIND { … }. The block belongs to the guest module.
func (a *App) parseStore(d *caddyfile.Dispenser) error {
	at := here(d)
	if before, twice := a.Positions[storePosition]; twice {
		return fmt.Errorf("store is already set at %s", before)
	}
	a.mark(storePosition, at)
	segment := d.NextSegment()
	head := caddyfile.NewDispenser(segment)
	head.Next()
	kinds := head.RemainingArgs()
	if len(kinds) != 1 {
		return errors.New("store: write store KIND { … }, such as store sqlite, or store off")
	}
	guest, err := newStoreModule(kinds[0])
	if err != nil {
		return within(err, "store")
	}
	reader, ok := guest.(caddyfile.Unmarshaler)
	if !ok {
		return within(fmt.Errorf("the kind %s cannot be written in a Caddyfile; write it in JSON", kinds[0]), "store")
	}
	if err := reader.UnmarshalCaddyfile(caddyfile.NewDispenser(segment[1:])); err != nil {
		return within(err, "store %s", kinds[0])
	}
	a.Store = caddyconfig.JSONModuleObject(guest, "kind", kinds[0], nil)
	return nil
}

// newStoreModule returns an empty guest module of a kind.
func newStoreModule(kind string) (caddy.Module, error) {
	info, err := caddy.GetModule(storeNamespace + "." + kind)
	if err == nil {
		return info.New(), nil
	}
	var known []string
	for _, m := range caddy.GetModules(storeNamespace) {
		known = append(known, m.ID.Name())
	}
	hint := didYouMean(kind, known)
	if hint == "" {
		hint = "; this build has " + list(known)
	}
	return nil, fmt.Errorf("there is no kind of store %q%s", kind, hint)
}

// UnmarshalCaddyfile reads the store's block:
//
//	sqlite {
//		path FILE
//		bodies off|on|redacted
//		retain DURATION
//		retain_bytes SIZE
//		spill SIZE|off
//		max_body SIZE
//	}
func (s *SQLiteStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	for d.Next() {
		if err := blockOf(d, "a store", sqliteWords, s); err != nil {
			return err
		}
	}
	return nil
}

var sqliteWords = words[*SQLiteStore]{
	"path": {args: "FILE", least: 1, most: 1, set: func(s *SQLiteStore, l line) error {
		s.Path = l.args[0]
		return nil
	}},
}.with(storeWords[*SQLiteStore]())

// UnmarshalCaddyfile refuses a block: a store that keeps nothing has no words.
func (s *NoStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	for d.Next() {
		if err := blockOf(d, "a store that keeps nothing", words[*NoStore]{}, s); err != nil {
			return err
		}
	}
	return nil
}

// storeWords are the words that all kinds of stores share.
func storeWords[T StoreModule]() words[T] {
	size := func(field func(*StoreSettings) *int64) word[T] {
		return word[T]{args: "SIZE", least: 1, most: 1, set: func(t T, l line) error {
			n, err := parseSize(l.args[0])
			*field(t.StoreWords()) = n
			return err
		}}
	}
	return words[T]{
		"bodies": {args: "off|on|redacted", least: 1, most: 1, set: func(t T, l line) error {
			mode := BodiesMode(l.args[0])
			t.StoreWords().Bodies = mode
			return mode.check()
		}},
		"retain": {args: "DURATION", least: 1, most: 1, set: func(t T, l line) error {
			d, err := parseDuration(l.args[0])
			t.StoreWords().Retain = &d
			return err
		}},
		"retain_bytes": size(func(s *StoreSettings) *int64 { return &s.RetainBytes }),
		"max_body":     size(func(s *StoreSettings) *int64 { return &s.MaxBody }),
		"spill": {args: "SIZE|off", least: 1, most: 1, set: func(t T, l line) error {
			if l.args[0] == "off" {
				t.StoreWords().Spill = -1
				return nil
			}
			n, err := parseSize(l.args[0])
			t.StoreWords().Spill = n
			return err
		}},
	}
}

// parseSize reads a number of bytes.
func parseSize(s string) (int64, error) {
	size, err := humanize.ParseBytes(s)
	if err != nil || size == 0 || size > 1<<50 {
		return 0, fmt.Errorf("%q is not a size; write one such as 32MiB", s)
	}
	return int64(size), nil
}

// Interface guards.
var (
	_ caddyfile.Unmarshaler = (*SQLiteStore)(nil)
	_ caddyfile.Unmarshaler = (*NoStore)(nil)
)
