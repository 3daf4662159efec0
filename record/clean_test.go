package record

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestCleanLeavesTheBatchAsItIs(t *testing.T) {
	r := &Row{TraceID: "a\x00", Attempts: []Attempt{{Error: "b\x00"}}, Dropped: []string{"c\x00"}, Bodies: &Bodies{Request: "d\x00"}}
	f := &Feedback{Value: List("e\x00")}
	clean := (&Batch{Rows: []*Row{r}, Feedback: []*Feedback{f}}).Clean()
	if r.TraceID != "a\x00" || r.Attempts[0].Error != "b\x00" || r.Dropped[0] != "c\x00" || r.Bodies.Request != "d\x00" || f.Value.Texts[0] != "e\x00" {
		t.Error("what was handed in has changed")
	}
	c := clean.Rows[0]
	if c.TraceID != "a\uFFFD" || c.Attempts[0].Error != "b\uFFFD" || c.Dropped[0] != "c\uFFFD" || c.Bodies.Request != "d\uFFFD" {
		t.Errorf("the clean row is %+v", c)
	}
	if clean.Feedback[0].Value.Texts[0] != "e\uFFFD" {
		t.Errorf("the clean feedback is %+v", clean.Feedback[0])
	}
}

func TestObjectsHaveOneForm(t *testing.T) {
	for text, want := range map[string]string{
		`{"b":1,"a":"x"}`: `{"a":"x","b":1}`, ` { "a" : [ 1 , 2 ] } `: `{"a":[1,2]}`, `{"a":1,"a":2}`: `{"a":2}`,
		`{"n":1.50,"big":123456789012345678901}`: `{"big":123456789012345678901,"n":1.50}`, `{"h":"<&>\u0000"}`: `{"h":"<&>` + "\uFFFD" + `"}`,
		`{"k\u0000":1,"k` + "\uFFFD" + `":2}`: `{"k` + "\uFFFD" + `":1}`,
		``:                                    "", `null`: "", `[]`: "", `"x"`: "", `{`: "", `{} {}`: "", `{"a":NaN}`: "",
		strings.Repeat(`{"a":`, 101) + "{}" + strings.Repeat("}", 101): "",
		strings.Repeat(`{"a":`, 99) + "{}" + strings.Repeat("}", 99):   strings.Repeat(`{"a":`, 99) + "{}" + strings.Repeat("}", 99),
	} {
		if got := cleanObject(json.RawMessage(text)); string(got) != want {
			t.Errorf("%.80s becomes %.80s, want %.80s", text, got, want)
		}
	}
}

func FuzzCleanObject(f *testing.F) {
	for _, text := range []string{
		`{"a":"\ud800","b":[{"c":1e999}]}`, `{"a":"x","b":[1,-0.5e+3,0,true,false,null,{},[]],"c":{"d":"\n\"\\"}}`, `{"b":1,"a":2}`, `{"a":1,"a":2}`,
		`{"a":01}`, `{"a":1.}`, `{"a":-}`, `{"a":1e}`, `{"a":"\/"}`, `{"a":"\b"}`, `{"a":"` + "\u2028" + `"}`, `{"a":"` + "\xff" + `"}`, `{"é":"ü"}`, `{"a" :1}`,
		`{"a":1,}`, `{"a":[1,]}`, `{"a":tru}`, `{"a"}`, `{"a":"b`, `{"a":"b\`, `{"\n":1}`, `{}x`, `[1]`, `{"a":1.5E-7}`, `{"":"","<&>":"<&>"}`,
		strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40),
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		clean := cleanObject(json.RawMessage(text))
		if long := rewriteObject(json.RawMessage(text)); string(long) != string(clean) || (long == nil) != (clean == nil) {
			t.Fatalf("%q becomes %q, though decoded and encoded again it is %q", text, clean, long)
		}
		if clean == nil {
			return
		}
		if !json.Valid(clean) || !utf8.Valid(clean) || strings.Contains(string(clean), "\x00") {
			t.Fatalf("%q becomes %q", text, clean)
		}
		if again := cleanObject(clean); string(again) != string(clean) {
			t.Fatalf("%q becomes %q, and then %q", text, clean, again)
		}
	})
}

func TestACleanObjectIsNotDecoded(t *testing.T) {
	text := json.RawMessage(`{"customer":"c-17","names":["é","line\nline"],"plan":{"seats":12,"trial":false}}`)
	if n := testing.AllocsPerRun(100, func() { cleanObject(text) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func TestTimesAndNumbersAreBounded(t *testing.T) {
	for at, want := range map[time.Time]time.Time{
		{}: earliest, time.Date(-44, 3, 15, 0, 0, 0, 0, time.UTC): earliest, time.Date(12_026, 1, 1, 0, 0, 0, 0, time.UTC): latest,
		time.Date(1969, 12, 31, 23, 59, 59, 999_999_999, time.UTC): time.Date(1969, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
	} {
		if got := cleanTime(at); !got.Equal(want) {
			t.Errorf("%v becomes %v, want %v", at, got, want)
		}
	}
	for _, c := range []struct {
		usd    float64
		priced bool
		want   float64
		still  bool
	}{
		{0.5, true, 0.5, true}, {0, true, 0, true}, {0.5, false, 0, false}, {math.NaN(), true, 0, false}, {math.Inf(-1), true, 0, false}, {1e13, true, 0, false},
	} {
		if usd, priced := cleanCost(c.usd, c.priced); usd != c.want || priced != c.still {
			t.Errorf("a cost of %v (%v) becomes %v (%v)", c.usd, c.priced, usd, priced)
		}
	}
}
