package integration

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/llm"
)

// toxic is a bad network between the gateway and a provider that is well, made by toxiproxy.
type toxic struct {
	name string // of the network, on the page
	// kind and attributes are toxiproxy's. BYTES stands for how much of the reply there is up
	// to the middle of upTo.
	kind, attributes, upTo string
	mode                   mode
	// late says that the network turns bad when the client has the begin of the answer.
	late bool
	// waits says that only a timeout ends it.
	waits bool

	// attempts is how many there should be at the provider, and ends how it should end.
	attempts int
	ends     ending
}

// ending is what the client gets over a bad network.
type ending string

const (
	wholeAnswer    ending = "the provider's answer, byte for byte"
	fallbackAnswer ending = "the fallback's answer"
	brokenAnswer   ending = "what came before, and an error event"
)

// The provider's answers have characters of several bytes, so that a network that cuts
// anywhere cuts inside some.
const (
	networkPlain = `{"id":"chatcmpl-1","object":"chat.completion","created":1767225600,"model":"m","choices":[{"index":0,` +
		`"message":{"role":"assistant","content":"Grüße, 世界! 🌍"},"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18}}`
	networkRole = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1767225600,"model":"m","choices":[{"index":0,` +
		`"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}` + "\n\n"
	networkBegin = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1767225600,"model":"m","choices":[{"index":0,` +
		`"delta":{"content":"Grüße, "},"finish_reason":null}],"usage":null}` + "\n\n"
	networkRest = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1767225600,"model":"m","choices":[{"index":0,` +
		`"delta":{"content":"世界! 🌍"},"finish_reason":null}],"usage":null}` + "\n\n"
	networkEnd = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1767225600,"model":"m","choices":[{"index":0,` +
		`"delta":{},"finish_reason":"stop"}],"usage":null}` + "\n\n" +
		`data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1767225600,"model":"m","choices":[],` +
		`"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18}}` + "\n\n" + "data: [DONE]\n\n"
	networkStream = networkRole + networkBegin + networkRest + networkEnd
)

var toxics = []toxic{
	{name: "slow", kind: "latency", attributes: `{"latency":20,"jitter":10}`, mode: plainAnswer, attempts: 1, ends: wholeAnswer},
	{name: "slow", kind: "latency", attributes: `{"latency":20,"jitter":10}`, mode: streamAnswer, attempts: 1, ends: wholeAnswer},
	{name: "cuts characters, lines and events into packets of a few bytes", kind: "slicer",
		attributes: `{"average_size":3,"size_variation":2,"delay":10}`, mode: plainAnswer, attempts: 1, ends: wholeAnswer},
	{name: "cuts characters, lines and events into packets of a few bytes", kind: "slicer",
		attributes: `{"average_size":3,"size_variation":2,"delay":10}`, mode: streamAnswer, attempts: 1, ends: wholeAnswer},
	{name: "resets the connection instead of the reply", kind: "reset_peer", attributes: `{"timeout":0}`,
		mode: plainAnswer, attempts: 2, ends: fallbackAnswer},
	{name: "resets the connection instead of the reply", kind: "reset_peer", attributes: `{"timeout":0}`,
		mode: streamAnswer, attempts: 2, ends: fallbackAnswer},
	{name: "resets the connection mid-stream", kind: "reset_peer", attributes: `{"timeout":0}`,
		mode: streamAnswer, late: true, attempts: 1, ends: brokenAnswer},
	{name: "ends inside the status line", kind: "limit_data", attributes: `{"bytes":BYTES}`, upTo: "HTTP/1.1 200",
		mode: plainAnswer, attempts: 2, ends: fallbackAnswer},
	{name: "ends inside a plain body", kind: "limit_data", attributes: `{"bytes":BYTES}`, upTo: "世",
		mode: plainAnswer, attempts: 2, ends: fallbackAnswer},
	{name: "ends inside the first event", kind: "limit_data", attributes: `{"bytes":BYTES}`, upTo: networkRole,
		mode: streamAnswer, attempts: 2, ends: fallbackAnswer},
	{name: "ends inside a character of an event mid-stream", kind: "limit_data", attributes: `{"bytes":BYTES}`, upTo: "世",
		mode: streamAnswer, attempts: 1, ends: brokenAnswer},
	{name: "loses everything", kind: "timeout", attributes: `{"timeout":0}`, waits: true,
		mode: plainAnswer, attempts: 1, ends: fallbackAnswer},
	{name: "loses everything", kind: "timeout", attributes: `{"timeout":0}`, waits: true,
		mode: streamAnswer, attempts: 1, ends: fallbackAnswer},
	{name: "loses everything from mid-stream on", kind: "timeout", attributes: `{"timeout":0}`, waits: true,
		mode: streamAnswer, late: true, attempts: 1, ends: brokenAnswer},
}

// TestBadNetworks puts toxiproxy between the gateway and a provider that is well.
func TestBadNetworks(t *testing.T) {
	for i := range toxics {
		x := &toxics[i]
		t.Run(cellName(x.name, string(x.mode)), x.run)
	}
}

const toxicCaddyfile = `{
	{$Global}
	llm_gateway {
		provider first openai_compatible {
			base_url {$First}
		}
		provider second openai_compatible {
			base_url {$Second}
		}
		models {
			model first/m
			model second/m
		}
		deployment network {
			backoff 1ms 2ms
			{$Settings}
			variant default {
				model first/m
				fallback second/m
			}
		}
	}
}

{$Site} {
	log
	llm_gateway
}
`

// run runs one bad network.
func (x *toxic) run(t *testing.T) {
	gate := fakellm.NewGate()
	answer := x.answer(gate)
	first, second := fakellm.Start(t), fakellm.Start(t, fakellm.Answer("The second answers."))
	first.Always(answer)
	network := newNetwork(t, first, x)
	settings := "retries 1"
	if x.waits {
		settings = "retries 0\n\t\t\tfirst_token_timeout 3s\n\t\t\tidle_timeout 3s"
	}
	g := startGateway(t, toxicCaddyfile, map[string]string{
		"First": "http://" + network.Listen + "/v1", "Second": second.BaseURL(), "Settings": settings,
	})

	body := `{"messages":[{"role":"user","content":"Hi"}]}`
	if x.mode == streamAnswer {
		body = `{"stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Hi"}]}`
	}
	a := x.ask(t, g, body, func() {
		if x.late {
			turnBad(t, network)
		}
		gate.Open()
	})

	outcome, attempts, requests := llm.OutcomeOK, x.attempts, 0
	switch x.ends {
	case wholeAnswer:
		want := networkPlain
		if x.mode == streamAnswer {
			want = networkStream
		}
		if a.Status != 200 || a.Err != nil || a.Body != want {
			t.Errorf("got %d %q, %v; want %q", a.Status, a.Body, a.Err, want)
		}
	case fallbackAnswer:
		attempts, requests = attempts+1, 1
		c := cell{spoken: dialects[0], mode: x.mode}
		if a.Status != 200 || a.Err != nil || c.said(a.Body) != "The second answers." || strings.Contains(a.Body, "Gr") {
			t.Errorf("got %d %q, %v", a.Status, a.Body, a.Err)
		}
	case brokenAnswer:
		outcome = llm.OutcomeInterrupted
		rest, begun := strings.CutPrefix(a.Body, networkRole+networkBegin)
		data, isEvent := strings.CutPrefix(rest, "data: ")
		if a.Status != 200 || a.Err != nil || !begun || !isEvent || strings.Count(rest, "data: ") != 1 ||
			gjson.Get(data, "error.code").String() != "stream_interrupted" {
			t.Errorf("got %d %q, %v", a.Status, a.Body, a.Err)
		}
	}
	if got := a.Header.Get("X-Deployment-Attempts"); got != strconv.Itoa(attempts) || second.Count() != requests {
		t.Errorf("there were %s attempts, want %d; the second saw %d requests, want %d", got, attempts, second.Count(), requests)
	}
	line := g.accessLog(a.Header.Get("X-Deployment-Trace-Id"))
	if got := gjson.Get(line, "llm.outcome").String(); got != string(outcome) {
		t.Errorf("the outcome is %s, want %s", got, outcome)
	}
}

// answer is what the provider behind the network does. It waits at the gate for the client to
// have the begin of a stream, where that begin can come through.
func (x *toxic) answer(gate *fakellm.Gate) fakellm.Step {
	if x.mode == plainAnswer {
		return fakellm.Raw(200, "application/json", networkPlain)
	}
	wait := fakellm.Wait(gate)
	if x.ends == fallbackAnswer {
		wait = end
	}
	return fakellm.Steps(fakellm.Stream(), fakellm.Write(networkRole), fakellm.Write(networkBegin), wait,
		fakellm.Write(networkRest), fakellm.Write(networkEnd))
}

// ask asks the gateway, and calls begun when the begin of the answer is here.
func (x *toxic) ask(t *testing.T, g *gateway, body string, begun func()) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.baseURL()+"/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Deployment-Key", "network")
	resp, err := sharedClient().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	a := answer{Status: resp.StatusCode, Header: resp.Header}
	for waiting := true; a.Err == nil; {
		part := make([]byte, 4096)
		var n int
		n, a.Err = resp.Body.Read(part)
		a.Body += string(part[:n])
		if waiting && strings.Contains(a.Body, networkBegin) {
			waiting = false
			begun()
		}
	}
	if errors.Is(a.Err, io.EOF) {
		a.Err = nil
	}
	return a
}

// newNetwork starts a proxy to a provider, with the toxic in what comes back. A late one is
// there from the begin, too, and does nothing yet: toxiproxy resets only connections that it
// has known to have that toxic.
func newNetwork(t *testing.T, provider *fakellm.Server, x *toxic) *toxiproxy.Proxy {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := toxiproxy.NewProxy(server, "network", "127.0.0.1:0", strings.TrimPrefix(provider.URL, "http://"))
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	toxicity := 1
	if x.late {
		toxicity = 0
	}
	attributes := x.attributes
	if x.upTo != "" {
		attributes = strings.ReplaceAll(attributes, "BYTES", strconv.Itoa(x.bytes(t)))
	}
	config := fmt.Sprintf(`{"name":"toxic","type":%q,"toxicity":%d,"attributes":%s}`, x.kind, toxicity, attributes)
	if _, err := p.Toxics.AddToxicJson(strings.NewReader(config)); err != nil {
		t.Fatal(err)
	}
	return p
}

// turnBad lets the toxic work that has done nothing so far.
func turnBad(t *testing.T, p *toxiproxy.Proxy) {
	t.Helper()
	if _, err := p.Toxics.UpdateToxicJson("toxic", strings.NewReader(`{"toxicity":1}`)); err != nil {
		t.Error(err)
	}
}

// bytes returns how much of the provider's reply, as it is on the wire, there is up to the
// middle of upTo.
func (x *toxic) bytes(t *testing.T) int {
	t.Helper()
	gate := fakellm.NewGate()
	gate.Open()
	provider := fakellm.Start(t, x.answer(gate))
	conn, err := net.Dial("tcp", strings.TrimPrefix(provider.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var wire bytes.Buffer
	if _, err := io.WriteString(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: example.com\r\nContent-Length: 0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(io.TeeReader(conn, &wire)), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	at := strings.Index(wire.String(), x.upTo)
	if at < 0 {
		t.Fatalf("%q is not in the reply %q", x.upTo, wire.String())
	}
	return at + len(x.upTo)/2
}
