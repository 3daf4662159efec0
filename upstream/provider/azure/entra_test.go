package azure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/provider/signin"
)

// entra is a server that stands for Entra ID and for the metadata service of a machine, wherever
// requests are sent. It counts the tokens that it is asked for, and answers as told, or with
// token-1, token-2 and so on.
type entra struct {
	server *httptest.Server
	n      atomic.Int32
	form   atomic.Pointer[url.Values]
	at     atomic.Pointer[string]
	answer http.HandlerFunc
}

func newEntra(t *testing.T, answer http.HandlerFunc) *entra {
	t.Helper()
	for _, name := range []string{
		"AZURE_AUTHORITY_HOST", "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_REGIONAL_AUTHORITY_NAME",
		"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IMDS_ENDPOINT", "MSI_ENDPOINT", "MSI_SECRET", "AZURE_TOKEN_CREDENTIALS",
	} {
		t.Setenv(name, "") // which puts back what was there
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	e := &entra{answer: answer}
	e.server = httptest.NewServer(http.HandlerFunc(e.serve))
	t.Cleanup(e.server.Close)
	return e
}

func (e *entra) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	host := "https://" + r.Header.Get("X-Host")
	switch {
	case strings.HasSuffix(r.URL.Path, "/discovery/instance"):
		_, _ = fmt.Fprintf(w, `{"tenant_discovery_endpoint":"%s/t/v2.0/.well-known/openid-configuration","metadata":[]}`, host)
		return
	case strings.HasSuffix(r.URL.Path, "/openid-configuration"):
		_, _ = fmt.Fprintf(w, `{"authorization_endpoint":"%[1]s/t/oauth2/v2.0/authorize","token_endpoint":"%[1]s/t/oauth2/v2.0/token","issuer":"%[1]s/t/v2.0"}`, host)
		return
	}
	_ = r.ParseForm()
	e.form.Store(&r.Form)
	e.at.Store(new(host + r.URL.Path))
	n := e.n.Add(1)
	if e.answer != nil {
		e.answer(w, r)
		return
	}
	_, _ = fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":"3600","expires_on":"%d","resource":"r","access_token":"token-%d"}`, time.Now().Add(time.Hour).Unix(), n)
}

// RoundTrip sends every request to the server.
func (e *entra) RoundTrip(r *http.Request) (*http.Response, error) {
	to, err := url.Parse(e.server.URL)
	if err != nil {
		return nil, err
	}
	own := r.Clone(r.Context())
	own.Header.Set("X-Host", r.URL.Host)
	own.URL.Scheme, own.URL.Host, own.Host = to.Scheme, to.Host, to.Host
	return http.DefaultTransport.RoundTrip(own)
}

func (e *entra) client() *http.Client { return &http.Client{Transport: e} }

// application is an application that signs in at the server.
func (e *entra) application() Entra {
	return Entra{Tenant: "t", ClientID: "c", ClientSecret: "hidden", Client: e.client()}
}

func request(t *testing.T, ctx context.Context) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://r.openai.azure.example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// signed returns the Authorization of a request that is signed in.
func signed(t *testing.T, b *signin.Bearer) (string, error) {
	t.Helper()
	r := request(t, t.Context())
	err := b.Sign(r, llm.Payload{})
	return r.Header.Get("Authorization"), err
}

func TestAnApplicationSignsInOnceForAllRequests(t *testing.T) {
	e := newEntra(t, nil)
	b := New(e.application())
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if got, err := signed(t, b); got != "Bearer token-1" || err != nil {
				t.Errorf("got %q and %v", got, err)
			}
		})
	}
	all.Wait()
	form := *e.form.Load()
	if e.n.Load() != 1 || form.Get("client_id") != "c" || form.Get("client_secret") != "hidden" || !strings.Contains(form.Get("scope"), scope) {
		t.Errorf("%d fetches, the last with %v", e.n.Load(), form)
	}
	if at := *e.at.Load(); at != "https://login.microsoftonline.com/t/oauth2/v2.0/token" {
		t.Errorf("it asks %s", at)
	}
}

func TestAnotherCloudHasItsOwnAuthorityAndScope(t *testing.T) {
	e := newEntra(t, nil)
	c := e.application()
	c.Authority, c.Scope = "https://login.microsoftonline.us", "https://cognitiveservices.azure.us/.default"
	if _, err := signed(t, New(c)); err != nil {
		t.Fatal(err)
	}
	if at, form := *e.at.Load(), *e.form.Load(); at != "https://login.microsoftonline.us/t/oauth2/v2.0/token" || !strings.Contains(form.Get("scope"), c.Scope) {
		t.Errorf("it asks %s for %v", at, form)
	}
}

// Azure's library keeps tokens, too. None of them may come back once it has been refused.
func TestARefusedTokenIsFetchedAnew(t *testing.T) {
	for name, change := range map[string]func(*Entra){
		"application":      func(*Entra) {},
		"managed identity": func(c *Entra) { *c = Entra{ManagedIdentity: true, Client: c.Client} },
		"default chain": func(c *Entra) {
			t.Setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
			*c = Entra{Client: c.Client, Scope: "https://other.example.com/.default"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEntra(t, nil)
			c := e.application()
			change(&c)
			b := New(c)
			r := request(t, t.Context())
			var before string
			for range 3 {
				if err := b.Sign(r, llm.Payload{}); err != nil {
					t.Fatal(err)
				}
				got := r.Header.Get("Authorization")
				if got == before || !strings.HasPrefix(got, "Bearer token-") {
					t.Errorf("got %s after %s", got, before)
				}
				before = got
				b.Forget(r)
			}
		})
	}
}

func TestATokenThatIsOverIsFetchedAnew(t *testing.T) {
	e := newEntra(t, nil)
	var passed atomic.Int64
	c := e.application()
	c.Now = func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
	b := New(c)
	for _, want := range []string{"Bearer token-1", "Bearer token-2"} {
		if got, err := signed(t, b); got != want || err != nil {
			t.Fatalf("got %q and %v", got, err)
		}
		passed.Add(int64(time.Hour))
	}
}

// managed counts the resources that tokens of the machine were asked for.
var managed atomic.Int64

func TestAManagedIdentitySignsIn(t *testing.T) {
	for _, id := range []string{"", "of-the-user"} {
		e := newEntra(t, nil)
		// Azure's library keeps tokens of machines for the whole process, so each is for a resource of its own.
		resource := fmt.Sprintf("https://managed-%d.example.com", managed.Add(1))
		c := Entra{ManagedIdentity: true, ClientID: id, Client: e.client(), Scope: resource + "/.default"}
		if got, err := signed(t, New(c)); !strings.HasPrefix(got, "Bearer token-") || err != nil {
			t.Fatalf("got %q and %v", got, err)
		}
		form := *e.form.Load()
		if at := *e.at.Load(); at != "https://169.254.169.254/metadata/identity/oauth2/token" || form.Get("client_id") != id || form.Get("resource") != resource {
			t.Errorf("it asks %s for %v", at, form)
		}
	}
}

func TestWhyThereIsNoTokenIsTold(t *testing.T) {
	failing := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, c := range map[string]struct {
		answer  http.HandlerFunc
		refused bool
		want    string
	}{
		"refused":  {failing(401, `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 1"}`), true, "401: invalid_client AADSTS7000215: Invalid client secret provided. Trace ID: 1"},
		"busy":     {failing(503, `{}`), false, "503"},
		"no token": {failing(200, `{"token_type":"Bearer","expires_in":3600}`), false, ""},
		"not JSON": {failing(200, `<html>`), false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := signed(t, New(newEntra(t, c.answer).application()))
			var refused *signin.RefusedError
			if err == nil || got != "" || errors.As(err, &refused) != c.refused || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hidden") || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %q and %v", got, err)
			}
		})
	}
}

func TestASlowServerIsWaitedForAsLongAsTheRequestLasts(t *testing.T) {
	let := make(chan struct{})
	e := newEntra(t, func(w http.ResponseWriter, _ *http.Request) {
		<-let
		_, _ = io.WriteString(w, `{"token_type":"Bearer","expires_in":3600,"access_token":"late"}`)
	})
	b := New(e.application())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Sign(request(t, ctx), llm.Payload{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(let)
	if got, err := signed(t, b); got != "Bearer late" || err != nil || e.n.Load() != 1 {
		t.Errorf("got %q and %v after %d fetches", got, err, e.n.Load())
	}
}
