package bedrock

import (
	"fmt"
	"io"
)

// A Config and a Signer hold keys. Whatever prints them, by any verb of fmt, as JSON or in a
// structured log, gets the region and nothing else.

// String returns the region.
func (c Config) String() string { return c.Region }

// Format implements fmt.Formatter for every verb.
func (c Config) Format(f fmt.State, _ rune) { show(f, c.String()) }

// MarshalText implements encoding.TextMarshaler, which encoding/json uses too.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// String returns the region.
func (s Signer) String() string { return s.region }

// Format implements fmt.Formatter for every verb.
func (s Signer) Format(f fmt.State, _ rune) { show(f, s.String()) }

// MarshalText implements encoding.TextMarshaler, which encoding/json uses too.
func (s Signer) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func show(f fmt.State, text string) {
	_, _ = io.WriteString(f, text) // fmt keeps what goes wrong
}

// Interface guards.
var (
	_ fmt.Formatter = Config{}
	_ fmt.Formatter = Signer{}
)
