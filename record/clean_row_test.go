package record

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
)

// cleanRow has something clean in every member.
func cleanRow() *Row {
	return &Row{
		TraceID: "id", Time: time.Date(2026, 5, 1, 0, 0, 0, 1000, time.UTC), Deployment: "d", Domain: "o", Variant: "v", Rule: "true",
		ConfigVersion: "c", ClientID: "web", Endpoint: llm.Chat, Requested: "m", Provider: "p", Model: "m", ResponseModel: "é",
		Outcome: llm.OutcomeOK, Status: 200, ErrorCode: "e", FinishReason: "stop",
		Attempts: []Attempt{{Provider: "p", Model: "m", Duration: MillisOf(time.Second), Verdict: llm.VerdictOK, ErrorCode: "e", Error: "x"}, {}},
		Dropped:  []string{"seed", ""}, Usage: Usage{Input: 1, Known: true}, CostUSD: 0.5, Priced: true,
		FirstToken: MillisOf(time.Millisecond), Duration: MillisOf(time.Second), Upstream: 0, Overhead: MillisOf(time.Microsecond),
		Metadata: []byte(`{"a":1}`), Context: []byte(`{}`), Inputs: []byte(`{"q":"é"}`), Bodies: &Bodies{Request: "r", Response: "s"},
	}
}

func TestACleanRowIsNotCopied(t *testing.T) {
	r := cleanRow()
	if n := testing.AllocsPerRun(100, func() {
		if r.clean() != r {
			t.Error("it is another row")
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func TestWhateverIsNotCleanInARowIsCleanInACopyOfIt(t *testing.T) {
	dirt := map[string]func(*Row){
		"time":                func(r *Row) { r.Time = r.Time.Add(time.Nanosecond) },
		"time zone":           func(r *Row) { r.Time = r.Time.In(time.FixedZone("east", 3600)) },
		"endpoint":            func(r *Row) { r.Endpoint = "\x00" },
		"outcome":             func(r *Row) { r.Outcome = "\xff" },
		"tokens":              func(r *Row) { r.Reasoning = -1 },
		"cost":                func(r *Row) { r.CostUSD = 1e13 },
		"cost without price":  func(r *Row) { r.Priced = false },
		"first token":         func(r *Row) { r.FirstToken = -1 },
		"overhead":            func(r *Row) { r.Overhead++ },
		"no attempts":         func(r *Row) { r.Attempts = nil },
		"attempt's verdict":   func(r *Row) { r.Attempts[1].Verdict = "\x00" },
		"attempt's start":     func(r *Row) { r.Attempts[1].Start = 1 },
		"attempt's error":     func(r *Row) { r.Attempts[0].Error = "\xff" },
		"nothing dropped":     func(r *Row) { r.Dropped = nil },
		"what is dropped":     func(r *Row) { r.Dropped[1] = "\x00" },
		"metadata":            func(r *Row) { r.Metadata = []byte(`{"b":1,"a":2}`) },
		"empty context":       func(r *Row) { r.Context = []byte{} },
		"inputs":              func(r *Row) { r.Inputs = []byte(`[]`) },
		"the request's body":  func(r *Row) { r.Bodies.Request = "\x00" },
		"the response's body": func(r *Row) { r.Bodies.Response = "\xff" },
	}
	row := reflect.TypeFor[Row]()
	for i := range row.NumField() {
		if row.Field(i).Type.Kind() == reflect.String {
			dirt[row.Field(i).Name] = func(r *Row) { reflect.ValueOf(r).Elem().Field(i).SetString("\x00") }
		}
	}
	for _, name := range []string{"TraceID", "Variant", "ErrorCode", "Endpoint"} {
		dirt["long "+name] = func(r *Row) { reflect.ValueOf(r).Elem().FieldByName(name).SetString(strings.Repeat("x", 300)) }
	}
	for name, soil := range dirt {
		r, same := cleanRow(), cleanRow()
		soil(r)
		soil(same)
		c := r.clean()
		if c == r {
			t.Errorf("%s: nothing is cleaned", name)
		}
		if !reflect.DeepEqual(r, same) {
			t.Errorf("%s: what was handed in has changed", name)
		}
		if again := c.clean(); again != c {
			t.Errorf("%s: what was cleaned is not clean", name)
		}
	}
}
