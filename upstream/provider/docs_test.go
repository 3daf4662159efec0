package provider

import (
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/upstream/provider/demo"
)

func TestDocsNameEverythingInTheTables(t *testing.T) {
	page := string(Docs())
	for _, v := range Vendors() {
		for _, want := range []string{v.Title, v.Source, v.KeyEnv, v.Note} {
			if !strings.Contains(page, want) {
				t.Errorf("the page does not say %q of %s", want, v.Kind)
			}
		}
		if n := strings.Count(page, "| `"+v.Kind+"` |") + strings.Count(page, "| [`"+v.Kind+"`](providers/"+v.Kind+".md) |"); n != 2 {
			t.Errorf("%s is in %d tables, want 2", v.Kind, n)
		}
		if v.Kind != KindDemo && !strings.Contains(page, v.BaseURL) {
			t.Errorf("the page does not say where %s is", v.Kind)
		}
	}
	for _, m := range demo.Models() {
		if !strings.Contains(page, m.Does) {
			t.Errorf("the page does not say what demo/%s does", m.ID)
		}
	}
	for _, wrong := range []string{"``", "<no value>", "{{", "| |", "demo.example.com"} {
		if strings.Contains(strings.ReplaceAll(page, "```", ""), wrong) {
			t.Errorf("the page holds %q", wrong)
		}
	}
	// In a table's cell a bar would begin the next one.
	for _, m := range demo.Models() {
		if strings.ContainsAny(m.Usage+m.Does, "|\n") {
			t.Errorf("the row of demo/%s does not fit into a table", m.ID)
		}
	}
}
