package redact

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mulligan-gateway/mulligan/llm"
)

func appendInt(b []byte, n int) []byte { return strconv.AppendInt(b, int64(n), 10) }

// edit changes what the strings and numbers of a JSON text say, line by line for a stream of
// events, or a whole text that is neither. JSON that was cut off is no hindrance.
func edit(text string, onString, onNumber func(string) string) string {
	switch {
	case looksLikeJSON(text):
		return editJSON(text, onString, onNumber)
	case !isEvents(text):
		return onString(text)
	}
	var out strings.Builder
	for line := range strings.Lines(text) {
		data, ok := strings.CutPrefix(line, "data:")
		if !ok || !looksLikeJSON(data) {
			out.WriteString(onString(line))
			continue
		}
		out.WriteString("data:")
		out.WriteString(editJSON(data, onString, onNumber))
	}
	return out.String()
}

func looksLikeJSON(text string) bool {
	text = strings.TrimLeft(text, " \t\r\n")
	return text != "" && strings.IndexByte(`{["-0123456789`, text[0]) >= 0 && (text[0] == '{' || text[0] == '[' || json.Valid([]byte(text)))
}

// isEvents says whether a text is a stream of server-sent events.
func isEvents(text string) bool {
	for _, field := range []string{"data:", "event:", "id:", "retry:", ":"} {
		if strings.HasPrefix(text, field) {
			return true
		}
	}
	return false
}

// editJSON changes strings and numbers of a JSON text, and leaves the rest as it is.
func editJSON(text string, onString, onNumber func(string) string) string {
	var out strings.Builder
	out.Grow(len(text))
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			end, whole := stringEnd(text, i+1)
			out.WriteByte('"')
			out.WriteString(editString(text[i+1:end], onString))
			if i = end; whole {
				out.WriteByte('"')
				i++
			}
		case isDigit(c), c == '-':
			end := i + 1
			for end < len(text) && (isDigit(text[end]) || strings.IndexByte("+-.eE", text[end]) >= 0) {
				end++
			}
			number := text[i:end]
			if edited := onNumber(number); edited != number {
				number = string(llm.AppendString(nil, edited))
			}
			out.WriteString(number)
			i = end
		default:
			out.WriteByte(c)
			i++
		}
	}
	return out.String()
}

// stringEnd returns where the string ends whose content begins at i, and whether it does.
func stringEnd(text string, i int) (int, bool) {
	for ; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i, true
		}
	}
	return len(text), false
}

// editString changes what the content of a JSON string says.
func editString(content string, onString func(string) string) string {
	if strings.IndexByte(content, '\\') < 0 {
		return onString(content)
	}
	var said string
	if json.Unmarshal([]byte(`"`+content+`"`), &said) != nil {
		return onString(content) // cut off, or no JSON
	}
	edited := onString(said)
	if edited == said {
		return content
	}
	quoted := llm.AppendString(nil, edited)
	return string(quoted[1 : len(quoted)-1])
}

// WholeRunes returns a text without the beginning of a rune at its end.
func WholeRunes(b []byte) []byte {
	for i := 1; i <= utf8.UTFMax && i <= len(b); i++ {
		c := b[len(b)-i]
		if utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return b[:len(b)-i]
			}
			break
		}
	}
	return b
}

// Cut returns the beginning of a text, at most limit bytes of it that end with a whole rune,
// and whether there was more. What is not UTF-8 becomes U+FFFD.
func Cut(b []byte, limit int) (string, bool) {
	if len(b) <= limit {
		return strings.ToValidUTF8(string(b), "\uFFFD"), false
	}
	return strings.ToValidUTF8(string(WholeRunes(b[:limit])), "\uFFFD"), true
}

// longestToken is how much of the end of a text that was cut may be the half of something that
// Text would replace.
const longestToken = 512

// DropHalf returns a text that was cut off without what may be the half of something that
// Text would replace: all after the last quote, comma or end of a line.
func DropHalf(text string) string {
	from := max(0, len(text)-longestToken)
	if cut := strings.LastIndexAny(text[from:], "\",\n"); cut >= 0 {
		return text[:from+cut+1]
	}
	return strings.ToValidUTF8(text[:from], "")
}
