package integration

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/llm"
)

// cure is what helps against a fault.
type cure string

const (
	retryCures    cure = "retry"    // the second attempt at the first provider is answered
	keyCures      cure = "key"      // the first provider answers requests with its other key
	fallbackCures cure = "fallback" // the first provider fails always, the second answers
	nothingCures  cure = "nothing"  // both fail always; where a second is of no use, it would answer
	alone         cure = "alone"    // there is one provider, which fails always, and no retry
)

// wire is what is spoken with the providers.
type wire string

const (
	http1 wire = "HTTP/1.1"
	http2 wire = "HTTP/2"
)

// cell is one place in the matrix: a fault in a phase, asked for in a mode over a wire, with
// something that cures it or nothing.
type cell struct {
	row    *row
	spoken *spoken
	mode   mode
	cure   cure
	wire   wire

	// name is also the key of the cell's deployment.
	name string
	// gate holds a fault mid-stream until the client has what came before it.
	gate *fakellm.Gate
	got  got
}

// matrix returns all cells of the table. Faults of connecting come before either wire.
func matrix() []*cell {
	var cells []*cell
	for i := range table {
		r := &table[i]
		for _, s := range dialects {
			for at, w := range s.wires {
				if at > 0 && r.port != nil {
					continue
				}
				for _, m := range []mode{plainAnswer, streamAnswer, soundAnswer} {
					if !s.has(r, m) {
						continue
					}
					for _, c := range r.cures() {
						cells = append(cells, newCell(cell{row: r, spoken: s, mode: m, cure: c, wire: w}))
					}
				}
			}
		}
	}
	return cells
}

func newCell(c cell) *cell {
	c.name = cellName(c.spoken.name, c.row.fault, string(c.row.phase), string(c.mode), string(c.cure), string(c.wire))
	c.gate = fakellm.NewGate()
	return &c
}

func cellName(parts ...string) string {
	return strings.NewReplacer(" ", "-", "/", "", "+", "with").Replace(strings.ToLower(strings.Join(parts, "_")))
}

// first and second are the names of the cell's providers.
func (c *cell) first() string  { return c.name + "_1" }
func (c *cell) second() string { return c.name + "_2" }

// hasSecond says whether there is a second provider.
func (c *cell) hasSecond() bool { return c.cure != alone }

// providers returns the names of the cell's providers.
func (c *cell) providers() []string {
	if c.hasSecond() {
		return []string{c.first(), c.second()}
	}
	return []string{c.first()}
}

// cured says whether the client gets a whole answer.
func (c *cell) cured() bool { return c.cure != nothingCures && c.cure != alone }

// secret and otherSecret are the providers' keys, which no client may ever see.
const (
	secret      = "secret-key-of-a-provider"
	otherSecret = "other-secret-key-of-a-provider"
)

// keys returns the keys of a provider.
func (c *cell) keys(provider string) []string {
	if c.cure == keyCures && provider == c.first() {
		return []string{secret, otherSecret}
	}
	return []string{secret}
}

// fails says whether a provider fails its nth request, counted from 1.
func (c *cell) fails(provider string, n int) bool {
	if provider == c.second() {
		return c.cure == nothingCures && c.row.verdict != llm.VerdictStop && c.row.verdict != llm.VerdictOK
	}
	return n == 1 || c.cure != retryCures && c.cure != keyCures
}

// step is what a provider does with its nth request.
func (c *cell) step(provider string, n int) fakellm.Step {
	switch {
	case !c.fails(provider, n):
		return fakellm.Answer(c.text(provider))
	case c.atOnce():
		return c.stepAtOnce(n)
	case c.row.phase == midStream && c.mode == streamAnswer:
		return fakellm.Steps(fakellm.Stream(), fakellm.Role(), fakellm.Text("Hel", "lo"), fakellm.Wait(c.gate), c.row.stream)
	case c.row.phase == midStream:
		return fakellm.Steps(fakellm.Header("Content-Type", "audio/mpeg"), fakellm.Status(200),
			fakellm.Write(beginOfSound), fakellm.Wait(c.gate), c.row.sound)
	default:
		return c.row.step(c.mode)
	}
}

// begin is what a client has of an answer that breaks mid-stream.
func (c *cell) begin() string {
	if c.mode == soundAnswer {
		return beginOfSound
	}
	return "Hello"
}

// beginOfSound is more than what HTTP servers hold back before they send it.
var beginOfSound = strings.Repeat("la", 32<<10)

// text is what a provider answers when it does.
func (c *cell) text(provider string) string {
	if provider == c.first() {
		return "The first answers."
	}
	return "The second answers."
}

// attempt is one attempt as it should be: by whom, and its verdict.
type attempt struct {
	provider string
	verdict  llm.Verdict
}

// attempts returns the attempts as they should be. Every deployment of the matrix has one
// retry, but for those of which the cure is alone.
func (c *cell) attempts() []attempt {
	again := func(provider string, last llm.Verdict) []attempt {
		if c.row.verdict == llm.VerdictAgain {
			return []attempt{{provider, llm.VerdictAgain}, {provider, last}}
		}
		return []attempt{{provider, last}}
	}
	switch c.cure {
	case retryCures, keyCures:
		return []attempt{{c.first(), llm.VerdictAgain}, {c.first(), llm.VerdictOK}}
	case fallbackCures:
		return append(again(c.first(), llm.VerdictNext), attempt{c.second(), llm.VerdictOK})
	case nothingCures:
		if c.row.verdict == llm.VerdictStop || c.row.verdict == llm.VerdictOK {
			return []attempt{{c.first(), c.row.verdict}}
		}
		return slices.Concat(again(c.first(), llm.VerdictNext), again(c.second(), llm.VerdictNext))
	default:
		panic(fmt.Sprintf("%s is not asked for its attempts", c.name))
	}
}

// answeredBy returns the provider that answers, or was tried last.
func (c *cell) answeredBy() string {
	all := c.attempts()
	return all[len(all)-1].provider
}

// seen returns how many attempts there should be at a provider.
func (c *cell) seen(provider string) int {
	n := 0
	for _, a := range c.attempts() {
		if a.provider == provider {
			n++
		}
	}
	return n
}

// caddyfile returns the cell's providers, models and deployment.
func (c *cell) caddyfile(base func(provider string) string) string {
	var b strings.Builder
	for _, p := range c.providers() {
		fmt.Fprintf(&b, "provider %s %s {\n\t%s\n", p, c.spoken.kind, c.spoken.settings)
		for _, key := range c.keys(p) {
			fmt.Fprintf(&b, "\tapi_key %s\n", key)
		}
		fmt.Fprintf(&b, "\tbase_url %s\n", base(p))
		switch {
		case c.row.port != nil:
			b.WriteString("\ttransport doors\n")
		case c.wire == http2:
			// Each provider has its own connection, as a reset is that of all requests on one.
			b.WriteString("\ttransport http {\n\t\ttls_trust_pool file {$Certificate}\n\t}\n")
		}
		fmt.Fprintf(&b, "}\nmodels {\n\tmodel %s\n}\n", c.target(p))
	}
	fmt.Fprintf(&b, "deployment %s {\n\tbackoff 1ms 2s\n", c.name)
	switch {
	case c.row.waits && c.row.phase == midStream:
		b.WriteString("\tidle_timeout {$Timeout}\n")
	case c.row.waits:
		b.WriteString("\tfirst_token_timeout {$Timeout}\n")
	}
	retries := 1
	if c.cure == alone {
		retries = 0
	}
	fmt.Fprintf(&b, "\tretries %d\n\tvariant default {\n\t\tmodel %s\n", retries, c.target(c.first()))
	if c.hasSecond() {
		fmt.Fprintf(&b, "\t\tfallback %s\n", c.target(c.second()))
	}
	b.WriteString("\t}\n}\n")
	return b.String()
}

// body is what the client asks.
func (c *cell) body() string {
	if c.mode == soundAnswer {
		return `{"input":"Hi","voice":"alloy"}`
	}
	begin := "{"
	if c.mode == streamAnswer {
		begin = `{"stream":true,`
	}
	switch c.spoken.client {
	case llm.Responses:
		return begin + `"input":"Hi"}`
	case llm.Messages:
		return begin + `"max_tokens":100,"messages":[{"role":"user","content":"Hi"}]}`
	default:
		return begin + `"messages":[{"role":"user","content":"Hi"}]}`
	}
}

// endpoint is where the client asks it.
func (c *cell) endpoint() llm.Endpoint {
	if c.mode == soundAnswer {
		return llm.Speech
	}
	return c.spoken.client
}
