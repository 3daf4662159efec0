package caddymodule

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

func testContext(t *testing.T) caddy.Context {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	t.Cleanup(cancel)
	return ctx
}

// references returns how many apps use what is kept under a key.
func references(key any) int {
	n, _ := kept.References(key)
	return n
}

func provisioned(t *testing.T, config string) *App {
	t.Helper()
	app := new(App)
	if err := caddy.StrictUnmarshalJSON([]byte(config), app); err != nil {
		t.Fatal(err)
	}
	if err := app.Provision(testContext(t)); err != nil {
		t.Fatal(err)
	}
	return app
}

func cleanUp(t *testing.T, app *App) {
	t.Helper()
	if err := app.Cleanup(); err != nil {
		t.Error(err)
	}
}

func TestStateOutlivesTheConfigThatMadeIt(t *testing.T) {
	before := references(stateKey{})
	first := provisioned(t, `{}`)
	second := provisioned(t, `{}`)
	if first.State() != second.State() {
		t.Error("a reload forgets what is known about providers")
	}
	cleanUp(t, first)
	third := provisioned(t, `{}`)
	if third.State() != second.State() {
		t.Error("the cleanup of the old config takes the state with it")
	}
	cleanUp(t, second)
	cleanUp(t, third)
	if n := references(stateKey{}); n != before {
		t.Errorf("%d users are left", n-before)
	}
}

func TestExchangeKeepsTheStateUntilItEnds(t *testing.T) {
	before := references(stateKey{})
	app := provisioned(t, `{}`)
	running, late := app.acquire(), app.acquire()
	cleanUp(t, app)
	running.release()
	if n := references(stateKey{}); n != before+1 {
		t.Errorf("the share is given back while an exchange runs: %d", n-before)
	}
	late.release()
	if n := references(stateKey{}); n != before {
		t.Errorf("%d users are left after the last exchange", n-before)
	}
	again := app.acquire() // on a connection of a config that is gone
	again.release()
	if n := references(stateKey{}); n != before {
		t.Errorf("the share is given back twice: %d", n-before)
	}
}

func TestCleanupOfAnAppThatWasRefusedGivesItsShareBack(t *testing.T) {
	before := references(stateKey{})
	app := &App{Providers: map[string]json.RawMessage{"a b": json.RawMessage(`{"kind":"demo"}`)}}
	if err := app.Provision(testContext(t)); err == nil {
		t.Fatal("a bad name is accepted")
	}
	cleanUp(t, app)
	if n := references(stateKey{}); n != before {
		t.Errorf("%d users are left", n-before)
	}
	cleanUp(t, new(App)) // one that was never provisioned
}

func TestConnectionsOutliveAReload(t *testing.T) {
	var first, second, other hold
	raw := json.RawMessage(`{"protocol":"http","keep_alive":{"max_idle_conns_per_host":7}}`)
	a, err := first.transport(testContext(t), raw)
	if err != nil {
		t.Fatal(err)
	}
	b, err := second.transport(testContext(t), raw)
	if err != nil {
		t.Fatal(err)
	}
	c, err := other.transport(testContext(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	if a != b {
		t.Error("the same config opens its connections anew")
	}
	if a == c {
		t.Error("another config shares them")
	}
	if got := a.(*http.Transport).MaxIdleConnsPerHost; got != 7 {
		t.Errorf("the config's own number of idle connections is %d", got)
	}
	if d := c.(*http.Transport); d.MaxIdleConnsPerHost != idlePerHost || !d.DisableCompression || !d.ForceAttemptHTTP2 && d.TLSClientConfig == nil {
		t.Errorf("the defaults are %d idle connections, no compression %t", d.MaxIdleConnsPerHost, d.DisableCompression)
	}
	key := first.keys[0]
	first.giveBack()
	if references(key) != 1 {
		t.Error("the old config takes the new one's connections with it")
	}
	second.giveBack()
	other.giveBack()
	if references(key) != 0 {
		t.Error("the connections are left behind")
	}
}

func TestTransportThatDependsOnMoreIsNotShared(t *testing.T) {
	for name, config := range map[string]string{
		"guest module":    `{"network_proxy":{"from":"none"}}`,
		"proxy url":       `{"forward_proxy_url":"http://127.0.0.1:1"}`,
		"proxy protocol":  `{"proxy_protocol":"v2"}`,
		"read timeout":    `{"read_timeout":1}`,
		"write timeout":   `{"write_timeout":1}`,
		"HTTP/3":          `{"versions":["3"]}`,
		"CA module":       `{"tls":{"ca":{"provider":"inline"}}}`,
		"CA file":         `{"tls":{"root_ca_pem_files":["ca.pem"]}}`,
		"client cert":     `{"tls":{"client_certificate_file":"a.pem"}}`,
		"automated cert":  `{"tls":{"client_certificate_automate":"example.com"}}`,
		"name by request": `{"tls":{"server_name":"{http.request.host}"}}`,
	} {
		var parsed reverseproxy.HTTPTransport
		if err := json.Unmarshal([]byte(config), &parsed); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if dependsOnItselfOnly(&parsed) {
			t.Errorf("%s: it is shared", name)
		}
	}
	if !dependsOnItselfOnly(&reverseproxy.HTTPTransport{TLS: &reverseproxy.TLSConfig{InsecureSkipVerify: true}}) {
		t.Error("plain TLS settings are not shared")
	}
}

func TestTransportThatIsNotSharedHasTheDefaultsToo(t *testing.T) {
	var h hold
	got, err := h.transport(testContext(t), json.RawMessage(`{"protocol":"http","network_proxy":{"from":"none"}}`))
	if err != nil {
		t.Fatal(err)
	}
	module, ok := got.(*reverseproxy.HTTPTransport)
	if !ok || module.Transport.MaxIdleConnsPerHost != idlePerHost || len(h.keys) != 0 {
		t.Errorf("got %T with %d kept", got, len(h.keys))
	}
}
