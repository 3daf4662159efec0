package integration

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
)

// Codex is OpenAI's coding agent, which speaks nothing but the Responses API
// (https://github.com/openai/codex). Here Anthropic answers it.

const codexCaddyfile = `{
	{$Global}
	llm_gateway {
		provider house anthropic {
			base_url {$House}
			api_key house-key
		}
		models {
			activate house/assistant house/coder
		}
		deployment assistant {
			retries 0
			variant default {
				model house/assistant
			}
		}
		deployment coding {
			retries 0
			variant default {
				model house/coder
			}
		}
	}
}

{$Site} {
	log
	llm_gateway {
		default coding
	}
}
`

const (
	// codexCommand prints what is not in the command itself, in any POSIX shell and in PowerShell.
	codexCommand = `echo "$((6*7)) from the shell"`
	codexPrinted = "42 from the shell"
	codexSummary = "The shell said 42."
)

// coder is a model that asks for a command, once, and sums up what came of it.
func coder(r *fakellm.Request) fakellm.Step {
	results := r.ToolResults()
	if len(results) == 0 {
		return askForCommand(r)
	}
	if len(results) != 1 || results[0].ID != "toolu_shell" || !strings.Contains(results[0].Text, codexPrinted) {
		return fakellm.Error(http.StatusBadRequest, "tool_result_lost", "The results are "+text(results)+".")
	}
	return fakellm.Answer(codexSummary)
}

// askForCommand calls the tool among those offered that runs a command: it has had several
// names, and takes one text or the words of it.
func askForCommand(r *fakellm.Request) fakellm.Step {
	for _, tool := range r.Get("tools").Array() {
		members := tool.Get("input_schema.properties")
		for _, member := range []string{"cmd", "command"} {
			arguments := object{}
			switch members.Get(member + ".type").String() {
			case "string":
				arguments[member] = codexCommand
			case "array":
				arguments[member] = []string{"sh", "-c", codexCommand}
			default:
				continue
			}
			if wait := "yield_time_ms"; members.Get(wait).Exists() {
				arguments[wait] = 30000 // or it reports that the command goes on
			}
			return fakellm.CallTools(fakellm.ToolCall{ID: "toolu_shell", Name: tool.Get("name").String(), Arguments: text(arguments)})
		}
	}
	return fakellm.Error(http.StatusBadRequest, "no_shell", "No tool runs commands.")
}

// startCodexGateway starts a gateway with Anthropic behind it.
func startCodexGateway(t *testing.T) (*gateway, *fakellm.Server) {
	t.Helper()
	provider := fakellm.Start(t)
	provider.Otherwise(func(r *fakellm.Request) fakellm.Step {
		if r.Model() == "coder" {
			return coder(r)
		}
		return fakellm.Answer(greeting)
	})
	return startGateway(t, codexCaddyfile, map[string]string{"House": provider.BaseURL()}), provider
}

// TestCodexGetsAnAnswerOfAnthropics names the deployment as docs/http-api.md has it. For a model
// that Codex knows, it has other tools, in namespaces in the input.
func TestCodexGetsAnAnswerOfAnthropics(t *testing.T) {
	for _, model := range []string{"assistant", "gpt-5.6-sol"} {
		t.Run(model, func(t *testing.T) {
			g, provider := startCodexGateway(t)
			config := documentedCodexConfig(t, g, `model = "assistant"`, `model = "`+model+`"`)
			events := codex{config: config}.exec(t, "Say hello.")
			if got := codexItem(events, "agent_message").Get("text").String(); got != greeting {
				t.Errorf("Codex says %q, want %q", got, greeting)
			}
			checkCodexUsage(t, events, 1)
			checkCodexRequests(t, provider, 1)
			if asked := provider.Requests()[0].Get("messages.@reverse.0.content").String(); !strings.Contains(asked, "Say hello.") {
				t.Errorf("the provider was asked %q last", asked)
			}
		})
	}
}

// TestCodexRunsACommandForAnthropic lets the site choose the deployment.
func TestCodexRunsACommandForAnthropic(t *testing.T) {
	g, provider := startCodexGateway(t)
	config := documentedCodexConfig(t, g, `http_headers = { "X-Deployment-Key" = "assistant" }`, "")
	events := codex{config: config}.exec(t, "What is in the shell?")
	ran := codexItem(events, "command_execution")
	if !strings.Contains(ran.Get("aggregated_output").String(), codexPrinted) || ran.Get("exit_code").Raw != "0" {
		t.Errorf("Codex has run %s", ran.Raw)
	}
	if got := codexItem(events, "agent_message").Get("text").String(); got != codexSummary {
		t.Errorf("Codex says %q, want %q", got, codexSummary)
	}
	checkCodexUsage(t, events, 2)
	checkCodexRequests(t, provider, 2)
	last := provider.Requests()[len(provider.Requests())-1]
	if results := last.ToolResults(); len(results) != 1 || !strings.Contains(results[0].Text, codexPrinted) {
		t.Errorf("the provider got the results %+v", results)
	}
}

// documentedCodexConfig returns the config of Codex that docs/http-api.md shows, for a gateway and
// with one line of it changed.
func documentedCodexConfig(t *testing.T, g *gateway, line, changed string) string {
	t.Helper()
	page, err := os.ReadFile("../docs/http-api.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```toml\n")
	config, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("docs/http-api.md should have a config of Codex")
	}
	const shown = "http://127.0.0.1:8080/v1"
	for _, must := range []string{shown, line + "\n"} {
		if strings.Count(config, must) != 1 {
			t.Fatalf("Codex's config in docs/http-api.md should have %q once", must)
		}
	}
	return strings.NewReplacer(shown, g.baseURL(), line+"\n", changed+"\n").Replace(config)
}

// codex is a Codex with that config.toml.
type codex struct{ config string }

// exec gives Codex a task and returns the events that it prints: JSON, one to a line.
func (c codex) exec(t *testing.T, task string) (events []gjson.Result) {
	t.Helper()
	dir := filepath.Join("clients", "codex", "node_modules")
	mustBeInstalled(t, dir)
	home, work := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "config.toml"), []byte(c.config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", filepath.Join(dir, "@openai", "codex", "bin", "codex.js"), "exec",
		"--json", "--ephemeral", "--skip-git-repo-check", "--strict-config", "--cd", work,
		"--dangerously-bypass-approvals-and-sandbox", // all that is run is an echo
		"-c", "check_for_update_on_startup=false", "-c", "analytics.enabled=false",
		"-c", "model_providers.mulligan.request_max_retries=0", "-c", "model_providers.mulligan.stream_max_retries=0",
		task)
	// node.js passes this signal on to the program that it starts, and a kill it cannot.
	cmd.Cancel = func() error {
		if runtime.GOOS == "windows" {
			return cmd.Process.Kill()
		}
		return cmd.Process.Signal(syscall.SIGTERM)
	}
	cmd.WaitDelay = 10 * time.Second
	// Nothing of the user's own, and no way out of this machine.
	nowhere := fakellm.Refused(t)
	cmd.Env = []string{
		"CODEX_HOME=" + home, "HOME=" + home, "USERPROFILE=" + home, "TMPDIR=" + t.TempDir(),
		"HTTPS_PROXY=" + nowhere, "ALL_PROXY=" + nowhere, "NO_PROXY=127.0.0.1",
		"PATH=" + os.Getenv("PATH"), "SystemRoot=" + os.Getenv("SystemRoot"),
	}
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("codex: %v\n%s\n%s", err, out, complaints.String())
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if !json.Valid(lines.Bytes()) {
			t.Errorf("Codex printed %q", lines.Text())
			continue
		}
		events = append(events, gjson.Parse(lines.Text()))
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return events
}

// codexItem returns the last item of a kind that has ended, nothing when there was none.
func codexItem(events []gjson.Result, kind string) (item gjson.Result) {
	for _, event := range events {
		if event.Get("type").String() == "item.completed" && event.Get("item.type").String() == kind {
			item = event.Get("item")
		}
	}
	return item
}

// checkCodexUsage makes sure that Codex has ended its turn, and counts what the provider has
// counted for that many requests.
func checkCodexUsage(t *testing.T, events []gjson.Result, requests int) {
	t.Helper()
	if len(events) == 0 {
		t.Fatal("Codex printed nothing")
	}
	last, spent := events[len(events)-1], fakellm.DefaultUsage
	if kind := last.Get("type").String(); kind != "turn.completed" {
		t.Fatalf("Codex's last event is %s", last.Raw)
	}
	for member, want := range map[string]int{
		"input_tokens": spent.Input, "cached_input_tokens": spent.Cached, "output_tokens": spent.Output, "reasoning_output_tokens": spent.Reasoning,
	} {
		if got := last.Get("usage." + member).Int(); got != int64(want*requests) {
			t.Errorf("Codex counts %d %s, want %d", got, member, want*requests)
		}
	}
}

// checkCodexRequests makes sure that the provider was asked so often, in its own dialect, with
// the gateway's key and nothing of what Codex tells OpenAI about its user.
func checkCodexRequests(t *testing.T, provider *fakellm.Server, want int) {
	t.Helper()
	if got := provider.Count(); got != want {
		t.Errorf("the provider saw %d requests, want %d", got, want)
	}
	for _, r := range provider.Requests() {
		if r.Path != "/v1/messages" || !r.Stream() || r.Key() != "house-key" || r.Get("tools.#").Int() == 0 {
			t.Errorf("request %d is no stream of %s with house-key and tools: %s", r.Number, r.Path, r.Body)
		}
		for name := range r.Header {
			if strings.HasPrefix(name, "X-Deployment-") || strings.HasPrefix(name, "X-Codex-") {
				t.Errorf("request %d came with the header %s", r.Number, name)
			}
		}
	}
}
