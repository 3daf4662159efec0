package llm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParseJSON holds ParseJSON against encoding/json: what it accepts as an object is
// valid but for escapes inside strings, which it leaves to readers, and every member it
// indexes is the member that encoding/json sees.
func FuzzParseJSON(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` {"a" : 1 } `, `{"a":[],"b":{},"c":[[{}],{"d":[1,2]}]}`, `{"a":"\"","b":"\\","c":"\\\""}`,
		`{"a":-0.5e+10,"b":true,"c":false,"d":null}`, `{"a":1,"a":2}`, `{"\u0061":1}`, `{"a":01}`, `{"a":1.}`,
		`{"a":[1,]}`, `{"a":{"b"}}`, `{"a":tru}`, `{"a":"` + "\n" + `"}`, "{\"a\":\"\xff\"}", `[`, `{`, `{"a"`, `{"a":1}x`,
		`{"a":"12345678` + "\x01" + `"}`, `{"a":"é12345678"}`, `{"a":` + strings.Repeat("[", 130) + strings.Repeat("]", 130) + `}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := ParseJSON(raw)
		var want map[string]json.RawMessage
		wantErr := json.Unmarshal(raw, &want)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Code != string(CodeInvalidJSON) {
				t.Fatalf("%q: not invalid_json: %v", raw, err)
			}
			if wantErr == nil && want != nil && !stricter(e) {
				t.Fatalf("%q: refused, but valid: %v", raw, err)
			}
			return
		}
		if wantErr != nil {
			if bytes.IndexByte(raw, '\\') < 0 {
				t.Fatalf("%q: accepted, but %v", raw, wantErr)
			}
			return
		}
		if !utf8.Valid(raw) {
			return // encoding/json replaces what is not UTF-8 in names; ParseJSON keeps it
		}
		if len(d.Members) != len(want) {
			t.Fatalf("%q: %d members, want %d", raw, len(d.Members), len(want))
		}
		for name, value := range want {
			if got, ok := d.Get(name); !ok || !bytes.Equal(got, value) {
				t.Fatalf("%q: %q is %q, want %q", raw, name, got, value)
			}
		}
		if raw[d.Open] != '{' || raw[d.Close] != '}' {
			t.Fatalf("%q: braces at %d and %d", raw, d.Open, d.Close)
		}
	})
}

// stricter says whether an error is about what encoding/json accepts and Mulligan refuses.
func stricter(e *Error) bool {
	return strings.Contains(e.Message, "twice") || strings.Contains(e.Message, "deeper")
}

func TestDamageIsNamedWithItsPlace(t *testing.T) {
	for _, c := range []struct{ raw, says string }{
		{``, "is empty"},
		{"\xef\xbb\xbf{}", "byte order mark"},
		{`[]`, "not a JSON object"},
		{"{\n \"a\": tru\n}", "line 2, column 7"},
		{`{"a":1} {`, "goes on"},
		{`{"a":1,"\u0061":2}`, `"a" twice`},
		{`{"a":"x`, "ends inside a string"},
		{`{"a":"\"}`, "ends inside a string"},
		{`{"a":[1 2]}`, "comma"},
		{`{"a" 1}`, "colon"},
		{`{"a":-}`, "digits"},
		{`{"a":` + strings.Repeat(`{"a":`, MaxDepth) + `1` + strings.Repeat("}", MaxDepth) + `}`, "deeper than 128"},
	} {
		_, err := ParseJSON([]byte(c.raw))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%.40q: got %v, want it to say %q", c.raw, err, c.says)
		}
	}
}

func TestDepthAtTheLimitIsAccepted(t *testing.T) {
	raw := `{"a":` + strings.Repeat("[", MaxDepth-1) + strings.Repeat("]", MaxDepth-1) + `}`
	if _, err := ParseJSON([]byte(raw)); err != nil {
		t.Error(err)
	}
}

func TestMergeKeepsBytesAndLetsTheUpperWin(t *testing.T) {
	got, err := MergeObjects([]byte(`{"b": 2.0, "c":{"x":1}}`), []byte(` {"a":1e5,"c":{"y":2},"b":null}`))
	if want := `{"a":1e5,"b": 2.0,"c":{"x":1}}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	if got, err := MergeObjects(nil, []byte(`{"a":1}`)); err != nil || string(got) != `{"a":1}` {
		t.Errorf("got %s, %v", got, err)
	}
	if _, err := MergeObjects([]byte(`{"a":1,"a":2}`), []byte(`{"b":1}`)); err == nil {
		t.Error("a damaged object is merged")
	}
}

const form = "--x y\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n" +
	"RIFF\r\n--not the boundary\r\n--x y\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--x y--\r\n"

func TestFormIsIndexed(t *testing.T) {
	d, err := ParseForm([]byte(form), `multipart/form-data; boundary="x y"`)
	if err != nil {
		t.Fatal(err)
	}
	if model, ok := d.String("model"); !ok || model != "whisper-1" || !d.IsForm() {
		t.Errorf("model is %q", model)
	}
	if file := d.Find("file"); file == nil || !file.File || string(d.Raw[file.ValueStart:file.ValueEnd]) != "RIFF\r\n--not the boundary" {
		t.Errorf("file: %+v", file)
	}
	if !strings.HasPrefix(string(d.Raw[d.Close:]), "--x y--") {
		t.Errorf("the closing delimiter is at %d", d.Close)
	}
}

func TestDamagedFormsAreRefused(t *testing.T) {
	field := func(name string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\nx\r\n"
	}
	for _, c := range []struct{ body, contentType, says string }{
		{form, "application/json", "Content-Type"},
		{form, "multipart/form-data", "boundary"},
		{form, "multipart/form-data; boundary=" + strings.Repeat("x", 71), "boundary"},
		{"nothing", "multipart/form-data; boundary=b", "begin"},
		{"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--", "multipart/form-data; boundary=b", "Content-Disposition"},
		{field("a") + field("a") + "--b--", "multipart/form-data; boundary=b", "twice"},
		{field("a"), "multipart/form-data; boundary=b", "ends inside"},
		{strings.Repeat(field("a[]"), maxParts+1) + "--b--", "multipart/form-data; boundary=b", "parts"},
	} {
		if _, err := ParseForm([]byte(c.body), c.contentType); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%.30q: got %v, want it to say %q", c.body, err, c.says)
		}
	}
	if _, err := ParseForm([]byte(field("a[]")+field("a[]")+"--b--"), "multipart/form-data; boundary=b"); err != nil {
		t.Errorf("a list is refused: %v", err)
	}
}

func FuzzParseForm(f *testing.F) {
	f.Add([]byte(form), `multipart/form-data; boundary="x y"`)
	f.Add([]byte("--b--"), "multipart/form-data; boundary=b")
	f.Add([]byte("--b\r\n\r\n\r\n\r\n--b--"), "multipart/form-data; boundary=b")
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		d, err := ParseForm(body, contentType)
		if err != nil {
			return
		}
		for _, m := range d.Members {
			if m.NameStart > m.ValueStart || m.ValueStart > m.ValueEnd || m.ValueEnd > len(body) {
				t.Fatalf("%+v", m)
			}
		}
	})
}

func TestErrorEnvelopeIsAlwaysJSON(t *testing.T) {
	e := NewError(CodeInvalidJSON, "a \"quoted\"\n\x01 and \xff byte").WithParam("messages")
	var got struct {
		Error struct{ Message, Type, Param, Code string }
	}
	if err := json.Unmarshal(e.AppendJSON(nil), &got); err != nil {
		t.Fatal(err)
	}
	if got.Error.Message != "a \"quoted\"\n\x01 and \ufffd byte" || got.Error.Param != "messages" ||
		got.Error.Code != "invalid_json" || got.Error.Type != "invalid_request_error" {
		t.Errorf("got %+v", got)
	}
	if raw := new(Error).AppendJSON(nil); !bytes.Contains(raw, []byte(`"param":null,"code":null`)) {
		t.Errorf("got %s", raw)
	}
}

func TestEveryCodeHasAStatus(t *testing.T) {
	for code, status := range codeStatus {
		if status < 400 || status > 599 || NewError(code, "x").Status != status {
			t.Errorf("%s has status %d", code, status)
		}
	}
}

func BenchmarkParseJSON(b *testing.B) {
	message := func(n int) string {
		text, _ := json.Marshal(strings.Repeat("a line of English, \"quoted\".\n", n/29))
		return fmt.Sprintf(`{"role":"user","content":%s}`, text)
	}
	for _, c := range []struct{ name, messages string }{
		{"1KB", message(800)},
		{"100KB-one-message", message(100 << 10)},
		{"100KB-many-messages", strings.Repeat(message(200)+",", 400) + message(200)},
	} {
		raw := []byte(`{"model":"gpt-5-mini","messages":[` + c.messages + `],"temperature":0.2,"stream":true}`)
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseJSON(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestOtherSpellingsOfMembersAreFound(t *testing.T) {
	for name, want := range map[string]string{
		"model": "", "Model": "model", "MESSAGES": "messages", "me\u017f\u017fages": "messages", "stop_Sequences": "stop_sequences",
		"x-Own": "", "é": "", "": "", "\u212aelvin": "",
	} {
		if got, ok := Misspelled(name); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v, want %q", name, got, ok, want)
		}
	}
}
