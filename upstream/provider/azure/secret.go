package azure

import (
	"fmt"
	"io"
)

// An Entra holds a secret. Whatever prints it or the Config that it is in, by any verb of fmt, as
// JSON or in a structured log, gets the tenant and nothing else.

// String returns the tenant, if there is one.
func (c Config) String() string {
	if c.Entra == nil {
		return ""
	}
	return c.Entra.Tenant
}

// Format implements fmt.Formatter for every verb.
func (c Config) Format(f fmt.State, _ rune) { show(f, c.String()) }

// MarshalText implements encoding.TextMarshaler, which encoding/json uses too.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// String returns the tenant.
func (e Entra) String() string { return e.Tenant }

// Format implements fmt.Formatter for every verb.
func (e Entra) Format(f fmt.State, _ rune) { show(f, e.String()) }

// MarshalText implements encoding.TextMarshaler, which encoding/json uses too.
func (e Entra) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

func show(f fmt.State, text string) {
	_, _ = io.WriteString(f, text) // fmt keeps what goes wrong
}

// Interface guards.
var (
	_ fmt.Formatter = Config{}
	_ fmt.Formatter = Entra{}
)
