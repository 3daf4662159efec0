package integration

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// exampleCaddyfile returns Caddyfile.example on ports of the test.
func exampleCaddyfile(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../Caddyfile.example")
	if err != nil {
		t.Fatal(err)
	}
	caddyfile := string(b)
	for own, ours := range map[string]string{
		"\tadmin localhost:2019\n":    "\t{$Global}\n",
		"\nhttp://127.0.0.1:8080 {\n": "\n{$Site} {\n",
	} {
		if strings.Count(caddyfile, own) != 1 {
			t.Fatalf("Caddyfile.example should have %q once", own)
		}
		caddyfile = strings.Replace(caddyfile, own, ours, 1)
	}
	return caddyfile
}

var shellWord = regexp.MustCompile(`'([^']*)'|\S+`)

// parseCurl reads a curl line as far as the example uses curl.
func parseCurl(t *testing.T, line string) request {
	t.Helper()
	r := request{header: http.Header{}}
	words := shellWord.FindAllString(line, -1)
	for i, w := range words {
		words[i] = strings.Trim(w, "'")
	}
	for i := 1; i < len(words); i++ {
		switch words[i] {
		case "-N":
		case "-H":
			i++
			name, value, _ := strings.Cut(words[i], ": ")
			r.header.Set(name, value)
		case "-d":
			i++
			r.body = words[i]
		default:
			path, ok := strings.CutPrefix(words[i], "http://127.0.0.1:8080/v1")
			if !ok {
				t.Fatalf("curl asks %s", words[i])
			}
			r.path = path
		}
	}
	return r
}

// TestTheExampleAnswersItsOwnCurlLines runs Caddyfile.example and asks it what `make run`
// tells people to ask.
func TestTheExampleAnswersItsOwnCurlLines(t *testing.T) {
	script, err := os.ReadFile("../cmd/caddy/example.sh")
	if err != nil {
		t.Fatal(err)
	}
	g := startGateway(t, exampleCaddyfile(t), nil)
	asked := 0
	for line := range strings.Lines(string(script)) {
		if !strings.HasPrefix(line, "curl ") {
			continue
		}
		asked++
		r := parseCurl(t, line)
		want := `"object":"chat.completion"`
		if strings.Contains(r.body, `"stream":true`) {
			want = "data: [DONE]\n\n"
		}
		a := g.send(r)
		if a.Status != http.StatusOK || a.Err != nil || !strings.Contains(strings.ReplaceAll(a.Body, `": "`, `":"`), want) {
			t.Errorf("%s\ngot %d %s, %v", line, a.Status, a.Body, a.Err)
		}
	}
	if asked != 2 {
		t.Errorf("example.sh shows %d curl lines, want a plain one and a stream", asked)
	}
}

// TestTheExampleListensOnLoopbackOnly is there because a site's address decides which
// requests it answers, not where Caddy listens.
func TestTheExampleListensOnLoopbackOnly(t *testing.T) {
	b, err := os.ReadFile("../Caddyfile.example")
	if err != nil {
		t.Fatal(err)
	}
	config, err := adapt(string(b), nil)
	if err != nil {
		t.Fatal(err)
	}
	listeners := gjson.GetBytes(config, "apps.http.servers.@values.#.listen|@flatten").Array()
	if len(listeners) == 0 {
		t.Fatalf("no listener in %s", config)
	}
	for _, l := range listeners {
		if !strings.HasPrefix(l.String(), "127.0.0.1:") {
			t.Errorf("it listens on %s", l)
		}
	}
}
