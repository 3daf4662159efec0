package failure

import (
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of the texts in a Failure, in bytes.
const (
	maxMessage = 1000
	maxWord    = 200 // a code, a type or a parameter's name
)

// clean returns at most limit bytes of a text, cut between characters, as valid UTF-8.
// White space of any length becomes one space; control and format characters, which could
// forge lines in a log or turn text around in a terminal, are left out.
func clean(s string, limit int) string {
	if isClean(s, limit) {
		return s
	}
	b := make([]byte, 0, min(len(s), limit))
	space := false
	for _, r := range s {
		if unicode.IsSpace(r) {
			space = len(b) > 0
			continue
		}
		if unicode.In(r, unicode.C) {
			continue
		}
		need := utf8.RuneLen(r)
		if space {
			need++
		}
		if len(b)+need > limit {
			break
		}
		if space {
			b, space = append(b, ' '), false
		}
		b = utf8.AppendRune(b, r)
	}
	return string(b)
}

// isClean says whether a text can stay as it is: printable ASCII with single spaces inside.
func isClean(s string, limit int) bool {
	if len(s) > limit {
		return false
	}
	before := byte(' ')
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c > '~' || c == ' ' && before == ' ' {
			return false
		}
		before = c
	}
	return before != ' ' || s == ""
}

// markup is what pages begin with, and what pages inside a message are cut off at.
var markup = []string{
	"<!", "<?", "<html", "<head", "<body", "<title", "<script", "<style", "<meta", "<link",
	"<center", "<div", "<span", "<table", "<h1", "<h2", "<p>", "<br", "<hr", "<a ", "<img",
	"<svg", "<iframe", "<form", "<pre",
}

// withoutMarkup returns a message up to where HTML or XML begins in it: some gateways quote
// the page of a proxy in the middle of their message.
func withoutMarkup(s string) string {
	for i := 0; ; i++ {
		at := strings.IndexByte(s[i:], '<')
		if at < 0 {
			return s
		}
		i += at
		for _, tag := range markup {
			if len(s)-i >= len(tag) && strings.EqualFold(s[i:i+len(tag)], tag) {
				return strings.TrimRight(s[:i], " ")
			}
		}
	}
}

// statusText is the message of a reply that has no words of its own.
func statusText(status int) string {
	if text := http.StatusText(status); text != "" {
		return text
	}
	switch status {
	case 0:
		return "The provider reported an error without a message."
	case statusOverloaded:
		return "Overloaded"
	}
	return "HTTP status " + strconv.Itoa(status)
}
