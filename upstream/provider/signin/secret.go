package signin

import (
	"fmt"
	"io"
)

// A Source keeps a secret, and a Bearer holds a Source. Whatever prints them, by any verb of
// fmt, as JSON or in a structured log, gets a name and nothing else.

// String says what it is.
func (s *Source[T]) String() string { return "sign-in" }

// Format implements fmt.Formatter for every verb.
func (s *Source[T]) Format(f fmt.State, _ rune) { show(f, s.String()) }

// MarshalText implements encoding.TextMarshaler, which encoding/json uses too.
func (s *Source[T]) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String returns the issuer.
func (b Bearer) String() string { return b.issuer }

// Format implements fmt.Formatter for every verb.
func (b Bearer) Format(f fmt.State, _ rune) { show(f, b.String()) }

// MarshalText implements encoding.TextMarshaler, which encoding/json uses too.
func (b Bearer) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

func show(f fmt.State, text string) {
	_, _ = io.WriteString(f, text) // fmt keeps what goes wrong
}

// Interface guards.
var (
	_ fmt.Formatter = (*Source[string])(nil)
	_ fmt.Formatter = Bearer{}
)
