package redact

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	_ "github.com/mulligan-gateway/mulligan/internal/rapidseed" // the same inputs in each run
)

func TestPatternsAreReplaced(t *testing.T) {
	for text, want := range map[string]string{
		"mail jo.d+x@mail.example.com now":                     "mail [EMAIL] now",
		"Grüße an jürgen@exämple.de":                           "Grüße an [EMAIL]",
		"key sk-proj-AbCdEfGhIjKlMnOpQrSt_u-v end":             "key [KEY] end",
		"key sk-ant-api03-AbCdEfGhIjKlMnOpQrSt end":            "key [KEY] end",
		"aws AKIAIOSFODNN7EXAMPLE.":                            "aws [KEY].",
		"ghp_0123456789abcdefghijABCDEFGHIJ012345":             "[KEY]",
		"xoxb-123456789012-abcdefghijkl":                       "[KEY]",
		"AIzaSyA-0123456789abcdefghijklmnopqrstu":              "[KEY]",
		"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl":    "[KEY]",
		"Authorization: Bearer 0123456789abcdef0123":           "Authorization: [KEY]",
		"-----BEGIN RSA PRIVATE KEY-----\nAAAA\nBBBB":          "[KEY]",
		"card 4111 1111 1111 1111, thanks":                     "card [CARD], thanks",
		"card 5500-0000-0000-0004":                             "card [CARD]",
		"card 378282246310005 and 6011111111111117":            "card [CARD] and [CARD]",
		"4111111111111111 4111111111111111":                    "[CARD] [CARD]",
		"123 4111111111111111":                                 "123 [CARD]",
		"card 4111 1111 1111 1112":                             "card 4111 1111 1111 1112",
		"id_4111111111111111 and x4111111111111111":            "id_4111111111111111 and x4111111111111111",
		"pay NL91 ABNA 0417 1643 00 TODAY":                     "pay [IBAN] TODAY",
		"pay DE89370400440532013000.":                          "pay [IBAN].",
		"pay DE88370400440532013000.":                          "pay DE88370400440532013000.",
		"call +31 20 123 4567 or (020) 123 4567":               "call [PHONE] or [PHONE]",
		"call 555-123-4567 or 06-12345678 or 0031 20 1234567":  "call [PHONE] or [PHONE] or [PHONE]",
		"on 2026-11-24 at 12:30, 1732460000 and 10.0.0.1 v1.2": "on 2026-11-24 at 12:30, 1732460000 and 10.0.0.1 v1.2",
		"a@b and sk-short and +1":                              "a@b and sk-short and +1",
		"":                                                     "",
	} {
		if got := Text(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func TestJSONStaysJSON(t *testing.T) {
	for text, want := range map[string]string{
		`{"card":4111111111111111,"n":1732460000123.5}`:                `{"card":"[CARD]","n":1732460000123.5}`,
		`{"to":"jo\u0040example.com"}`:                                 `{"to":"[EMAIL]"}`,
		`{"a":"x\ny\"jo@example.com\""}`:                               `{"a":"x\ny\"[EMAIL]\""}`,
		`["plain \u00e9"]`:                                             `["plain \u00e9"]`,
		`{"cut":"mail jo@example.com and`:                              `{"cut":"mail [EMAIL] and`,
		"data: {\"a\":\"jo@example.com\"}\n\ndata: [DONE]\n\n":         "data: {\"a\":\"[EMAIL]\"}\n\ndata: [DONE]\n\n",
		"event: x\ndata: {\"a\":4111111111111111}\n\n: jo@example.com": "event: x\ndata: {\"a\":\"[CARD]\"}\n\n: [EMAIL]",
	} {
		if got := Text(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// luhnDigit returns the digit that makes digits a number that sums up.
func luhnDigit(digits string) string {
	for d := range 10 {
		if s := digits + strconv.Itoa(d); sumsUp(s) {
			return strconv.Itoa(d)
		}
	}
	panic("one of ten digits always sums up")
}

// sumsUp is the Luhn sum, written in another way than the code under test.
func sumsUp(s string) bool {
	sum := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		sum += [2][10]int{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {0, 2, 4, 6, 8, 1, 3, 5, 7, 9}}[i%2][d]
	}
	return sum%10 == 0
}

func TestNumbersThatSumUpAreAlwaysReplacedAndOthersNever(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		head := rapid.StringMatching(`[0-9]{12,18}`).Draw(t, "head")
		right := luhnDigit(head)
		wrong := strconv.Itoa((int(right[0]-'0') + rapid.IntRange(1, 9).Draw(t, "off")) % 10)
		before := rapid.SampledFrom([]string{"card ", "(", "é: ", "\""}).Draw(t, "before")
		after := rapid.SampledFrom([]string{"", ".", " now", ")", "\""}).Draw(t, "after")
		if got := Text(before + head + right + after); got != before+"[CARD]"+after {
			t.Fatalf("%s is %q", head+right, got)
		}
		if got := Text(before + head + wrong + after); got != before+head+wrong+after {
			t.Fatalf("%s is %q", head+wrong, got)
		}
		grouped := head[:4] + " " + head[4:8] + "-" + head[8:] + right
		if got := Text(before + grouped + after); strings.Contains(got, right+after) && !strings.Contains(got, "[CARD]") {
			t.Fatalf("%s is %q", grouped, got)
		}
	})
}

func TestAValueOfAnyFormIsMasked(t *testing.T) {
	m := NewMask()
	got := m.Object([]byte(`{"a": {"b":"secret \"x\"","c":1}, "n":123456, "l":[{"k":"one"},{"k":"two"}], "t":"ok"}`), []string{"a.b", "n", "l.k", "missing.x", "t.deeper"})
	want := `{"a": {"b":"***","c":1}, "n":"***", "l":[{"k":"***"},{"k":"***"}], "t":"ok"}`
	if string(got) != want {
		t.Errorf("got %s", got)
	}
	text := m.Text([]byte(`{"said":"it is secret \"x\" and 123456","n":123456,"m":1234567}`))
	if want := `{"said":"it is *** and ***","n":"***","m":1234567}`; string(text) != want {
		t.Errorf("got %s", text)
	}
	if whole := NewMask().Object([]byte(`{"a":{"deep":"value"}}`), []string{"a"}); string(whole) != `{"a":"***"}` {
		t.Errorf("got %s", whole)
	}
}

func TestATextIsCutBetweenRunes(t *testing.T) {
	for limit := range 8 {
		got, cut := Cut([]byte("aé€𝄞"), limit)
		if !utf8.ValidString(got) || len(got) > limit || !cut && limit < 10 {
			t.Errorf("%d bytes: %q %v", limit, got, cut)
		}
	}
	if got, cut := Cut([]byte("a\xff"), 10); got != "a\uFFFD" || cut {
		t.Errorf("%q %v", got, cut)
	}
	if got := DropHalf(`{"a":"x","b":"jo@exam`); got != `{"a":"x","b":"` {
		t.Errorf("%q", got)
	}
	if got := DropHalf(strings.Repeat("é", 600)); len(got) > 1200-longestToken || !utf8.ValidString(got) {
		t.Errorf("%d bytes are left", len(got))
	}
}

func FuzzText(f *testing.F) {
	f.Add(`{"a":"jo@example.com","n":[4111111111111111,-1.5e3],"s":"\u00e9\\"}`)
	f.Add("data: {\"a\":\"+31 20 123 4567\"}\n\nDE89 3704 0044 0532 0130 00")
	f.Fuzz(func(t *testing.T, text string) {
		got := Text(text)
		if json.Valid([]byte(text)) && !json.Valid([]byte(got)) {
			t.Errorf("JSON no longer: %q becomes %q", text, got)
		}
		if utf8.ValidString(text) && !utf8.ValidString(got) {
			t.Errorf("UTF-8 no longer: %q becomes %q", text, got)
		}
	})
}
