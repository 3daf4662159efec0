package llm

import "net/http"

// Headers sets headers that have one value each. Their values lie in one piece of memory, where
// http.Header.Set would allocate one for each.
type Headers struct {
	to     http.Header
	values []string
}

// NewHeaders returns a setter of h with room for that many headers.
func NewHeaders(h http.Header, room int) Headers {
	return Headers{to: h, values: make([]string, 0, room)}
}

// Set sets a header, whose name must be in canonical form. Whoever appends to its values gets
// a piece of memory of their own.
func (h *Headers) Set(name, value string) {
	n := len(h.values)
	h.values = append(h.values, value)
	h.to[name] = h.values[n : n+1 : n+1]
}
