package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/bench/load/drive"
	"github.com/mulligan-gateway/mulligan/bench/load/mock"
)

func startMock(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() { _ = mock.Serve(l) }()
	return "http://" + l.Addr().String()
}

// turn sends a short turn of load.
func turn(t *testing.T, url string, s drive.Shape) *drive.Sample {
	t.Helper()
	l, err := drive.New(drive.Target{URL: url + "/v1/chat/completions", Model: "mock:" + s.Spec}, s)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Turn(100 * time.Millisecond)
}

func TestGoodAnswersPass(t *testing.T) {
	url := startMock(t)
	for _, s := range []drive.Shape{
		{Spec: "size=3000", Connections: 2, Body: 50_000},
		{Spec: "chunks=30,chunksize=90", Connections: 2, Body: 1000, Stream: true},
		{Spec: "chunks=5,gap=1ms", Connections: 40, Body: 1000, Stream: true},
	} {
		if r := turn(t, url, s); r.Requests < s.Connections || len(r.Wrong) > 0 {
			t.Errorf("%+v: %d requests, wrong: %v", s, r.Requests, r.Wrong)
		}
	}
}

// Each gateway here spoils answers in one way, and all of its answers must be called wrong.
func TestSpoiledAnswersAreWrong(t *testing.T) {
	url := startMock(t)
	events := func(f func([]string) []string) func(string) string {
		return func(s string) string { return strings.Join(f(strings.SplitAfter(s, "\n\n")), "") }
	}
	replace := func(from, to string) func(string) string {
		return func(s string) string { return strings.ReplaceAll(s, from, to) }
	}
	last := `{"choices":[{"message":{}}]}`
	for _, c := range []struct {
		name, want string
		stream     bool
		spoil      func(string) string
	}{
		{"changed word", "bad content", false, replace("brown", "green")},
		{"previous answer", "bad content", false, func(s string) string { s, last = last, s; return s }},
		{"cut", "bad JSON", false, func(s string) string { return s[:len(s)/2] }},
		{"lost chunk", "bad order", true, events(func(l []string) []string { return append(l[:3:3], l[4:]...) })},
		{"doubled chunk", "bad order", true, events(func(l []string) []string { return append(l[:4:4], l[3:]...) })},
		{"lost last chunk", "bad number of chunks", true, events(func(l []string) []string { return append(l[:19:19], l[20:]...) })},
		{"lost finish", "no finish reason", true, replace(`"stop"`, "null")},
		{"lost usage", "no usage", true, replace(`"usage"`, `"used"`)},
		{"lost [DONE]", "no [DONE]", true, replace("data: [DONE]\n\n", "")},
		{"no stream", "bad content type", true, nil},
	} {
		gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			answer, err := http.Post(url+r.URL.Path, "application/json", bytes.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			defer answer.Body.Close()
			out, _ := io.ReadAll(answer.Body)
			w.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
			if c.spoil == nil {
				w.Header().Set("Content-Type", "application/json")
			} else {
				out = []byte(c.spoil(string(out)))
			}
			_, _ = w.Write(out)
		}))
		r := turn(t, gateway.URL, drive.Shape{Spec: "chunks=20", Connections: 1, Body: 1000, Stream: c.stream})
		if r.Requests != 0 || r.Wrong[c.want] == 0 || len(r.Wrong) != 1 {
			t.Errorf("%s: want only %q, got %d right and %v", c.name, c.want, r.Requests, r.Wrong)
		}
		gateway.Close()
	}
}

// The provider refuses a request that a gateway has cut.
func TestCutRequestsAreRefused(t *testing.T) {
	url := startMock(t)
	resp, err := http.Post(url+"/v1/chat/completions", "application/json",
		strings.NewReader(`{"model":"mock","messages":[{"role":"user","content":"nonce:00000000000000aa and no tail"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("status %d", resp.StatusCode)
	}
}
