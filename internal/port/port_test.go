package port

import (
	"errors"
	"net"
	"runtime"
	"syscall"
	"testing"
)

func TestAReservedPortIsForWhoKnowsIt(t *testing.T) {
	address := net.JoinHostPort("127.0.0.1", Reserve(t))
	if c, err := net.Dial("tcp", address); err == nil {
		c.Close()
		t.Error("somebody listens on it")
	}
	for range 2 { // a server may be stopped and started again
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatalf("it cannot be listened on: %v", err)
		}
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatalf("it cannot be dialled: %v", err)
		}
		c.Close()
		l.Close()
	}
}

// TestAReservedPortIsHeld binds it as the system does for somebody who asks for any port: without
// SO_REUSEADDR, which makes an exception.
func TestAReservedPortIsHeld(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("ports cannot be held here")
	}
	near := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}
	var err error
	if near.Port, err = net.LookupPort("tcp", Reserve(t)); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := (&net.Dialer{LocalAddr: near}).Dial("tcp", l.Addr().String())
	if err == nil {
		c.Close()
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a connection from it: %v", err)
	}
}
