package caddymodule

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path/filepath"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/clickhouse"
	"github.com/mulligan-gateway/mulligan/record/postgres"
)

func init() {
	caddy.RegisterModule(new(PostgresStore))
	caddy.RegisterModule(new(ClickHouseStore))
}

// PostgresStore keeps records in PostgreSQL, 15 or newer, which several gateways may share.
type PostgresStore struct {
	// URL is postgres://user:password@host:5432/database. Write the password, or all of it, as a
	// placeholder. The database must exist; the tables are made. It is required.
	URL string `json:"url,omitempty"`

	// Schema is where the tables are. Default: llm_gateway.
	Schema string `json:"schema,omitempty"`

	StoreSettings
}

// CaddyModule returns the module's id.
func (*PostgresStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: storeNamespace + ".postgres", New: func() caddy.Module { return new(PostgresStore) }}
}

// BuildStore implements StoreModule.
func (s *PostgresStore) BuildStore(_ caddy.Context, o StoreOptions) (*Store, error) {
	url, err := storeURL(s.URL, o)
	if err != nil {
		return nil, err
	}
	options := postgres.Options{URL: url, Schema: s.Schema}
	place, err := options.Place()
	if err != nil && !o.Offline {
		return nil, within(err, "url")
	}
	return networkStore("postgres", place, func(ctx context.Context, readOnly bool) (record.Store, error) {
		options := options
		options.ReadOnly = readOnly
		opened, err := postgres.Open(ctx, options)
		if err != nil {
			return nil, err // and no nil pointer in an interface
		}
		return opened, nil
	}), nil
}

// ClickHouseStore keeps records in ClickHouse, which several gateways may share.
type ClickHouseStore struct {
	// URL is clickhouse://user:password@host:9000/database, with the port of the native protocol.
	// Write the password, or all of it, as a placeholder. The database must exist; the tables are
	// made. It is required.
	URL string `json:"url,omitempty"`

	StoreSettings
}

// CaddyModule returns the module's id.
func (*ClickHouseStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: storeNamespace + ".clickhouse", New: func() caddy.Module { return new(ClickHouseStore) }}
}

// BuildStore implements StoreModule.
func (s *ClickHouseStore) BuildStore(_ caddy.Context, o StoreOptions) (*Store, error) {
	url, err := storeURL(s.URL, o)
	if err != nil {
		return nil, err
	}
	options := clickhouse.Options{URL: url}
	place, err := options.Place()
	if err != nil && !o.Offline {
		return nil, within(err, "url")
	}
	return networkStore("clickhouse", place, func(ctx context.Context, readOnly bool) (record.Store, error) {
		options := options
		options.ReadOnly = readOnly
		opened, err := clickhouse.Open(ctx, options)
		if err != nil {
			return nil, err // and no nil pointer in an interface
		}
		return opened, nil
	}), nil
}

// storeURL returns a URL with its placeholders filled in.
func storeURL(url string, o StoreOptions) (string, error) {
	if url == "" {
		return "", errors.New("url is missing: it says where the database is")
	}
	resolve := resolver{offline: o.Offline, replacer: caddy.NewReplacer()}
	url, err := resolve.value(url)
	if err == nil && url == "" && !o.Offline {
		err = errors.New("its placeholder has no value")
	}
	return url, within(err, "url")
}

// networkStore is a store on the network. What cannot be written now waits below Caddy's data
// directory, in files whose name is made of the place: gateways of one machine may have stores
// at several.
func networkStore(kind, place string, open func(context.Context, bool) (record.Store, error)) *Store {
	digest := sha256.Sum256([]byte(kind + " " + place))
	spill := filepath.Join(caddy.AppDataDir(), "records-"+kind+"-"+hex.EncodeToString(digest[:4])+".spill")
	return &Store{Kind: kind, Location: kind + " " + place, Spill: spill, Open: open}
}

// UnmarshalCaddyfile reads the store's block:
//
//	postgres {
//		url URL
//		schema NAME
//		bodies off|on|redacted
//		retain DURATION
//		retain_bytes SIZE
//		spill SIZE|off
//		max_body SIZE
//	}
func (s *PostgresStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	for d.Next() {
		if err := blockOf(d, "a store", postgresWords, s); err != nil {
			return err
		}
	}
	return nil
}

var postgresWords = words[*PostgresStore]{
	"url": {args: "URL", least: 1, most: 1, set: func(s *PostgresStore, l line) error {
		s.URL = l.args[0]
		return nil
	}},
	"schema": {args: "NAME", least: 1, most: 1, set: func(s *PostgresStore, l line) error {
		s.Schema = l.args[0]
		return nil
	}},
}.with(storeWords[*PostgresStore]())

// UnmarshalCaddyfile reads the store's block, which has the words of postgres but schema.
func (s *ClickHouseStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	for d.Next() {
		if err := blockOf(d, "a store", clickhouseWords, s); err != nil {
			return err
		}
	}
	return nil
}

var clickhouseWords = words[*ClickHouseStore]{
	"url": {args: "URL", least: 1, most: 1, set: func(s *ClickHouseStore, l line) error {
		s.URL = l.args[0]
		return nil
	}},
}.with(storeWords[*ClickHouseStore]())

// Interface guards.
var (
	_ StoreModule           = (*PostgresStore)(nil)
	_ StoreModule           = (*ClickHouseStore)(nil)
	_ caddyfile.Unmarshaler = (*PostgresStore)(nil)
	_ caddyfile.Unmarshaler = (*ClickHouseStore)(nil)
)
