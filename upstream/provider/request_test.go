package provider

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	_ "github.com/mulligan-gateway/mulligan/internal/rapidseed" // the same inputs in each run
	"github.com/mulligan-gateway/mulligan/llm"
)

func payload(parts ...string) llm.Payload {
	p := llm.Payload{ContentType: "application/json"}
	for _, part := range parts {
		p.Parts = append(p.Parts, []byte(part))
	}
	return p
}

// The server's side of a request: what really arrives, through the real transport.
func TestRequestsCarryTheAllowedHeadersOnly(t *testing.T) {
	var got *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	}))
	defer server.Close()
	transport := NewTransport()
	defer transport.CloseIdleConnections()

	for _, c := range []struct {
		name   string
		call   Call
		header http.Header
		want   map[string]string
	}{
		{"plain", Call{Endpoint: llm.Chat, Key: "k"}, nil, map[string]string{"Authorization": "Bearer k"}},
		{"stream", Call{Endpoint: llm.Chat, Key: "k", Stream: true}, nil, map[string]string{"Authorization": "Bearer k", "Accept": "text/event-stream"}},
		{"no key", Call{Endpoint: llm.Completions}, nil, map[string]string{}},
		{"the config's own", Call{Endpoint: llm.Chat, Key: "k"}, http.Header{"x-team": {"search"}}, map[string]string{"Authorization": "Bearer k", "X-Team": "search"}},
		{
			"the config's win", Call{Endpoint: llm.Chat, Key: "k", Stream: true},
			http.Header{"authorization": {"Basic x"}, "User-Agent": {"house"}, "Accept": {"*/*"}},
			map[string]string{"Authorization": "Basic x", "User-Agent": "house", "Accept": "*/*"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := Config{Name: "house", Kind: KindCompatible, BaseURL: server.URL + "/v1", Header: c.header, Transport: transport}
			if c.call.Key != "" {
				config.Keys = []string{c.call.Key}
			}
			p, err := New(config)
			if err != nil {
				t.Fatal(err)
			}
			c.call.Payload = payload(`{"model":`, ``, `"m"}`)
			r, err := p.NewRequest(t.Context(), c.call)
			if err != nil {
				t.Fatal(err)
			}
			res, err := p.Transport().RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			want := map[string]string{"Content-Type": "application/json", "Content-Length": "13", "User-Agent": "mulligan"}
			maps.Copy(want, c.want)
			arrived := map[string]string{}
			for name, values := range got.Header {
				arrived[name] = strings.Join(values, "|")
			}
			if !maps.Equal(arrived, want) || got.URL.Path != "/v1"+c.call.Endpoint.Path() || string(body) != `{"model":"m"}` || got.ContentLength != 13 {
				t.Errorf("%s %s got\n%v, want\n%v", got.URL, body, arrived, want)
			}
		})
	}
}

func TestEveryRequestHasItsOwnKey(t *testing.T) {
	p, err := New(Config{Name: "mine", Kind: "openai", Keys: []string{"a", "b"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range p.Keys() {
		r, err := p.NewRequest(t.Context(), Call{Endpoint: llm.Chat, Key: key})
		if err != nil || r.Header.Get("Authorization") != "Bearer "+key {
			t.Errorf("%s: %v, %v", key, r, err)
		}
	}
	for _, key := range []string{"c", ""} {
		if r, err := p.NewRequest(t.Context(), Call{Endpoint: llm.Chat, Key: key}); err == nil {
			t.Errorf("the key %q, which is not its own, is sent: %v", key, r.Header)
		}
	}
}

// rewriting is a transport that may do anything to a request.
type rewriting struct{ http.RoundTripper }

func TestRequestsDoNotShareWhatATransportMayChange(t *testing.T) {
	p, err := New(Config{Name: "mine", Kind: "ollama", Transport: rewriting{}, Header: http.Header{"X-Team": {"a"}, "x-team": {"b"}, "X-teaM": {"c"}}})
	if err != nil {
		t.Fatal(err)
	}
	first, err := p.NewRequest(t.Context(), Call{Endpoint: llm.Chat})
	if err != nil {
		t.Fatal(err)
	}
	first.URL.Host = "elsewhere.example.com"
	first.Header.Add("X-Team", "first")
	first.Header.Set("X-More", "first")
	second, err := p.NewRequest(t.Context(), Call{Endpoint: llm.Chat})
	if err != nil {
		t.Fatal(err)
	}
	second.Header.Add("X-Team", "second")
	if second.URL.Host != "127.0.0.1:11434" || second.Header["X-More"] != nil || !slices.Equal(first.Header["X-Team"][3:], []string{"first"}) ||
		!slices.Equal(second.Header["X-Team"], []string{"a", "c", "b", "second"}) {
		t.Errorf("%s %v, %v", second.URL, second.Header, first.Header)
	}
}

func TestAnEndpointThatTheVendorDoesNotHaveIsNamed(t *testing.T) {
	p, err := New(Config{Name: "mine", Kind: "deepseek", Keys: []string{"k"}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.NewRequest(t.Context(), Call{Endpoint: llm.Images, Key: "k"})
	var e *llm.Error
	if !errors.As(err, &e) || e.Code != string(llm.CodeUnsupportedByProvider) || !strings.Contains(e.Message, "images") {
		t.Errorf("got %v", err)
	}
}

func TestRequestsEndWithTheirContext(t *testing.T) {
	p, err := New(Config{Name: "demo", Kind: KindDemo})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r, err := p.NewRequest(ctx, Call{Endpoint: llm.Chat, Payload: payload(`{"model":"hang"}`)})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := p.Transport().RoundTrip(r); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAnEmptyBodyHasAKnownLength(t *testing.T) {
	p, err := New(Config{Name: "mine", Kind: "ollama"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.NewRequest(t.Context(), Call{Endpoint: llm.Chat, Payload: payload("", "")})
	if err != nil || r.ContentLength != 0 || r.Body != http.NoBody {
		t.Errorf("%v, %v", r, err)
	}
}

// However a payload is cut and at whatever pace it is read, its bytes arrive in order, as
// often as they are asked for.
func TestBodiesAreTheirPartsInOrder(t *testing.T) {
	p, err := New(Config{Name: "mine", Kind: "ollama"})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(r *rapid.T) {
		parts := rapid.SliceOf(rapid.SliceOfN(rapid.Byte(), 0, 20)).Draw(r, "parts")
		sizes := append(rapid.SliceOfN(rapid.IntRange(0, 30), 0, 8).Draw(r, "sizes"), 1) // so that it ends
		whole := bytes.Join(parts, nil)
		req, err := p.NewRequest(t.Context(), Call{Endpoint: llm.Chat, Payload: llm.Payload{Parts: parts}})
		if err != nil {
			r.Fatal(err)
		}
		if req.ContentLength != int64(len(whole)) {
			r.Fatalf("its length is %d, not %d", req.ContentLength, len(whole))
		}
		if got := readIn(r, req.Body, sizes); !bytes.Equal(got, whole) {
			r.Fatalf("got %q, want %q", got, whole)
		}
		for range 2 {
			again, err := req.GetBody()
			if err != nil {
				r.Fatal(err)
			}
			if got := readIn(r, again, sizes); !bytes.Equal(got, whole) {
				r.Fatalf("again: got %q, want %q", got, whole)
			}
		}
	})
}

// readIn reads a body to its end in reads of the sizes given, in turn, and watches its length.
func readIn(t *rapid.T, body io.ReadCloser, sizes []int) []byte {
	var got []byte
	left := -1
	if b, ok := body.(*Body); ok {
		left = b.Len()
	}
	for i := 0; ; i++ {
		buf := make([]byte, sizes[i%len(sizes)])
		n, err := body.Read(buf)
		got = append(got, buf[:n]...)
		if b, ok := body.(*Body); ok && b.Len() != left-len(got) {
			t.Fatalf("%d bytes are left of %d after %d", b.Len(), left, len(got))
		}
		if err != nil {
			if !errors.Is(err, io.EOF) || body.Close() != nil {
				t.Fatalf("it ends with %v", err)
			}
			return got
		}
		if n == 0 && len(buf) > 0 {
			t.Fatal("a read gave nothing and no end")
		}
	}
}

func TestBodyKeepsTheContractOfAReader(t *testing.T) {
	if err := iotest.TestReader(NewBody(payload("", "a", "", "bcd", "ef", "")), []byte("abcdef")); err != nil {
		t.Error(err)
	}
}

func TestRepliesShowTheClientTheAllowedHeadersOnly(t *testing.T) {
	got := make(http.Header)
	ReplyHeader(got, http.Header{
		"X-Request-Id": {"req_1"}, "Request-Id": {"req_2"}, "X-Amzn-Requestid": {"3"}, "X-Amzn-Trace-Id": {"4"}, "Openai-Processing-Ms": {"12"}, "X-Ratelimit-Remaining-Tokens": {"7"}, "Content-Disposition": {"inline"},
		"Set-Cookie": {"a=b"}, "Openai-Organization": {"acme"}, "Openai-Project": {"p"}, "Server": {"cloudflare"}, "Cf-Ray": {"x"}, "Via": {"x"},
		"Content-Type": {"text/plain"}, "Content-Length": {"1"}, "Content-Encoding": {"gzip"}, "Transfer-Encoding": {"chunked"}, "Connection": {"close"},
		"Retry-After": {"1"}, "X-Should-Retry": {"true"}, "Alt-Svc": {"h3"}, "Location": {"https://example.com"}, "Authorization": {"x"},
		"X-Deployment-Variant": {"forged"}, "Access-Control-Allow-Origin": {"*"}, "Strict-Transport-Security": {"max-age=1"}, "X-Ratelimit": {"x"},
	})
	want := []string{"Content-Disposition", "Openai-Processing-Ms", "Request-Id", "X-Amzn-Requestid", "X-Ratelimit-Remaining-Tokens", "X-Request-Id"}
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
}

// What net/http's own transport is given is shared, so it must not differ by what came before.
func TestSharedHeadersAreThoseOfTheRequest(t *testing.T) {
	for name, transport := range map[string]http.RoundTripper{"shared": &http.Transport{}, "its own": rewriting{}} {
		t.Run(name, func(t *testing.T) {
			p, err := New(Config{Name: "mine", Kind: "anthropic", Keys: []string{"a", "b"}, Header: http.Header{"X-Team": {"t"}}, Transport: transport})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				for _, key := range p.Keys() {
					for _, stream := range []bool{false, true} {
						for _, media := range []string{"application/json", "multipart/form-data; boundary=x", ""} {
							r, err := p.NewRequest(t.Context(), Call{
								Endpoint: llm.Messages, Key: key, Stream: stream, Payload: llm.Payload{ContentType: media, Parts: [][]byte{[]byte("{}")}},
							})
							if err != nil {
								t.Fatal(err)
							}
							want := http.Header{"User-Agent": {"mulligan"}, "X-Api-Key": {key}, "X-Team": {"t"}, HeaderAnthropicVersion: {"2023-06-01"}}
							if stream {
								want["Accept"] = []string{"text/event-stream"}
							}
							if media != "" {
								want["Content-Type"] = []string{media}
							}
							if !maps.EqualFunc(r.Header, want, slices.Equal) || r.ContentLength != 2 {
								t.Errorf("%s, %t, %q: got %v, want %v", key, stream, media, r.Header, want)
							}
						}
					}
				}
			}
		})
	}
}
