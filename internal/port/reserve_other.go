//go:build !linux

package port

import "net"

// reserve finds a port that is free now. Elsewhere than on Linux a port that is held is not free for
// the one that it is held for.
func reserve() (address string, release func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	return l.Addr().String(), func() {}, l.Close()
}
