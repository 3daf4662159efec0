package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const png = "\x89PNG\r\n\x1a\n and so on"

// web is a server on this machine, and a fetcher that may reach it and nothing else here.
func web(t *testing.T, serve http.HandlerFunc) (string, *Fetcher) {
	t.Helper()
	s := httptest.NewServer(serve)
	t.Cleanup(s.Close)
	at := netip.MustParseAddrPort(s.Listener.Addr().String())
	return s.URL, New(Config{MaxBytes: 1000, Timeout: time.Minute, Allowed: func(to netip.AddrPort) bool { return to == at }})
}

func get(t *testing.T, f *Fetcher, address string) (Medium, error) {
	t.Helper()
	b := f.Batch(t.Context())
	defer b.Close()
	return b.Get(address)
}

func TestImagesAndPDFsAreFetched(t *testing.T) {
	for said, want := range map[string]string{
		"image/jpeg; a=b": "image/jpeg", "application/pdf": "application/pdf", "application/octet-stream": "image/png", "-": "image/png",
	} {
		address, f := web(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("User-Agent") != "mulligan" || r.Header.Get("Referer")+r.Header.Get("Cookie")+r.Header.Get("Authorization") != "" {
				t.Errorf("asked with %v", r.Header)
			}
			w.Header().Set("Content-Type", said)
			fmt.Fprint(w, png)
		})
		if m, err := get(t, f, address+"/a.png"); err != nil || m.Type != want || string(m.Data) != png {
			t.Errorf("%s: %+v %v", said, m, err)
		}
	}
}

func TestWhatIsNoMediumIsRefused(t *testing.T) {
	for name, serve := range map[string]http.HandlerFunc{
		"html": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>secret") },
		"json": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, "{}")
		},
		"nothing":   func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "image/png") },
		"not found": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound); fmt.Fprint(w, png) },
		"compressed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			fmt.Fprint(w, png)
		},
		"too long": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, png+strings.Repeat("x", 1000)) },
		"too long, and does not say so": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "image/png")
			for range 10 {
				fmt.Fprint(w, strings.Repeat("x", 200))
				_ = http.NewResponseController(w).Flush()
			}
		},
	} {
		address, f := web(t, serve)
		if m, err := get(t, f, address); err == nil {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

// All that is fetched for a request is bounded, not each.
func TestABatchIsBoundedAsAWhole(t *testing.T) {
	address, f := web(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		fmt.Fprint(w, strings.Repeat("x", 600))
	})
	b := f.Batch(t.Context())
	defer b.Close()
	if _, err := b.Get(address); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(address); !errors.Is(err, errTooLarge) {
		t.Errorf("the second: %v", err)
	}
}

func TestAServerThatHangsIsLeft(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	address, f := web(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		cancel() // the one who asks, whose leaving ends the request
		<-r.Context().Done()
		close(gone)
	})
	b := f.Batch(ctx)
	defer b.Close()
	if _, err := b.Get(address); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	<-gone
}

// Nothing that is not of the web is reached, however it is spelled.
func TestAddressesThatAreNotPublicAreNotReached(t *testing.T) {
	reached := false
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer s.Close()
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	f := New(Config{Timeout: time.Minute, resolver: resolverOf(t, [4]byte{127, 0, 0, 1})})
	for _, host := range []string{
		"127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]",
		"[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1%25lo]",
	} {
		if m, err := get(t, f, "http://"+host+":"+port+"/"); err == nil {
			t.Errorf("%s: %+v", host, m)
		}
	}
	if reached {
		t.Error("the server was reached")
	}
	for _, address := range []string{
		"file:///etc/passwd", "ftp://example.com/a.png", "gopher://127.0.0.1/", "data:image/png;base64,AAAA", "//example.com/a.png",
		"http://user:password@example.com/", "http://", "https:///a", "a.png", "http://[::1", "",
	} {
		if m, err := get(t, f, address); err == nil {
			t.Errorf("%s: %+v", address, m)
		}
	}
}

func TestOnlyPublicAddressesArePublic(t *testing.T) {
	for _, a := range []string{
		"127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "0.1.2.3",
		"192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "168.63.129.16",
		"::", "::1", "::127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1",
		"2002:a00:1::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "3fff::1", "4000::1",
	} {
		if public(netip.AddrPortFrom(netip.MustParseAddr(a), 443)) {
			t.Errorf("%s counts as public", a)
		}
	}
	for _, a := range []string{"1.1.1.1", "93.184.215.14", "172.32.0.1", "100.128.0.1", "::ffff:1.1.1.1", "2606:4700::1111", "2a00:1450::1"} {
		if !public(netip.AddrPortFrom(netip.MustParseAddr(a), 443)) {
			t.Errorf("%s does not count as public", a)
		}
		if public(netip.AddrPortFrom(netip.MustParseAddr(a), 6379)) {
			t.Errorf("%s counts as public at a port that is not the web's", a)
		}
	}
}

func TestRedirectsAreFollowedToWhatIsAllowedOnly(t *testing.T) {
	reached := false
	private := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached = true
		fmt.Fprint(w, png)
	}))
	defer private.Close()
	address, f := web(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/image":
			if r.Header.Get("Referer") != "" {
				t.Errorf("referred by %s", r.Header.Get("Referer"))
			}
			fmt.Fprint(w, png)
		case "/good":
			http.Redirect(w, r, "/image", http.StatusFound)
		case "/private":
			http.Redirect(w, r, private.URL, http.StatusTemporaryRedirect)
		case "/file":
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		default:
			http.Redirect(w, r, "/round", http.StatusFound)
		}
	})
	if m, err := get(t, f, address+"/good"); err != nil || m.Type != "image/png" {
		t.Errorf("to where we may: %+v %v", m, err)
	}
	if _, err := get(t, f, address+"/private"); !errors.Is(err, errNotPublic) || reached {
		t.Errorf("to where we may not: %v, reached %v", err, reached)
	}
	for _, path := range []string{"/file", "/round"} {
		if m, err := get(t, f, address+path); err == nil {
			t.Errorf("%s: %+v", path, m)
		}
	}
}

// A name says what it likes, and not twice the same: it is the address that counts.
func TestNamesOfPrivateAddressesAreNotReached(t *testing.T) {
	reached := false
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer s.Close()
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	f := New(Config{Timeout: time.Minute, resolver: resolverOf(t, [4]byte{127, 0, 0, 1})})
	if _, err := get(t, f, "http://images.example.com:"+port+"/a.png"); !errors.Is(err, errNotPublic) || reached {
		t.Errorf("got %v, reached %v", err, reached)
	}
}

// resolverOf is a resolver that says one address of every name.
func resolverOf(t *testing.T, address [4]byte) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) == 0 {
				continue
			}
			q := m.Questions[0]
			m.Response, m.RCode, m.Additionals = true, dnsmessage.RCodeSuccess, nil
			if q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1},
					Body:   &dnsmessage.AResource{A: address},
				}}
			}
			if packed, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(packed, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}
