package record

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"strconv"
	"testing"
	"time"
)

func TestAValueIsItsJSON(t *testing.T) {
	for _, c := range []struct {
		json   string
		want   Value
		labels []string
	}{
		{`true`, Bool(true), []string{"true"}},
		{`false`, Bool(false), []string{"false"}},
		{`4.5`, Number(4.5), []string{"4.5"}},
		{`"good"`, Text("good"), []string{"good"}},
		{`""`, Text(""), []string{""}},
		{`["a","b"]`, List("a", "b"), []string{"a", "b"}},
		{`[]`, List(), nil},
	} {
		var v Value
		if err := json.Unmarshal([]byte(c.json), &v); err != nil {
			t.Errorf("%s: %v", c.json, err)
			continue
		}
		if v.Kind != c.want.Kind || v.Number != c.want.Number || len(v.Texts) != len(c.want.Texts) {
			t.Errorf("%s is %+v, want %+v", c.json, v, c.want)
		}
		if labels := v.Labels(); len(labels) != len(c.labels) || len(labels) > 0 && !reflect.DeepEqual(labels, c.labels) {
			t.Errorf("%s has the labels %q, want %q", c.json, labels, c.labels)
		}
		if text, err := json.Marshal(v); err != nil || string(text) != c.json {
			t.Errorf("%s becomes %s (%v)", c.json, text, err)
		}
	}
}

func TestWhatIsNoValueIsRefused(t *testing.T) {
	for _, text := range []string{`null`, `{}`, `[1]`, `["a",null]`, `[["a"]]`, `1e999`} {
		var v Value
		if err := json.Unmarshal([]byte(text), &v); err == nil {
			t.Errorf("%s is read as %+v", text, v)
		}
	}
	for _, n := range []float64{math.NaN(), math.Inf(1)} {
		if text, err := json.Marshal(Number(n)); err == nil {
			t.Errorf("%v is written as %s", n, text)
		}
	}
}

func TestMillisecondsKeepMicroseconds(t *testing.T) {
	for d, text := range map[time.Duration]string{
		0: "0", time.Microsecond: "0.001", 1234567 * time.Microsecond: "1234.567", time.Hour: "3600000",
	} {
		got, err := json.Marshal(Millis(d))
		if err != nil || string(got) != text {
			t.Errorf("%v is written as %s (%v), want %s", d, got, err, text)
		}
		var back Millis
		if err := json.Unmarshal(got, &back); err != nil || time.Duration(back) != d {
			t.Errorf("%s is read as %v (%v), want %v", got, time.Duration(back), err, d)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		us := random.Int64N(1<<random.IntN(50)+1) * []int64{1, -1}[random.IntN(2)]
		if got, want := string(FromMicros(us).AppendTo(nil)), strconv.FormatFloat(float64(us)/1000, 'f', -1, 64); got != want {
			t.Fatalf("%d microseconds are written as %s, want %s", us, got, want)
		}
	}
	if got := string(Millis(math.MinInt64).AppendTo(nil)); got != "-9223372036854.775" {
		t.Errorf("the least duration is written as %s", got)
	}
	for _, text := range []string{`"1"`, `NaN`, `1e300`} {
		var m Millis
		if err := m.UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%s is read as %v", text, time.Duration(m))
		}
	}
}
