package integration

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
)

const keepaliveCaddyfile = `{
	{$Global}
	llm_gateway {
		provider house openai_compatible {
			base_url {$House}
		}
		provider spare openai_compatible {
			base_url {$Spare}
		}
		models {
			activate house/thinks spare/answers
		}
		deployment patient {
			retries 0
			keepalive 10ms
			variant default {
				model house/thinks
				fallback spare/answers
			}
		}
	}
}

{$Site} {
	log
	llm_gateway
}
`

// stream is an answer that is read while it comes.
type stream struct {
	t     *testing.T
	resp  *http.Response
	lines *bufio.Scanner
}

// open begins to read a streamed answer. The test's end closes it.
func (g *gateway) open(deployment string) *stream {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	g.t.Cleanup(cancel)
	body := strings.NewReader(`{"stream":true,"messages":[{"role":"user","content":"Hi"}]}`)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.baseURL()+"/chat/completions", body)
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Deployment-Key", deployment)
	resp, err := sharedClient().Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { resp.Body.Close() })
	t, _ := g.t.(*testing.T)
	return &stream{t: t, resp: resp, lines: bufio.NewScanner(resp.Body)}
}

// until reads lines until one holds the text, and returns all that it has read.
func (s *stream) until(text string) string {
	s.t.Helper()
	var read strings.Builder
	for s.lines.Scan() {
		read.WriteString(s.lines.Text() + "\n")
		if strings.Contains(s.lines.Text(), text) {
			return read.String()
		}
	}
	s.t.Fatalf("%q did not come; got %q, %v", text, read.String(), s.lines.Err())
	return ""
}

// rest reads the lines until the end.
func (s *stream) rest() string {
	var read strings.Builder
	for s.lines.Scan() {
		read.WriteString(s.lines.Text() + "\n")
	}
	return read.String()
}

func TestASilentStreamIsKeptAlive(t *testing.T) {
	thinks, pauses := fakellm.NewGate(), fakellm.NewGate()
	house := fakellm.Start(t, fakellm.Steps(fakellm.Wait(thinks), fakellm.Stream(), fakellm.Role(), fakellm.Text("first"),
		fakellm.Wait(pauses), fakellm.Text("second"), fakellm.Finish("stop"), fakellm.Done()))
	g := startGateway(t, keepaliveCaddyfile, map[string]string{"House": house.BaseURL(), "Spare": fakellm.Refused(t)})

	s := g.open("patient")
	if s.resp.StatusCode != 200 || s.resp.Header.Get("Content-Type") != "text/event-stream" || s.resp.Header.Get("X-Deployment-Variant") != "default" {
		t.Errorf("got %d %v", s.resp.StatusCode, s.resp.Header)
	}
	s.until(": keepalive") // before the first output
	thinks.Open()
	s.until("first")
	s.until(": keepalive") // between two outputs
	pauses.Open()
	if rest := s.until("[DONE]"); !strings.Contains(rest, "second") {
		t.Errorf("got %q", rest)
	}
}

func TestAStreamKeptAliveFailsOverAndFailsInTheStream(t *testing.T) {
	first, second := fakellm.NewGate(), fakellm.NewGate()
	overloaded := fakellm.Error(503, "overloaded", "Later.")
	house := fakellm.Start(t, fakellm.Steps(fakellm.Wait(first), overloaded), fakellm.Steps(fakellm.Wait(second), overloaded))
	spare := fakellm.Start(t, fakellm.Answer("rescued"), fakellm.Error(500, "boom", "Broken."))
	g := startGateway(t, keepaliveCaddyfile, map[string]string{"House": house.BaseURL(), "Spare": spare.BaseURL()})

	s := g.open("patient")
	s.until(": keepalive")
	first.Open()
	s.until("rescued")
	s.until("[DONE]")

	s = g.open("patient")
	s.until(": keepalive")
	second.Open()
	last := s.until(`"error"`)
	data := last[strings.LastIndex(last, "data: ")+len("data: "):]
	if gjson.Get(data, "error.message").String() != "Later." || strings.Contains(last, "[DONE]") {
		t.Errorf("got %q", last)
	}
	record := g.accessLog(s.resp.Header.Get("X-Deployment-Trace-Id"))
	if gjson.Get(record, "llm.outcome").String() != "upstream_error" {
		t.Errorf("the access log says %s", record)
	}
}
