package claude

import (
	"testing"

	"github.com/tidwall/gjson"
)

func TestTheClientsOutputConfigGoesFirst(t *testing.T) {
	for own, want := range map[string]string{
		``:                            `{"effort":"low","format":{"a":1}}`,
		`"none"`:                      `{"effort":"low","format":{"a":1}}`,
		`{"odd":1}`:                   `{"odd":1,"effort":"low","format":{"a":1}}`,
		`{"effort":"max"}`:            `{"effort":"max","format":{"a":1}}`,
		`{"format":2,"effort":"max"}`: `{"format":2,"effort":"max"}`,
	} {
		if got := string(AppendOutput(nil, gjson.Parse(own), "low", `{"a":1}`)); got != want {
			t.Errorf("%s becomes %s, want %s", own, got, want)
		}
	}
}
