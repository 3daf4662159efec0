package integration

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/mulligan-gateway/mulligan/internal/demotraffic"
)

// llmCommand runs caddy llm with arguments and returns what it prints.
func llmCommand(t *testing.T, args ...string) string {
	t.Helper()
	cmd := &cobra.Command{Use: "llm", SilenceUsage: true}
	caddycmd.Commands()["llm"].CobraFunc(cmd)
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetArgs(args)
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatalf("caddy llm %s: %v", strings.Join(args, " "), err)
	}
	return out.String()
}

// TestTheExampleAnswersWhatAVariantCostsAndHowUsersLikeIt runs Caddyfile.example, sends it the demo traffic and
// reads the table that the tour promises.
func TestTheExampleAnswersWhatAVariantCostsAndHowUsersLikeIt(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir()) // where the example's store is
	g := startGateway(t, exampleCaddyfile(t), nil)
	config, caddyfile := filepath.Join(t.TempDir(), "Caddyfile"), exampleCaddyfile(t)
	for name, value := range g.vars {
		caddyfile = strings.ReplaceAll(caddyfile, "{$"+name+"}", value)
	}
	if err := os.WriteFile(config, []byte(caddyfile), 0o600); err != nil {
		t.Fatal(err)
	}
	sent, err := demotraffic.Send(t.Context(), g.URL)
	if err != nil {
		t.Fatal(err)
	}
	if sent.Requests() != demotraffic.Requests || sent.Refused == 0 || sent.Streams == 0 || sent.Feedback == 0 {
		t.Errorf("sent %+v", sent)
	}
	question := []string{"records", "stats", "--config", config, "--adapter", "caddyfile", "--deployment", "support-reply", "--by", "variant"}
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	var rows map[string]map[string]string
	for giveUp := time.Now().Add(patience); time.Now().Before(giveUp); <-look.C {
		if rows = statsTable(t, llmCommand(t, question...)); requestsIn(t, rows) == demotraffic.Requests {
			break
		}
	}
	if got, want := slices.Sorted(maps.Keys(rows)), []string{"default", "enterprise", "failover", "trial"}; !slices.Equal(got, want) {
		t.Fatalf("variants %v, want %v", got, want)
	}
	for variant, row := range rows {
		if row["REQUESTS"] != strconv.Itoa(sent.Variants[variant]) {
			t.Errorf("%s has %s requests, sent were %d", variant, row["REQUESTS"], sent.Variants[variant])
		}
		for column, form := range map[string]string{
			"COST/REQUEST": `^\$0\.\d*[1-9]\d*$`, "P50": `^\d.*s$`, "P95": `^\d.*s$`, "FIRST TOKEN P95": `^\d.*s$`,
			"RATING": `^\d(\.\d+)? \[.*\] n=\d+$`, "THUMB": `^\d(\.\d+)? \[.*\] n=\d+$`,
		} {
			if !regexp.MustCompile(form).MatchString(row[column]) {
				t.Errorf("%s: %s is %q", variant, column, row[column])
			}
		}
	}
	g.send(request{path: "/feedback", body: `{"trace_id":"unknown","name":"<undeclared>","value":1}`})
	text := g.metrics()
	for _, labels := range []string{`deployment="support-reply",name="rating",variant="trial"`, `deployment="",name="other",variant=""`} {
		if sample(t, text, "llm_gateway_feedback_total{"+labels+"}") < 1 {
			t.Errorf("feedback of {%s} is not counted", labels)
		}
	}
	if strings.Contains(text, "undeclared") {
		t.Error("a name that is not declared is a label value")
	}
	best, worst := meanOf(t, rows["enterprise"]["RATING"]), meanOf(t, rows["failover"]["RATING"])
	if best < worst+1 {
		t.Errorf("enterprise is rated %v and failover %v", best, worst)
	}
	if !strings.HasSuffix(rows["failover"]["FALLBACKS"], "%)") || rows["default"]["FALLBACKS"] != "0" || !strings.HasSuffix(rows["default"]["ERRORS"], "%)") {
		t.Errorf("failover %v\ndefault %v", rows["failover"], rows["default"])
	}
}

// statsTable reads the table that caddy llm records stats prints: by the first cell of each
// row, its cells by their column's head.
func statsTable(t *testing.T, table string) map[string]map[string]string {
	t.Helper()
	gap := regexp.MustCompile(` {2,}`)
	lines := strings.Split(strings.TrimSpace(table), "\n")
	head := gap.Split(strings.TrimSpace(lines[0]), -1)
	rows := map[string]map[string]string{}
	for _, line := range lines[1:] {
		cells := gap.Split(strings.TrimSpace(line), -1)
		if len(cells) != len(head) {
			continue // what is said below the table
		}
		row := map[string]string{}
		for i, cell := range cells {
			row[head[i]] = cell
		}
		rows[cells[0]] = row
	}
	return rows
}

func requestsIn(t *testing.T, rows map[string]map[string]string) int {
	t.Helper()
	sum := 0
	for _, row := range rows {
		n, err := strconv.Atoi(row["REQUESTS"])
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}

// meanOf reads the mean of a cell such as "4.45 [4.26, 4.64] n=58".
func meanOf(t *testing.T, cell string) float64 {
	t.Helper()
	mean, _, _ := strings.Cut(cell, " ")
	f, err := strconv.ParseFloat(mean, 64)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
