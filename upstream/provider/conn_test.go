package provider

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/mulligan-gateway/mulligan/llm"
)

func TestBodiesOfAllSizesArrive(t *testing.T) {
	var got []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got, _ = io.ReadAll(r.Body)
	}))
	defer server.Close()
	transport := WriteWhole(&http.Transport{})
	defer transport.CloseIdleConnections()
	for _, size := range []int{1, CopiedBody, CopiedBody + 1, 100 << 10, 3 << 20} {
		payload := llm.Payload{Parts: [][]byte{bytes.Repeat([]byte("a"), size/2), []byte(nil), bytes.Repeat([]byte("b"), size-size/2)}}
		req, err := http.NewRequest(http.MethodPost, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		setBody(req, payload)
		body := req.Body
		res, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if !bytes.Equal(got, payload.Bytes()) {
			t.Errorf("%d bytes: other ones came", size)
		}
		if whole, ok := body.(*Body); ok && whole.Len() != 0 {
			t.Errorf("%d bytes: %d are left", size, whole.Len())
		}
	}
}

// A body that is longer than it says is left to net/http, which sends as much as was announced.
func TestBodyIsNotSentBeyondItsLength(t *testing.T) {
	a, b := tcpPair(t)
	body := NewBody(llm.Payload{Parts: [][]byte{[]byte("abc"), []byte("def")}})
	go func() {
		_, _ = conn{a}.ReadFrom(io.LimitReader(body, 4))
		a.Close()
	}()
	if got, err := io.ReadAll(b); err != nil || string(got) != "abcd" {
		t.Errorf("%q, %v", got, err)
	}
}

func tcpPair(t *testing.T) (client, server *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := new(net.Dialer).DialContext(context.Background(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); s.Close() })
	return c.(*net.TCPConn), s.(*net.TCPConn)
}
