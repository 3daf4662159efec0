package redact

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// How many digits card numbers have (source: ISO/IEC 7812-1; 13 for old ones).
const (
	cardLeast = 13
	cardMost  = 19
)

// cards replaces numbers of 13 to 19 digits whose last one is right by the Luhn algorithm. The
// digits may stand in groups, with one space or hyphen between them.
func cards(s string) string {
	var out strings.Builder
	done := 0
	for i := 0; i < len(s); {
		if !isDigit(s[i]) {
			i++
			continue
		}
		end := runEnd(s, i)
		if end-i >= cardLeast && !insideWord(s, i, end) {
			for _, found := range cardsIn(s[i:end]) {
				out.WriteString(s[done : i+found[0]])
				out.WriteString("[CARD]")
				done = i + found[1]
			}
		}
		i = end
	}
	if done == 0 {
		return s
	}
	out.WriteString(s[done:])
	return out.String()
}

// runEnd returns where the digits end that begin at i, with single separators among them.
func runEnd(s string, i int) int {
	for i < len(s) {
		switch {
		case isDigit(s[i]):
			i++
		case (s[i] == ' ' || s[i] == '-') && i+1 < len(s) && isDigit(s[i+1]):
			i++
		default:
			return i
		}
	}
	return i
}

// insideWord says whether letters touch the digits, as in the id of something.
func insideWord(s string, start, end int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:start])
	after, _ := utf8.DecodeRuneInString(s[end:])
	return isWord(before) || isWord(after)
}

func isWord(r rune) bool { return r == '_' || r != utf8.RuneError && unicode.IsLetter(r) }

// cardsIn returns where the card numbers are in groups of digits: the first that begins with
// each group, the longest one of them.
func cardsIn(run string) [][2]int {
	var starts, ends []int
	for i := range len(run) {
		if isDigit(run[i]) && (i == 0 || !isDigit(run[i-1])) {
			starts = append(starts, i)
		}
		if isDigit(run[i]) && (i == len(run)-1 || !isDigit(run[i+1])) {
			ends = append(ends, i+1)
		}
	}
	var found [][2]int
	for first := 0; first < len(starts); first++ {
		for last := min(first+cardMost, len(ends)) - 1; last >= first; last-- {
			if luhn(run[starts[first]:ends[last]]) {
				found = append(found, [2]int{starts[first], ends[last]})
				first = last
				break
			}
		}
	}
	return found
}

// luhn says whether the digits of a text are as many as a card's and sum up as they must
// (source: ISO/IEC 7812-1, annex B).
func luhn(s string) bool {
	n, sum := 0, 0
	for i := len(s) - 1; i >= 0; i-- {
		if !isDigit(s[i]) {
			continue
		}
		d := int(s[i] - '0')
		if n%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
		n++
	}
	return n >= cardLeast && n <= cardMost && sum%10 == 0
}
