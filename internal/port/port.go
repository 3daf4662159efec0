// Package port finds TCP ports of 127.0.0.1 for servers that tests start in other processes, or by a
// config, and that therefore cannot listen on port 0.
package port

import (
	"net"
	"testing"
)

// Reserve returns a port on which nobody listens and that nobody else is given before the test ends.
// Whoever means to may listen on it, also again and again.
func Reserve(t testing.TB) string {
	t.Helper()
	address, release, err := reserve()
	if err != nil {
		t.Fatalf("reserve a port: %v", err)
	}
	t.Cleanup(release)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatalf("reserve a port: %v", err)
	}
	return port
}
