package dialect

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	_ "github.com/mulligan-gateway/mulligan/internal/rapidseed" // the same inputs in each run
)

func TestUnquoteReturnsTheTextOfStringsAlone(t *testing.T) {
	for raw, want := range map[string]string{
		`"a"`: "a", `""`: "", `"a\"b\\"`: `a"b\`, `"\u00e9\n"`: "é\n", `"é"`: "é", `"\ud83d\ude00"`: "😀",
		``: "", `"`: "", `null`: "", `7`: "", `{"a":1}`: "", `"\x"`: "",
	} {
		if got := Unquote([]byte(raw)); got != want {
			t.Errorf("%s is %q, want %q", raw, got, want)
		}
	}
}

func TestIsEmptyTellsNothingFromSomething(t *testing.T) {
	for raw, want := range map[string]bool{
		``: true, `null`: true, `""`: true, `[]`: true, `{}`: true,
		` `: false, `0`: false, `false`: false, `" "`: false, `[null]`: false, `{"a":null}`: false,
	} {
		if IsEmpty([]byte(raw)) != want {
			t.Errorf("%q: want %t", raw, want)
		}
	}
}

// member is one that NextMember returns.
type member struct{ name, text string }

func members(raw string) (all []member) {
	for name, text, rest := NextMember([]byte(raw)); name != nil; name, text, rest = NextMember(rest) {
		all = append(all, member{string(name), string(text)})
	}
	return all
}

func TestMembersAreFoundAtEveryDepth(t *testing.T) {
	for raw, want := range map[string][]member{
		``:                                    nil,
		`{}`:                                  nil,
		`["a","b:c"]`:                         nil,
		`{"a":1}`:                             {{"a", ""}},
		`{"a":"x","b":{"c":["y",{"d":"z"}]}}`: {{"a", "x"}, {"b", ""}, {"c", ""}, {"d", "z"}},
		"{ \"a\"\n:\t\"x\" , \"b\" :\r\"\" }": {{"a", "x"}, {"b", ""}},
		`{"a":"\"b\":\"c\"","d":"\\"}`:        {{"a", `\"b\":\"c\"`}, {"d", `\\`}},
		`{"":"","a":["b","c"]}`:               {{"", ""}, {"a", ""}},
		`{"a":"b:","c":":"}`:                  {{"a", "b:"}, {"c", ":"}},
		// what is not valid ends somehow
		`{"a`:       nil,
		`{"a"`:      nil,
		`{"a":`:     {{"a", ""}},
		`{"a":"x`:   {{"a", ""}},
		`{"a":"x\"`: {{"a", ""}},
	} {
		got := members(raw)
		if len(got) != len(want) {
			t.Errorf("%s: %q, want %q", raw, got, want)
			continue
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: %q, want %q", raw, got, want)
			}
		}
	}
}

func TestMembersOfAnyTextAreFoundWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[\\":a]*`)).Draw(t, "text")
		quoted, _ := json.Marshal(text)
		raw := `{"list":[` + string(quoted) + `],"before":` + string(quoted) + `,"content":` + string(quoted) + `,"n":1}`
		inside := string(quoted[1 : len(quoted)-1])
		got := members(raw)
		if len(got) != 4 || got[1] != (member{"before", inside}) || got[2] != (member{"content", inside}) || got[3] != (member{"n", ""}) {
			t.Fatalf("%s: %q", raw, got)
		}
	})
}

func TestStringsEndAtTheirQuote(t *testing.T) {
	for raw, want := range map[string]int{
		`"`: 0, `a"b"`: 1, `\"a"`: 3, `\\"a"`: 2, `é"`: 2, ``: -1, `a`: -1, "a\n\"": -1, `a\`: -1, "\\\n\"": -1,
	} {
		if got := StringLength([]byte(raw)); got != want {
			t.Errorf("%q: got %d, want %d", raw, got, want)
		}
	}
}
