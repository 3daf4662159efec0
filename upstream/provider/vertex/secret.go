package vertex

import (
	"fmt"
	"io"
)

// A Config may hold credentials. Whatever prints it, by any verb of fmt, as JSON or in a
// structured log, gets the project and nothing else.

// String returns the project.
func (c Config) String() string { return c.Project }

// Format implements fmt.Formatter for every verb.
func (c Config) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, c.String()) // fmt keeps what goes wrong
}

// MarshalText implements encoding.TextMarshaler, which encoding/json uses too.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Interface guard.
var _ fmt.Formatter = Config{}
