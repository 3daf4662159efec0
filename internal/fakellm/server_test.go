package fakellm_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/llm"
)

const chatBody = `{"model":"m","messages":[{"role":"user","content":"Hi"}]}`

// post sends a JSON body and returns the answer, closed at the test's end.
func post(t *testing.T, s *fakellm.Server, e llm.Endpoint, body string) *http.Response {
	t.Helper()
	resp, err := s.Client().Post(s.BaseURL()+e.Path(), "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func read(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestStepsAreTakenInOrder(t *testing.T) {
	s := fakellm.Start(t, fakellm.Error(503, "overloaded", "Later."), fakellm.Answer("one"))
	s.Script(fakellm.Answer("two"))
	for i, want := range []struct {
		status int
		text   string
	}{{503, "Later."}, {200, "one"}, {200, "two"}} {
		resp := post(t, s, llm.Chat, chatBody)
		if body := read(t, resp); resp.StatusCode != want.status || !strings.Contains(body, want.text) {
			t.Errorf("request %d: %d %s, want %d with %q", i+1, resp.StatusCode, body, want.status, want.text)
		}
	}
}

// verdict stands in for a test that may fail.
type verdict struct {
	testing.TB
	mu     sync.Mutex
	errors int
}

func (v *verdict) Errorf(string, ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.errors++
}

func TestARequestBeyondTheScriptFailsTheTest(t *testing.T) {
	v := &verdict{TB: t}
	s := fakellm.Start(v, fakellm.Answer("only"))
	read(t, post(t, s, llm.Chat, chatBody))
	if v.errors != 0 {
		t.Fatal("a scripted request failed the test")
	}
	if resp := post(t, s, llm.Chat, chatBody); resp.StatusCode != 500 {
		t.Errorf("status %d, want 500", resp.StatusCode)
	}
	if v.errors != 1 {
		t.Errorf("the test failed %d times, want once", v.errors)
	}
}

func TestAFunctionChoosesWhenTheScriptHasEnded(t *testing.T) {
	s := fakellm.Start(t, fakellm.Answer("scripted"))
	s.Otherwise(func(r *fakellm.Request) fakellm.Step {
		return fakellm.Answer(r.Get("messages.0.content").String() + " again")
	})
	for _, want := range []string{"scripted", "Hi again", "Hi again"} {
		if body := read(t, post(t, s, llm.Chat, chatBody)); !strings.Contains(body, want) {
			t.Errorf("got %s, want %q", body, want)
		}
	}
}

func TestRequestsAreKeptAsTheProviderSawThem(t *testing.T) {
	s := fakellm.Start(t)
	req, _ := http.NewRequest("POST", s.BaseURL()+"/chat/completions?x=1", strings.NewReader(chatBody))
	req.Header.Set("Authorization", "Bearer key-1")
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	read(t, resp) // whole: who leaves an answer half read has left the provider, too

	r := s.Await(1)
	<-r.Done()
	if r.Number != 1 || r.Method != "POST" || r.Path != "/v1/chat/completions" || r.Query.Get("x") != "1" ||
		string(r.Body) != chatBody || r.Endpoint != llm.Chat || r.Model() != "m" || r.Stream() || r.Key() != "key-1" {
		t.Errorf("got %+v", r)
	}
	if _, left := r.WasCancelled(); left {
		t.Error("a request that was answered counts as cancelled")
	}
	if s.Count() != 1 || len(s.Requests()) != 1 || s.Connections() != 1 {
		t.Errorf("count %d, connections %d", s.Count(), s.Connections())
	}
}

func TestFormsAreReadByField(t *testing.T) {
	s := fakellm.Start(t)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, _ := form.CreateFormFile("file", "a.mp3")
	_, _ = part.Write([]byte("sound"))
	_ = form.WriteField("model", "whisper")
	_ = form.Close()
	resp, err := http.Post(s.BaseURL()+"/audio/transcriptions", form.FormDataContentType(), &body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := read(t, resp); !strings.Contains(got, `"text":"Hello!"`) {
		t.Errorf("got %s", got)
	}
	if r := s.Await(1); r.Model() != "whisper" || r.Field("file") != "sound" || r.Endpoint != llm.Transcriptions {
		t.Errorf("model %q file %q endpoint %q", r.Model(), r.Field("file"), r.Endpoint)
	}
}

func TestAGateHoldsTheAnswer(t *testing.T) {
	gate := fakellm.NewGate()
	s := fakellm.Start(t, fakellm.Steps(fakellm.Stream(), fakellm.Text("before"), fakellm.Wait(gate), fakellm.Text("after"), fakellm.Done()))
	resp := post(t, s, llm.Chat, chatBody)
	<-gate.Reached()
	first := make([]byte, 4096)
	n, err := resp.Body.Read(first)
	if err != nil || !strings.Contains(string(first[:n]), "before") || strings.Contains(string(first[:n]), "after") {
		t.Fatalf("got %q, %v", first[:n], err)
	}
	gate.Open()
	if rest := read(t, resp); !strings.Contains(rest, "after") || !strings.HasSuffix(rest, "data: [DONE]\n\n") {
		t.Errorf("got %q", rest)
	}
}

func TestAClientThatLeavesIsSeen(t *testing.T) {
	for name, begin := range map[string]fakellm.Step{
		"before the headers": fakellm.Steps(),
		"in the stream":      fakellm.Steps(fakellm.Stream(), fakellm.Text("a")),
	} {
		t.Run(name, func(t *testing.T) {
			s := fakellm.Start(t, fakellm.Steps(begin, fakellm.Hang()))
			ctx, leave := context.WithCancel(t.Context())
			req, _ := http.NewRequestWithContext(ctx, "POST", s.BaseURL()+"/chat/completions", strings.NewReader(chatBody))
			go func() {
				s.Await(1)
				leave()
			}()
			if resp, err := s.Client().Do(req); err == nil {
				_, err = io.ReadAll(resp.Body)
				resp.Body.Close()
				if !errors.Is(err, context.Canceled) {
					t.Errorf("got %v", err)
				}
			}
			r := s.Await(1)
			<-r.Cancelled()
			<-r.Done()
			if when, left := r.WasCancelled(); !left || when.Before(r.Time) {
				t.Errorf("left %v at %v", left, when)
			}
		})
	}
}

func TestConnectionsBreakAsAsked(t *testing.T) {
	stream := fakellm.Steps(fakellm.Stream(), fakellm.Role(), fakellm.Text("a"))
	for name, c := range map[string]struct {
		step  fakellm.Step
		early bool // no status line comes
	}{
		"cut before the headers":   {fakellm.Cut(), true},
		"reset before the headers": {fakellm.Reset(), true},
		"cut in the stream":        {fakellm.Steps(stream, fakellm.Cut()), false},
		"truncated body":           {fakellm.Truncated(200, `{"id":`, 10), false},
	} {
		t.Run(name, func(t *testing.T) {
			s := fakellm.Start(t, c.step)
			resp, err := s.Client().Post(s.BaseURL()+"/chat/completions", "application/json", strings.NewReader(chatBody))
			if c.early {
				if err == nil {
					t.Fatalf("got status %d", resp.StatusCode)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			if !errors.Is(err, io.ErrUnexpectedEOF) || len(b) == 0 {
				t.Errorf("read %q, %v", b, err)
			}
		})
	}
}

func TestAResetInAStreamIsNoCleanEnd(t *testing.T) {
	gate := fakellm.NewGate()
	s := fakellm.Start(t, fakellm.Steps(fakellm.Stream(), fakellm.Text("a"), fakellm.Wait(gate), fakellm.Reset()))
	resp := post(t, s, llm.Chat, chatBody)
	gate.Open()
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("the stream ended cleanly")
	} else if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}

func TestHTTP2IsSpokenAndBroken(t *testing.T) {
	s := fakellm.StartTLS(t,
		fakellm.Answer("hello"),
		fakellm.Steps(fakellm.Stream(), fakellm.Text("a"), fakellm.Cut()),
		fakellm.Reset())
	if body := read(t, post(t, s, llm.Chat, chatBody)); !strings.Contains(body, "hello") {
		t.Errorf("got %s", body)
	}
	if r := s.Await(1); r.Proto != "HTTP/2.0" {
		t.Errorf("spoke %s", r.Proto)
	}
	if _, err := io.ReadAll(post(t, s, llm.Chat, chatBody).Body); err == nil {
		t.Error("a cut stream ended cleanly")
	}
	if resp, err := s.Client().Post(s.BaseURL()+"/chat/completions", "application/json", strings.NewReader(chatBody)); err == nil {
		t.Errorf("a reset connection answered %d", resp.StatusCode)
	}
	if s.Connections() == 0 {
		t.Error("no connection was counted")
	}
}

func TestTheCertificateCanBeTrusted(t *testing.T) {
	s := fakellm.StartTLS(t)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(s.CertificatePEM()) {
		t.Fatal("not a certificate")
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer client.CloseIdleConnections()
	resp, err := client.Get(s.BaseURL() + "/models")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if _, err := http.Get(s.BaseURL() + "/models"); err == nil {
		t.Error("a client that does not know the certificate trusts it")
	}
}

func TestPortsThatDoNotAnswer(t *testing.T) {
	if _, err := http.Get(fakellm.Refused(t)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("refused: %v", err)
	}
	var alert tls.AlertError
	if _, err := http.Get(fakellm.TLSFailure(t)); !strings.Contains(err.Error(), "tls: ") && !errors.As(err, &alert) {
		t.Errorf("TLS failure: %v", err)
	}
	if _, err := http.Get(fakellm.HandshakeReset(t)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reset in the handshake: %v", err)
	}
	if _, err := http.Get(fakellm.HandshakeCut(t)); !errors.Is(err, io.EOF) {
		t.Errorf("cut in the handshake: %v", err)
	}
	ctx, leave := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "GET", fakellm.Silent(t), http.NoBody)
	failed := make(chan error)
	go func() {
		_, err := http.DefaultClient.Do(req)
		failed <- err
	}()
	leave()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("silent: %v", err)
	}
}
