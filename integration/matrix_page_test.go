package integration

import (
	_ "embed"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template"
)

// update is set by `make docs`.
var update = flag.Bool("update", false, "write docs/failover.md anew")

//go:embed testdata/failover.md.tmpl
var pageTemplate string

// TestFailoverPage compares docs/failover.md with what the table says.
func TestFailoverPage(t *testing.T) {
	path := filepath.Join("..", "docs", "failover.md")
	page := failoverPage(t)
	if *update {
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// git may have given the file the line ends of Windows.
	if strings.ReplaceAll(string(committed), "\r\n", "\n") != page {
		t.Error("docs/failover.md is not what the table says: run `make docs`")
	}
}

// failoverPage prints the table.
func failoverPage(t *testing.T) string {
	t.Helper()
	var page strings.Builder
	tmpl := template.Must(template.New("failover.md").Parse(pageTemplate))
	data := map[string]any{
		"Cells":    len(matrix()),
		"Begun":    lines(midStream),
		"NotBegun": lines(connecting, headers, beforeOutput),
		"Dialects": dialects,
		"Words":    vendorsWords(),
		"Networks": networks(),
	}
	if err := tmpl.Execute(&page, data); err != nil {
		t.Fatal(err)
	}
	return page.String()
}

// line is a row of the page.
type line struct {
	Phase, Fault, Answers string
	// Retry, Key, Fallback and Nothing are the verdicts of all attempts, for each cure.
	Retry, Key, Fallback, Nothing string
	Client, Code, Outcome, Rests  string
	Counts                        string
}

func lines(phases ...phase) []line {
	var all []line
	for i := range table {
		r := &table[i]
		if !slices.Contains(phases, r.phase) {
			continue
		}
		l := line{
			Phase: string(r.phase), Fault: r.fault, Outcome: string(r.told.outcome),
			Client: r.told.word(), Code: r.told.code, Rests: orDash(string(r.rests)), Counts: "no",
		}
		if r.told.retryAfter != "" {
			l.Client += ", `Retry-After: " + r.told.retryAfter + "`"
		}
		if r.blamed {
			l.Counts = "yes"
		}
		if r.only != "" {
			l.Fault += " (" + spokenFor(r).Title + ")"
		}
		l.Answers = r.answers()
		l.Retry, l.Key, l.Fallback, l.Nothing = r.verdicts(retryCures), r.verdicts(keyCures), r.verdicts(fallbackCures), r.verdicts(nothingCures)
		all = append(all, l)
	}
	return all
}

// spokenFor returns what is spoken first of all in which a row's fault can happen.
func spokenFor(r *row) *spoken {
	return dialects[max(0, slices.IndexFunc(dialects, func(s *spoken) bool { return s.name == r.only }))]
}

// vendorsWords lists, for the errors that providers report, what the clients of each dialect
// get: a status and a word, of which one that is as in the first column is left out.
func vendorsWords() [][]string {
	var all [][]string
	for i := range table {
		r := &table[i]
		if r.only != "" || r.phase == midStream || r.told.code == unreachable.code || r.told.code == tooLate.code {
			continue // where it is the gateway that speaks
		}
		columns := []string{r.fault}
		for _, s := range dialects {
			t := newCell(cell{row: r, spoken: s, cure: nothingCures}).told()
			word := t.word()
			if t.code != "" && len(columns) > 1 && word == columns[1] {
				word = "the same"
			}
			columns = append(columns, word)
		}
		all = append(all, columns)
	}
	return all
}

// word is the status and the code, if there is one.
func (t told) word() string {
	if t.code == "" {
		return strconv.Itoa(t.status)
	}
	return fmt.Sprintf("%d `%s`", t.status, t.code)
}

// answers lists the modes in which the fault can happen.
func (r *row) answers() string {
	var modes []string
	for _, m := range []mode{plainAnswer, streamAnswer, soundAnswer} {
		if spokenFor(r).has(r, m) {
			modes = append(modes, string(m))
		}
	}
	return strings.Join(modes, ", ")
}

// verdicts lists the verdicts of the attempts with a cure, "→" where the next target's begin.
func (r *row) verdicts(c cure) string {
	if !slices.Contains(r.cures(), c) {
		return "—"
	}
	x := newCell(cell{row: r, spoken: spokenFor(r), cure: c})
	var b strings.Builder
	for i, a := range x.attempts() {
		switch {
		case i == 0:
		case a.provider != x.attempts()[i-1].provider:
			b.WriteString(" → ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(string(a.verdict))
	}
	return b.String()
}

func orDash(s string) string {
	if s == "" {
		return "—"
	}
	return s
}

// network is a bad network on the page.
type network struct{ Name, Kind, Answers, Attempts, Ends string }

// networks lists the bad networks, each with the modes in which it is tried.
func networks() []network {
	var all []network
	for _, x := range toxics {
		n := network{x.name, x.kind, string(x.mode), strconv.Itoa(x.attempts), string(x.ends)}
		if last := len(all) - 1; last >= 0 && all[last].Name == n.Name {
			all[last].Answers += ", " + n.Answers
			continue
		}
		all = append(all, n)
	}
	return all
}
