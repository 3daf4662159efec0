package rules

import (
	"regexp"
	"strings"

	"cel.dev/cel-go/cel"
)

// parserWords is what CEL's parser says in its own words, and what it means.
var parserWords = []struct{ theirs, ours string }{
	{"token recognition error at: ", "unexpected "},
	{"no viable alternative at input ", "unexpected "},
	{"mismatched input ", "unexpected "},
	{"extraneous input ", "unexpected "},
	{"'<EOF>'", "the end of the rule"},
	{"expression code point size exceeds limit: size: ", "the rule is too long: its number of characters is "},
	{"expression recursion limit exceeded: ", "the rule is nested too deep: the number of levels may be "},
	{"invalid argument to has() macro", "has() asks for a field, as in has(context.tier)"},
}

// syntaxError makes an error of what the parser says. The parser lists every token that
// could have stood at the place, which helps nobody, so that is left out.
func syntaxError(source string, issues *cel.Issues) *CompileError {
	first := issues.Errors()[0]
	message, _, _ := strings.Cut(first.Message, " expecting ")
	message = strings.TrimPrefix(message, "Syntax error: ")
	recognised := !strings.HasPrefix(message, parserWords[0].theirs)
	for _, w := range parserWords {
		message = strings.Replace(message, w.theirs, w.ours, 1)
	}
	e := newCompileError(source, first.Location, "syntax error: "+message)
	if reservedName.MatchString(message) {
		e.Message += `; write a name that CEL keeps for itself in brackets, as in context["in"]`
		return e
	}
	before, from := e.split()
	e.Message += syntaxHint(before, from, recognised)
	return e
}

// reservedName is what the parser says of a word such as in after a dot.
var reservedName = regexp.MustCompile(`^unexpected '\.[a-z]+'$`)

// syntaxHint helps with what other languages write differently. recognised says that the
// text from the error on begins with something that CEL has at other places.
func syntaxHint(before, from string, recognised bool) string {
	has := func(prefixes ...string) bool {
		for _, p := range prefixes {
			if strings.HasPrefix(from, p) {
				return true
			}
		}
		return false
	}
	switch {
	case has("="):
		return "; write == to compare"
	case has(">") && strings.HasSuffix(before, "<"):
		return "; write != for unequal"
	case has("&", "and "):
		return "; write && for and"
	case has("|", "or "):
		return "; write || for or"
	case strings.HasSuffix(before, "not "):
		return "; write ! for not"
	case has("“", "”", "‘", "’", "„"):
		return `; write straight quotes, "like this"`
	case has(`"`, "'") && !recognised:
		return "; the text does not end with the quote that it begins with"
	default:
		return ""
	}
}
