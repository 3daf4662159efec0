package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/sqlite"
)

func init() {
	caddy.RegisterModule(new(SQLiteStore))
	caddy.RegisterModule(new(NoStore))
}

const storeNamespace = "llm_gateway.stores"

// StoreModule is what a guest module of llm_gateway.stores must be: the config of the store of
// records. Building it must not open anything.
type StoreModule interface {
	// BuildStore returns how the store is opened, or nil when nothing is to be kept.
	BuildStore(caddy.Context, StoreOptions) (*Store, error)
	// StoreWords returns the part of the config that all kinds of stores have.
	StoreWords() *StoreSettings
}

// StoreOptions is what a store must know that its own config does not say.
type StoreOptions struct {
	// Offline says that the store may never be opened: what is not set is left out.
	Offline bool
}

// Store is a store that can be opened.
type Store struct {
	// Kind is the module's name.
	Kind string
	// Location says where the records are, without secrets, and the same for two configs if
	// they are at the same place. It begins with the kind.
	Location string
	// Spill is what the names of the spill files begin with.
	Spill string
	// Local says that the store is on this machine, so that one that does not open is an error
	// of the config. One on the network may be back later.
	Local bool
	// Open opens it. With readOnly what is there is not changed, and nothing is made.
	Open func(ctx context.Context, readOnly bool) (record.Store, error)
}

// StoreSettings say what is kept, and for how long. All kinds of stores have them.
type StoreSettings struct {
	// Bodies says whether the bodies of requests and responses are kept: off, on, or redacted,
	// which replaces what looks like a key, an e-mail address, a telephone number, a card
	// number or an IBAN, and cannot find everything. Default: off.
	Bodies BodiesMode `json:"bodies,omitempty"`

	// Retain is how long records are kept; 0 is for ever. Default: 30 days.
	Retain *caddy.Duration `json:"retain,omitempty"`

	// RetainBytes is how large the store may grow, in bytes; the oldest records go first.
	// Default: no bound.
	RetainBytes int64 `json:"retain_bytes,omitempty"`

	// Spill is how many bytes may wait on the disk while the store is slow or away; -1 lets
	// nothing wait there. A change takes effect when Caddy is started anew. Default: 256 MiB.
	Spill int64 `json:"spill,omitempty"`

	// MaxBody is how many bytes of each body are kept. Default: 64 KiB.
	MaxBody int64 `json:"max_body,omitempty"`
}

// BodiesMode says whether bodies are kept.
type BodiesMode string

// The values of bodies.
const (
	BodiesOff      BodiesMode = "off"
	BodiesOn       BodiesMode = "on"
	BodiesRedacted BodiesMode = "redacted"
)

func (m BodiesMode) check() error {
	switch m {
	case "", BodiesOff, BodiesOn, BodiesRedacted:
		return nil
	default:
		return fmt.Errorf("%q is none of off, on and redacted", string(m))
	}
}

const (
	defaultRetain      = 30 * 24 * time.Hour
	defaultKeptBody    = 64 << 10
	mostKeptBody       = 16 << 20
	defaultRecordsFile = "records.db"
)

// StoreWords implements StoreModule for the modules that embed it.
func (s *StoreSettings) StoreWords() *StoreSettings { return s }

func (s *StoreSettings) check() error {
	if err := s.Bodies.check(); err != nil {
		return within(err, "bodies")
	}
	switch {
	case s.Retain != nil && *s.Retain < 0:
		return within(errors.New("a duration cannot be negative"), "retain")
	case s.RetainBytes < 0:
		return within(errors.New("the size cannot be negative"), "retain_bytes")
	case s.Spill < -1:
		return within(errors.New("the size cannot be negative"), "spill")
	case s.MaxBody < 0 || s.MaxBody > mostKeptBody:
		return within(fmt.Errorf("the size must be from 1 to %d bytes", mostKeptBody), "max_body")
	}
	return nil
}

// retention returns what the store keeps.
func (s *StoreSettings) retention() record.Retention {
	r := record.Retention{Age: defaultRetain, Bytes: s.RetainBytes}
	if s.Retain != nil {
		r.Age = time.Duration(*s.Retain)
	}
	return r
}

func (s *StoreSettings) maxBody() int {
	if s.MaxBody == 0 {
		return defaultKeptBody
	}
	return int(s.MaxBody)
}

// SQLiteStore keeps records in a file of this machine. It needs no server.
type SQLiteStore struct {
	// Path is the file, below Caddy's data directory unless it is absolute. It may hold
	// placeholders. Default: records.db.
	Path string `json:"path,omitempty"`

	StoreSettings
}

// CaddyModule returns the module's id.
func (*SQLiteStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: storeNamespace + ".sqlite", New: func() caddy.Module { return new(SQLiteStore) }}
}

// BuildStore implements StoreModule.
func (s *SQLiteStore) BuildStore(_ caddy.Context, o StoreOptions) (*Store, error) {
	path := s.Path
	if path == "" {
		path = defaultRecordsFile
	}
	resolve := resolver{offline: o.Offline, replacer: caddy.NewReplacer()}
	path, err := resolve.value(path)
	if err != nil {
		return nil, within(err, "path")
	}
	if path == "" {
		return nil, within(errors.New("its placeholder has no value"), "path")
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(caddy.AppDataDir(), path)
	}
	path = filepath.Clean(path)
	return &Store{
		Kind: "sqlite", Location: "sqlite " + path, Spill: path + ".spill", Local: true,
		Open: func(ctx context.Context, readOnly bool) (record.Store, error) {
			return sqliteOpen(ctx, sqlite.Options{Path: path, ReadOnly: readOnly})
		},
	}, nil
}

// sqliteOpen returns a nil interface with its error, where sqlite.Open has a nil pointer.
func sqliteOpen(ctx context.Context, o sqlite.Options) (record.Store, error) {
	s, err := sqlite.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// NoStore keeps no records.
type NoStore struct {
	StoreSettings
}

// CaddyModule returns the module's id.
func (*NoStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: storeNamespace + ".off", New: func() caddy.Module { return new(NoStore) }}
}

// BuildStore implements StoreModule.
func (*NoStore) BuildStore(caddy.Context, StoreOptions) (*Store, error) { return nil, nil }

// storeSlot is where Caddy loads the store's guest module from.
type storeSlot struct {
	Raw json.RawMessage `caddy:"namespace=llm_gateway.stores inline_key=kind"`
}

// buildStore builds the store from its guest module.
func (a *App) buildStore(ctx caddy.Context) error {
	err := func() error {
		raw := a.Store
		if raw == nil {
			raw = json.RawMessage(`{"kind":"sqlite"}`)
		}
		kind, err := kindOf(raw)
		if err != nil {
			return err
		}
		if _, err := newStoreModule(kind); err != nil {
			return err
		}
		slot := storeSlot{Raw: raw}
		module, err := ctx.LoadModule(&slot, "Raw")
		if err != nil {
			return err
		}
		guest, ok := module.(StoreModule)
		if !ok {
			return fmt.Errorf("the module of kind %s builds no store", kind)
		}
		a.settings = guest.StoreWords()
		if err := a.settings.check(); err != nil {
			return err
		}
		a.store, err = guest.BuildStore(ctx, StoreOptions{Offline: a.withoutSecrets && !a.withStore})
		return err
	}()
	return located(within(err, "store"), a.at(storePosition))
}

// Interface guards.
var (
	_ StoreModule = (*SQLiteStore)(nil)
	_ StoreModule = (*NoStore)(nil)
)
