package rules

import (
	"strings"
	"testing"
)

func TestTheExtensionsAreThere(t *testing.T) {
	s := sample{context: `{"name":" Bob ","n":3,"tags":["b","a","b"],"nested":[[1],[2,3]],"users":[{"age":3},{"age":1}],"csv":"a,b"}`}
	for extension, rules := range map[string][]string{
		"standard": {`size("abc") == 3`, `"abc".matches("^a.c$")`, `[1, 2].exists_one(i, i == 2)`, `duration("90s") > duration("1m")`, `string(3) + "x" == "3x"`,
			`timestamp("2026-01-01T00:00:00Z") + duration("1h") > timestamp("2026-01-01T00:00:00Z")`, `bytes("a") == b"a"`, `type(1) == int`},
		"strings": {`context.name.trim() == "Bob"`, `context.csv.split(",") == ["a", "b"]`, `["a", "b"].join("-") == "a-b"`, `"AbC".lowerAscii() == "abc"`,
			`"AbC".upperAscii() == "ABC"`, `"hello".substring(1, 3) == "el"`, `"hello".indexOf("l") == 2`, `"hello".lastIndexOf("l") == 3`, `"a-b".replace("-", "+") == "a+b"`,
			`"abc".charAt(1) == "b"`, `"abc".reverse() == "cba"`, `"%s is %d".format([context.csv, context.n]) == "a,b is 3"`, `strings.quote("a\"b") == "\"a\\\"b\""`},
		"lists": {`context.tags.distinct() == ["b", "a"]`, `context.tags.sort() == ["a", "b", "b"]`, `context.nested.flatten() == [1, 2, 3]`, `context.tags.slice(0, 1) == ["b"]`,
			`context.users.sortBy(u, u.age)[0].age == 1`, `lists.range(3) == [0, 1, 2]`, `context.tags.reverse() == ["b", "a", "b"]`},
		"math": {`math.greatest(context.n, 5) == 5`, `math.least([3, 1, 2]) == 1`, `math.abs(-3) == 3`, `math.ceil(1.2) == 2.0`, `math.floor(1.8) == 1.0`, `math.round(1.5) == 2.0`,
			`math.bitAnd(6, 3) == 2`, `math.isNaN(0.0 / 0.0)`, `math.sqrt(81) == 9.0`, `math.sign(-2) == -1`, `math.trunc(1.9) == 1.0`},
		"bindings": {`cel.bind(n, context.n * 2, n == 6 && n < 7)`},
		"encoders": {`base64.encode(b"hello") == "aGVsbG8="`, `string(base64.decode("aGVsbG8=")) == "hello"`, `json.encode(context.nested) == "[[1],[2,3]]"`},
	} {
		for _, rule := range rules {
			if got := expect(t, s, rule, Matched); got.Verdict != Matched {
				t.Errorf("the extension %s lacks this", extension)
			}
		}
	}
}

func TestDocsHaveEveryRow(t *testing.T) {
	docs := string(Docs())
	for _, v := range variables {
		if !strings.Contains(docs, "\n### "+v.name+"\n\nType: "+typeText(v.typ)+". "+v.doc+"\n") || !strings.Contains(docs, v.example) {
			t.Errorf("%s is not in the documentation", v.name)
		}
	}
	for _, fn := range functions {
		if !strings.Contains(docs, "\n### "+fn.name+"\n") || !strings.Contains(docs, fn.doc) || !strings.Contains(docs, fn.example) {
			t.Errorf("%s is not in the documentation", fn.name)
		}
	}
	for _, header := range credentialHeaders {
		if !strings.Contains(docs, "`"+header+"`") {
			t.Errorf("the header %s is not in the documentation", header)
		}
	}
}

func TestDocsHaveNoLineThatIsNotMarkdown(t *testing.T) {
	for _, line := range strings.Split(string(Docs()), "\n") {
		if strings.Contains(line, "<no value>") || strings.Contains(line, "%!") || strings.Contains(line, "{{") && !strings.Contains(line, "company") {
			t.Errorf("%s", line)
		}
	}
}
