package redact

import (
	"bytes"
	"regexp"
	"strings"
)

// Text returns a text without what looks like personal data or a key. In JSON, and in events
// whose data is JSON, it looks at what strings and numbers say, and the result is JSON if the
// text was. What is spread over several strings, such as the deltas of a stream, it does not
// find.
func Text(text string) string {
	return edit(text, redactString, redactNumber)
}

// pattern is one kind of what is replaced.
type pattern struct {
	mark string
	// needs is a text without which the pattern cannot match, "" when there is none.
	needs  string
	expr   *regexp.Regexp
	accept func(match string) (length int) // how much of a match is one, from its beginning; nil for all
}

// patterns in the order in which they are looked for: what may hold another kind comes first.
var patterns = []pattern{
	{mark: "[KEY]", needs: "PRIVATE KEY", expr: regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[^-]*-----END [A-Z ]*PRIVATE KEY-----|[^-]*$)`)},
	{mark: "[KEY]", expr: keys},
	{mark: "[EMAIL]", needs: "@", expr: regexp.MustCompile(`[\pL\pN._%+'-]+@[\pL\pN-]+(?:\.[\pL\pN-]+)*\.\pL{2,}`)},
	{mark: "[IBAN]", expr: regexp.MustCompile(`\b[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]){11,30}\b`), accept: ibanLength},
}

// keys are the forms in which well-known services write their keys.
var keys = regexp.MustCompile(strings.Join([]string{
	`\b(?:sk|rk|pk)[-_](?:[A-Za-z0-9]+[-_])*[A-Za-z0-9_-]{16,}`, // OpenAI, Anthropic, OpenRouter, Stripe
	`\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b`,                   // AWS
	`\bgh[pousr]_[A-Za-z0-9]{20,}`, `\bgithub_pat_[A-Za-z0-9_]{20,}`, `\bglpat-[A-Za-z0-9_-]{16,}`,
	`\bxox[a-z]-[A-Za-z0-9-]{10,}`,                           // Slack
	`\bAIza[0-9A-Za-z_-]{30,}`, `\bya29\.[0-9A-Za-z_-]{20,}`, // Google
	`\b(?:gsk|hf|npm|pypi|r8|xai|pplx|nvapi|fw|tgp)[-_][A-Za-z0-9_-]{20,}`,
	`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?`, // JSON web tokens
	`\bBearer [A-Za-z0-9._~+/-]{16,}=*`,
}, "|"))

// phone matches numbers as people write them: with a country's code, or in groups.
var phone = regexp.MustCompile(
	`\+[0-9][0-9 ()./-]{6,18}[0-9]\b` +
		`|\b00[1-9][0-9]{0,2}[ /-][0-9][0-9 ()./-]{5,16}[0-9]\b` +
		`|\(0?[0-9]{2,4}\) ?[0-9][0-9 ./-]{4,10}[0-9]\b` +
		`|\b[0-9]{3}[ .-][0-9]{3}[ .-][0-9]{4}\b` +
		`|\b0[0-9]{1,4}[ /-][0-9][0-9 /-]{4,9}[0-9]\b`)

func redactString(s string) string {
	for i := range patterns {
		p := &patterns[i]
		if p.needs != "" && !strings.Contains(s, p.needs) {
			continue
		}
		s = p.replace(s)
	}
	s = cards(s)
	return phone.ReplaceAllStringFunc(s, func(match string) string {
		if n := digits(match); n < 7 || n > 15 || date.MatchString(match) {
			return match
		}
		return "[PHONE]"
	})
}

// date is what has the form of a telephone number and is none.
var date = regexp.MustCompile(`^[0-9]{4}[-/.][0-9]{2}[-/.][0-9]{2}|^[0-9]{2}[-/.][0-9]{2}[-/.][0-9]{4}`)

// redactNumber looks at a JSON number. Only a card's is told from other numbers.
func redactNumber(s string) string { return cards(s) }

func (p *pattern) replace(s string) string {
	if p.accept == nil {
		return p.expr.ReplaceAllLiteralString(s, p.mark)
	}
	var out strings.Builder
	for {
		at := p.expr.FindStringIndex(s)
		if at == nil {
			out.WriteString(s)
			return out.String()
		}
		n := p.accept(s[at[0]:at[1]])
		if n == 0 { // what begins later may be one
			out.WriteString(s[:at[0]+1])
			s = s[at[0]+1:]
			continue
		}
		out.WriteString(s[:at[0]])
		out.WriteString(p.mark)
		s = s[at[0]+n:]
	}
}

func digits(s string) int {
	n := 0
	for i := range len(s) {
		if isDigit(s[i]) {
			n++
		}
	}
	return n
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// ibanLength returns how much of a text, from its beginning, is an International Bank Account
// Number by its check digits, or 0 (source: ISO 13616-1, ISO 7064 MOD 97-10).
func ibanLength(s string) int {
	for end := len(s); end > 0; {
		if validIBAN(s[:end]) {
			return end
		}
		// What follows a blank may be another word.
		cut := strings.LastIndexAny(s[:end], " -")
		if cut < 0 {
			return 0
		}
		end = cut
	}
	return 0
}

func validIBAN(s string) bool {
	compact := strings.NewReplacer(" ", "", "-", "").Replace(s)
	if len(compact) < 15 || len(compact) > 34 {
		return false
	}
	rest := 0
	for _, c := range []byte(compact[4:] + compact[:4]) {
		if isDigit(c) {
			rest = (rest*10 + int(c-'0')) % 97
		} else {
			rest = (rest*100 + int(c-'A') + 10) % 97
		}
	}
	return rest == 1
}

// Binary returns what stands for bytes that are no text.
func Binary(media string, n int) []byte {
	if media == "" {
		media = "application/octet-stream"
	}
	var b bytes.Buffer
	b.WriteString("(" + strings.ToValidUTF8(media, "\uFFFD") + ", ")
	b.Write(appendInt(nil, n))
	b.WriteString(" bytes)")
	return b.Bytes()
}
