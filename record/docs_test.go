package record

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// fieldsOf returns the names of a struct's JSON, with those of what it embeds.
func fieldsOf(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		field := t.Field(i)
		if field.Anonymous {
			names = append(names, fieldsOf(field.Type)...)
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

func TestThePageNamesEveryFieldOnce(t *testing.T) {
	page, err := os.ReadFile("../docs/records.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| field | what |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	documented := map[string]int{}
	for line := range strings.Lines(table) {
		for _, name := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(strings.SplitN(line, "|", 3)[1], -1) {
			documented[name[1]]++
		}
	}
	for _, name := range fieldsOf(reflect.TypeFor[Row]()) {
		if documented[name] != 1 {
			t.Errorf("the table of docs/records.md names %q %d times, want once", name, documented[name])
		}
		delete(documented, name)
	}
	for name := range documented {
		t.Errorf("the table of docs/records.md names %q, which no row has", name)
	}
	for _, d := range Dimensions() {
		name := string(d)
		if d == ByMetadata || d == ByFeedback {
			name += "NAME"
		}
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("docs/records.md does not name the dimension %q", name)
		}
	}
}
