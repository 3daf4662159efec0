package integration

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// Clients that are not written in Go run as scripts of integration/clients, which print
// one JSON line for each case. clients/install.sh installs them; `make test` calls it.

func TestOpenAIForNode(t *testing.T) { openAIForNode(t, openAI) }

// TestOpenAIForNodeByWayOfChat has the same cases, the Responses API among them, answered by a
// provider that speaks chat alone.
func TestOpenAIForNodeByWayOfChat(t *testing.T) { openAIForNode(t, chatOnly) }

func openAIForNode(t *testing.T, v vendor) {
	t.Helper()
	runOpenAI(t, nodeScript("openai.mjs"), v)
}

func TestOpenAIForPython(t *testing.T) { openAIForPython(t, openAI) }

func openAIForPython(t *testing.T, v vendor) {
	t.Helper()
	runOpenAI(t, pythonScript("openai_suite.py"), v)
}

// runOpenAI runs a script of one of OpenAI's own libraries, which all do the same.
func runOpenAI(t *testing.T, s script, v vendor) {
	t.Helper()
	runScript(t, s, client{
		house: v,
		signs: true,
		cases: []string{
			"chat", "headers", "chat_stream", "chat_stream_usage", "tools", "tools_stream",
			"rejected", "unknown_deployment", "down", "interrupted", "embeddings",
			"responses", "responses_stream", "responses_interrupted", "responses_tools", "responses_tools_stream", "models",
		},
		spelling: map[string]any{
			"responses.finish": nil, "responses_stream.finish": nil,
			"responses_tools.finish": nil, "responses_tools_stream.finish": nil,
		},
	})
}

func TestLangChain(t *testing.T) {
	runScript(t, nodeScript("langchain.mjs"), client{
		cases: []string{
			"chat", "chat_stream", "chat_stream_usage", "tools", "tools_stream",
			"rejected", "unknown_deployment", "down", "interrupted", "embeddings",
			"responses", "responses_stream", "responses_interrupted", "responses_tools", "responses_tools_stream",
		},
		spelling: map[string]any{
			"embeddings.input": nil,
			"responses.finish": nil, "responses_stream.finish": nil,
			"responses_tools.finish": nil, "responses_tools_stream.finish": nil,
		},
	})
}

func TestVercelWithOpenAICompatible(t *testing.T) { vercelWithOpenAICompatible(t, openAI) }

func vercelWithOpenAICompatible(t *testing.T, v vendor) {
	t.Helper()
	runScript(t, nodeScript("vercel.mjs", "openai-compatible"), client{
		house: v,
		cases: []string{
			"chat", "headers", "chat_stream", "chat_stream_usage", "tools", "tools_stream",
			"rejected", "unknown_deployment", "down", "interrupted", "embeddings",
		},
		spelling: map[string]any{"tools.finish": "tool-calls", "tools_stream.finish": "tool-calls"},
	})
}

func TestVercelWithOpenAI(t *testing.T) { vercelWithOpenAI(t, openAI) }

func vercelWithOpenAI(t *testing.T, v vendor) {
	t.Helper()
	runScript(t, nodeScript("vercel.mjs", "openai"), client{
		house: v,
		cases: []string{
			"chat", "chat_stream_usage", "responses", "responses_stream", "responses_interrupted", "responses_tools", "responses_tools_stream",
			"rejected", "unknown_deployment", "down", "embeddings",
		},
		spelling: map[string]any{
			"responses.status": nil, "responses_stream.status": nil,
			"responses_tools.finish": "tool-calls", "responses_tools_stream.finish": "tool-calls",
		},
	})
}

// script is a command in a folder of clients.
type script struct {
	dir  string
	argv []string
}

func nodeScript(args ...string) script {
	return script{dir: "node", argv: append([]string{"node"}, args...)}
}

func pythonScript(args ...string) script {
	python := filepath.Join(".venv", "bin", "python")
	if runtime.GOOS == "windows" {
		python = filepath.Join(".venv", "Scripts", "python.exe")
	}
	return script{dir: "python", argv: append([]string{python}, args...)}
}

// mustBeInstalled ends the test when install.sh has not filled a folder.
func mustBeInstalled(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, ".stamp")); err != nil {
		t.Fatalf("%s has no clients: `make test` installs them, or integration/clients/install.sh", dir)
	}
}

func runScript(t *testing.T, s script, c client) {
	t.Helper()
	into := map[string]string{"node": "node_modules", "python": ".venv"}[s.dir]
	dir := filepath.Join("clients", s.dir)
	mustBeInstalled(t, filepath.Join(dir, into))
	if c.house == (vendor{}) {
		c.house = openAI
	}
	if slices.Contains(otherDialects, c.house) {
		c.cases = noEmbeddings(c.cases)
	}
	g, provider := stage(t, c.house)
	got := s.run(t, dir, g.baseURL(), c.cases)
	c.check(t, got, provider)
}

// run runs those cases of the script and returns what each case got.
func (s script) run(t *testing.T, dir, baseURL string, cases []string) map[string]object {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.argv[0], s.argv[1:]...)
	cmd.Dir = dir
	// Nothing of the user's own: an OPENAI_API_KEY, a proxy or LangChain's tracing would
	// change what the clients do.
	cmd.Env = []string{"BASE_URL=" + baseURL, "CASES=" + strings.Join(cases, ","), "PATH=" + os.Getenv("PATH"), "SystemRoot=" + os.Getenv("SystemRoot")}
	var errors bytes.Buffer
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%v: %v\n%s", s.argv, err, errors.String())
	}

	got := make(map[string]object)
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var line struct {
			Case   string
			Got    object
			Failed string
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Errorf("%v printed %q", s.argv, lines.Text())
			continue
		}
		if line.Failed != "" {
			t.Errorf("%s: %s", line.Case, line.Failed)
		}
		got[line.Case] = line.Got
	}
	return got
}
