package vertex

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/provider/signin"
)

// tokens is a token server. It counts its requests and answers as told, or with token-1, token-2
// and so on.
type tokens struct {
	*httptest.Server
	n      atomic.Int32
	last   atomic.Pointer[http.Request]
	answer http.HandlerFunc
}

func newTokens(t *testing.T, answer http.HandlerFunc) *tokens {
	t.Helper()
	s := &tokens{answer: answer}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		s.last.Store(r)
		n := s.n.Add(1)
		w.Header().Set("Content-Type", "application/json")
		if s.answer != nil {
			s.answer(w, r)
			return
		}
		_, _ = fmt.Fprintf(w, `{"access_token":"token-%d","token_type":"Bearer","expires_in":3600}`, n)
	}))
	t.Cleanup(s.Close)
	return s
}

var privateKey = sync.OnceValue(func() string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
})

// accountFile writes the key file of a service account that asks a token server.
func accountFile(t *testing.T, server string) string {
	t.Helper()
	content, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "p", "client_email": "a@example.com", "private_key_id": "1",
		"private_key": privateKey(), "token_uri": server + "/token",
	})
	if err != nil {
		t.Fatal(err)
	}
	return file1(t, string(content))
}

func file1(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "credentials.json")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// signed returns the Authorization of a request that is signed in.
func signed(t *testing.T, b *signin.Bearer) (string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://vertex.example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	err = b.Sign(r, llm.Payload{})
	return r.Header.Get("Authorization"), err
}

func TestAServiceAccountSignsInOnceForAllRequests(t *testing.T) {
	s := newTokens(t, nil)
	b := New(Config{Credentials: accountFile(t, s.URL)})
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if got, err := signed(t, b); got != "Bearer token-1" || err != nil {
				t.Errorf("got %q and %v", got, err)
			}
		})
	}
	all.Wait()
	if s.n.Load() != 1 {
		t.Errorf("%d fetches", s.n.Load())
	}
	if got := s.last.Load().PostForm.Get("grant_type"); got != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		t.Errorf("it asks with %q", got)
	}
}

func TestATokenThatIsRefusedOrOverIsFetchedAnew(t *testing.T) {
	s := newTokens(t, nil)
	var passed atomic.Int64
	b := New(Config{Credentials: accountFile(t, s.URL), Now: func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://vertex.example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"Bearer token-1", "Bearer token-2", "Bearer token-3"} {
		if err := b.Sign(r, llm.Payload{}); err != nil || r.Header.Get("Authorization") != want {
			t.Fatalf("got %v and %v, want %s", r.Header, err, want)
		}
		if i == 0 {
			b.Forget(r)
		} else {
			passed.Add(int64(time.Hour)) // the token is over
		}
	}
}

func TestWhyThereIsNoTokenIsTold(t *testing.T) {
	garbage := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }
	}
	failing := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	for name, c := range map[string]struct {
		answer  http.HandlerFunc
		refused bool
		want    string
	}{
		"refused":     {failing(400, `{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`), true, "400: invalid_grant Invalid JWT Signature."},
		"forbidden":   {failing(403, `{"error":{"code":403,"message":"No.","status":"PERMISSION_DENIED"}}`), true, "403: PERMISSION_DENIED No."},
		"busy":        {failing(503, ``), false, "503"},
		"no token":    {garbage(`{}`), false, ""},
		"not JSON":    {garbage(`<html>`), false, ""},
		"not a token": {garbage(`{"access_token":"a\nb","expires_in":3600}`), false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://vertex.example.com", nil)
			if err != nil {
				t.Fatal(err)
			}
			err = New(Config{Credentials: accountFile(t, newTokens(t, c.answer).URL)}).Sign(r, llm.Payload{})
			var refused *signin.RefusedError
			if err == nil || errors.As(err, &refused) != c.refused || !strings.Contains(err.Error(), c.want) || len(r.Header) != 0 {
				t.Errorf("got %v and %v", r.Header, err)
			}
			if err != nil && strings.Contains(err.Error(), "PRIVATE KEY") {
				t.Error("the error shows the key")
			}
		})
	}
}

func TestASlowTokenServerIsWaitedForAsLongAsTheRequestLasts(t *testing.T) {
	let := make(chan struct{})
	s := newTokens(t, func(w http.ResponseWriter, _ *http.Request) {
		<-let
		_, _ = w.Write([]byte(`{"access_token":"late","expires_in":3600}`))
	})
	b := New(Config{Credentials: accountFile(t, s.URL)})
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://vertex.example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := b.Sign(r, llm.Payload{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(let)
	if got, err := signed(t, b); got != "Bearer late" || err != nil || s.n.Load() != 1 {
		t.Errorf("got %q and %v after %d fetches", got, err, s.n.Load())
	}
}

func TestACredentialsFileThatIsReplacedIsReadAnew(t *testing.T) {
	first, second := newTokens(t, nil), newTokens(t, nil)
	path := accountFile(t, first.URL)
	b := New(Config{Credentials: path})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://vertex.example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Sign(r, llm.Payload{}); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(accountFile(t, second.URL))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	b.Forget(r)
	if err := b.Sign(r, llm.Payload{}); err != nil || first.n.Load() != 1 || second.n.Load() != 1 {
		t.Errorf("%v: %d and %d", err, first.n.Load(), second.n.Load())
	}
}

// defaults makes Google's application default credentials what the test says.
func defaults(t *testing.T, file, metadataHost string) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
	t.Setenv("GCE_METADATA_HOST", metadataHost)
}

func TestTheMetadataServerIsADefault(t *testing.T) {
	s := newTokens(t, nil)
	defaults(t, "", strings.TrimPrefix(s.URL, "http://"))
	b := New(Config{})
	for range 10 {
		if got, err := signed(t, b); got != "Bearer token-1" || err != nil {
			t.Fatalf("got %q and %v", got, err)
		}
	}
	r := s.last.Load()
	if s.n.Load() != 1 || r.URL.Path != "/computeMetadata/v1/instance/service-accounts/default/token" || r.Header.Get("Metadata-Flavor") != "Google" {
		t.Errorf("%d fetches, of %s", s.n.Load(), r.URL)
	}
}

func TestAMetadataServerWithoutAnAccountRefuses(t *testing.T) {
	s := newTokens(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "none", http.StatusNotFound) })
	defaults(t, "", strings.TrimPrefix(s.URL, "http://"))
	_, err := signed(t, New(Config{}))
	var refused *signin.RefusedError
	if !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
}

func TestAWorkloadIdentitySignsIn(t *testing.T) {
	s := newTokens(t, nil)
	subject := filepath.Join(t.TempDir(), "subject")
	if err := os.WriteFile(subject, []byte("token-of-the-workload"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(`{"type":"external_account","audience":"//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",`+
		`"subject_token_type":"urn:ietf:params:oauth:token-type:jwt","token_url":%q,"credential_source":{"file":%q}}`, s.URL+"/sts", subject)
	defaults(t, file1(t, config), "")
	for _, c := range []Config{{}, {Credentials: config}} {
		if got, err := signed(t, New(c)); !strings.HasPrefix(got, "Bearer token-") || err != nil {
			t.Errorf("got %q and %v", got, err)
		}
		if got := s.last.Load().PostForm.Get("subject_token"); got != "token-of-the-workload" {
			t.Errorf("it signs in with %q", got)
		}
	}
}

func TestADefaultThatIsDamagedRefuses(t *testing.T) {
	defaults(t, file1(t, "{"), "")
	_, err := signed(t, New(Config{}))
	var refused *signin.RefusedError
	if !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
}
