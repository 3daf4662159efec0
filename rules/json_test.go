package rules

import (
	"encoding/json"
	"fmt"
	"testing"

	"cel.dev/cel-go/common/types"
	"pgregory.net/rapid"

	_ "github.com/mulligan-gateway/mulligan/internal/rapidseed" // the same inputs in each run
)

func TestObjectsFindWhatEncodingJSONFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Keys of the characters that paths, escapes and modifiers are made of.
		key := rapid.StringOf(rapid.RuneFrom([]rune(`ab.*?#|@!\"'[]{}:~_- é` + "\n\x7f\u2028😀")))
		want := rapid.MapOfN(key, rapid.IntRange(0, 99), 0, 6).Draw(t, "object")
		raw, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		o := newJSONObject(string(raw))
		if got := o.Size(); got != types.Int(len(want)) {
			t.Fatalf("%s has %v keys, want %d", raw, got, len(want))
		}
		for k, v := range want {
			got, ok := o.Find(types.String(k))
			if !ok || got != types.Int(v) {
				t.Fatalf("%s: Find(%q) is %v %v, want %d", raw, k, got, ok, v)
			}
		}
		absent := key.Draw(t, "absent")
		if _, there := want[absent]; !there {
			if got, ok := o.Find(types.String(absent)); ok {
				t.Fatalf("%s: Find(%q) is %v", raw, absent, got)
			}
		}
	})
}

func TestObjectsAndListsAreCELValues(t *testing.T) {
	s := sample{context: `{"user":{"name":"bob","age":3},"tags":["a","b",1,2.5,null,true,{"x":[]}],"empty":{},"none":[],"e\u0073c":"\u0041\n\ud83d\ude00"}`}
	for source, want := range map[string]Verdict{
		`context.user == {"name": "bob", "age": 3}`:                                  Matched,
		`{"age": 3.0, "name": "bob"} == context.user`:                                Matched,
		`context.user == {"name": "bob"}`:                                            NotMatched,
		`context.user in [{"name": "bob", "age": 3}]`:                                Matched,
		`context.tags == ["a", "b", 1, 2.5, null, true, {"x": []}]`:                  Matched,
		`["a", "b", 1, 2.5, null, true, {"x": []}] == context.tags`:                  Matched,
		`context.tags == ["a"]`:                                                      NotMatched,
		`context.tags + [1] != context.tags`:                                         Matched,
		`(context.tags + [9])[7] == 9`:                                               Matched,
		`1.0 in context.tags && !("c" in context.tags)`:                              Matched,
		`size(context.tags) == 7 && context.tags.size() == 7`:                        Matched,
		`context.tags[6].x.size() == 0`:                                              Matched,
		`context.esc == "A\n😀"`:                                                      Matched,
		`type(context) == map && type(context.tags) == list`:                         Matched,
		`type(context.tags[2]) == int && type(context.tags[3]) == double`:            Matched,
		`dyn(context.user) == dyn(context.user)`:                                     Matched,
		`context.user.map(k, k).sort() == ["age", "name"]`:                           Matched,
		`context.tags.slice(0, 2) == ["a", "b"]`:                                     Matched,
		`json.encode(context.user) == json.encode({"name": "bob", "age": 3})`:        Matched,
		`"%s".format([context.user.name]) == "bob"`:                                  Matched,
		`context.none == [] && context.empty == {}`:                                  Matched,
		`context.tags.exists(t, type(t) == map)`:                                     Matched,
		`context.tags.filter(t, type(t) == map || type(t) == null_type).size() == 2`: Matched,
		`context.user == 3 || context.tags == 3 || context.tags == context.user`:     NotMatched,
		`string(context.user) == ""`:                                                 Failed,
		`string(context.tags) == ""`:                                                 Failed,
		`context.tags["x"] == 1`:                                                     Failed,
		`context[1] == 1`:                                                            Failed,
	} {
		rule, err := newCompiler(t, Options{}).Compile(source)
		if err != nil {
			if want == Failed {
				continue // refused even earlier
			}
			t.Errorf("%s: %v", source, err)
			continue
		}
		got := rule.Eval(t.Context(), s.facts(t))
		if got.Verdict != want {
			t.Errorf("%s: %v %v, want %v", source, got.Verdict, got.Err, want)
		}
	}
}

func TestABodyIsFoundThroughItsIndex(t *testing.T) {
	s := sample{body: ` { "a.b" : {"c":[1]} , "" : 2 , "\u0064" : "x" , "messages":[] } `}
	for _, source := range []string{`request.body["a.b"].c[0] == 1`, `request.body[""] == 2`, `request.body.d == "x"`, `request.body.size() == 4`, `request.body.messages == []`} {
		expect(t, s, source, Matched)
	}
}

func TestAFormIsAMapOfItsTextFields(t *testing.T) {
	s := sample{endpoint: "transcriptions", form: form("model", "whisper-1", "prompt", "say \"hi\"", "@file", "\x00\x01")}
	for _, source := range []string{`request.body.model == "whisper-1"`, `request.body.prompt == "say \"hi\""`, `!has(request.body.file)`, `size(request.body) == 2`,
		`request.has_files && request.message_count == 1 && request.last_message == "say \"hi\""`, `request.input_tokens == 2`, `request.max_tokens == 0 && !request.has_tools`} {
		expect(t, s, source, Matched)
	}
}

// form makes a multipart body with the boundary b from names and contents. A name that
// begins with @ is a file's.
func form(parts ...string) string {
	body := ""
	for i := 0; i < len(parts); i += 2 {
		name := fmt.Sprintf("name=%q", parts[i])
		if parts[i][0] == '@' {
			name = fmt.Sprintf("name=%q; filename=\"a.wav\"", parts[i][1:])
		}
		body += "--b\r\nContent-Disposition: form-data; " + name + "\r\n\r\n" + parts[i+1] + "\r\n"
	}
	return body + "--b--\r\n"
}
