package provider

import (
	"fmt"
	"io"
)

// A Provider, its Config and a Call hold keys, and headers that may be keys. Whatever prints
// them, by any verb of fmt, as JSON or in a structured log, gets the provider's name or the
// endpoint and nothing else.

// String returns the name.
func (c Config) String() string { return c.Name }

// Format implements fmt.Formatter for every verb.
func (c Config) Format(f fmt.State, _ rune) { show(f, c.String()) }

// MarshalText implements encoding.TextMarshaler, which encoding/json uses too.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// String returns the name.
func (p Provider) String() string { return p.name }

// Format implements fmt.Formatter for every verb.
func (p Provider) Format(f fmt.State, _ rune) { show(f, p.String()) }

// MarshalText implements encoding.TextMarshaler, which encoding/json uses too.
func (p Provider) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// String returns the endpoint.
func (c Call) String() string { return string(c.Endpoint) }

// Format implements fmt.Formatter for every verb.
func (c Call) Format(f fmt.State, _ rune) { show(f, c.String()) }

// MarshalText implements encoding.TextMarshaler, which encoding/json uses too.
func (c Call) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

func show(f fmt.State, text string) {
	_, _ = io.WriteString(f, text) // fmt keeps what goes wrong
}

// Interface guards.
var (
	_ fmt.Formatter = Config{}
	_ fmt.Formatter = Provider{}
	_ fmt.Formatter = Call{}
)
