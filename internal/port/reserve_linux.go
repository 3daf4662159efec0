package port

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
)

// reserve binds a socket and does not listen on it. With SO_REUSEADDR on both, which all servers set,
// that keeps no server from the port (socket(7)), and keeps the system from choosing it for somebody
// who asks for any port, or for the near end of a connection.
func reserve() (address string, release func(), err error) {
	s, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", nil, os.NewSyscallError("socket", err)
	}
	release = func() { _ = syscall.Close(s) }
	defer func() {
		if err != nil {
			release()
		}
	}()
	if err = syscall.SetsockoptInt(s, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return "", nil, os.NewSyscallError("setsockopt", err)
	}
	if err = syscall.Bind(s, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return "", nil, os.NewSyscallError("bind", err)
	}
	name, err := syscall.Getsockname(s)
	if err != nil {
		return "", nil, os.NewSyscallError("getsockname", err)
	}
	bound, ok := name.(*syscall.SockaddrInet4)
	if !ok {
		err = fmt.Errorf("the socket is bound to %T", name)
		return "", nil, err
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(bound.Port)), release, nil
}
