package dialecttest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// supported writes the table of what a dialect supports out of its fixtures, and compares it with
// docs/supported/NAME.md, which pages include; with -update it writes the file. What a fixture
// says is checked where it runs, so that the table says nothing that is not so.
func (p Provider) supported(t *testing.T) {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	b.WriteString("| Asked or answered | How |\n|---|---|\n")
	for _, path := range fixturePaths(t, p.Dir) {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		story := strings.Join(strings.Fields(string(archive.Comment)), " ")
		if story == "" { // its name says it all
			story = strings.ReplaceAll(strings.TrimSuffix(filepath.Base(path), ".txtar"), "_", " ")
		}
		fmt.Fprintf(&b, "| %s | %s |\n", cell(story), cell(outcome(archive)))
	}
	page := filepath.Join(dir, "..", "..", "..", "docs", "supported", filepath.Base(dir)+".md")
	if *update {
		if err := os.WriteFile(page, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(page); err != nil || !bytes.Equal(got, b.Bytes()) {
		t.Errorf("docs/supported/%s.md is not what the fixtures say; run this test with -update: %v", filepath.Base(dir), err)
	}
}

// outcome says what becomes of what a fixture tells.
func outcome(archive *txtar.Archive) string {
	sections := make(map[string]string)
	for _, file := range archive.Files {
		sections[file.Name] = strings.Join(strings.Fields(string(file.Data)), " ")
	}
	switch {
	case sections["unsupported"] != "":
		return "refused: `" + sections["unsupported"] + "`"
	case sections["dropped"] != "":
		return "translated; left out and listed: `" + sections["dropped"] + "`"
	case sections["error"] != "":
		return "an error: `" + sections["error"] + "`"
	case sections["stream error"] != "":
		return "an error: `" + sections["stream error"] + "`"
	}
	return "translated"
}

// cell makes a text one of a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
