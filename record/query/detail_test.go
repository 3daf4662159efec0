package query

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/record"
)

// detailRow has something in each member that is kept as detail.
func detailRow() *record.Row {
	ms := func(d time.Duration) record.Millis { return record.Millis(d) }
	return &record.Row{
		Rule: `client.plan == "pro" && a < b`, Requested: "gpt-5", ResponseModel: "größe-2026", Stream: true, Status: 200, FinishReason: "stop",
		Attempts: []record.Attempt{
			{Provider: "openai", Model: "a/b", Start: ms(0), Duration: ms(1500 * time.Microsecond), Status: 503, Verdict: llm.VerdictOK, ErrorCode: "upstream_unavailable", Error: "bad\n\x01\u2028<&>"},
			{Provider: "anthropic", Model: "m", Start: ms(2 * time.Hour), Duration: ms(time.Microsecond), Status: 0},
		},
		Continued: 2, Dropped: []string{"seed", `lo"gprobs`, ""},
		Usage:    record.Usage{InputAudio: 7, OutputAudio: 9_999_999_999, Known: true, Estimated: true},
		Upstream: ms(123456789 * time.Microsecond), Overhead: ms(999 * time.Microsecond),
		Context: []byte(`{"a":"<&>","n":1.50}`), Inputs: []byte(`{"q":"é\n"}`),
	}
}

// detailOf returns the detail that AppendDetail writes.
func detailOf(r *record.Row) detail {
	d := detail{
		Rule: r.Rule, Requested: r.Requested, ResponseModel: r.ResponseModel, Stream: r.Stream,
		Status: r.Status, FinishReason: r.FinishReason, Continued: r.Continued,
		Dropped: r.Dropped, InputAudio: r.InputAudio, OutputAudio: r.OutputAudio, Known: r.Known,
		Estimated: r.Estimated, Upstream: r.Upstream, Overhead: r.Overhead, Context: r.Context, Inputs: r.Inputs,
	}
	unlike := func(value, usual string) *string {
		if value == usual {
			return nil
		}
		return &value
	}
	for _, a := range r.Attempts {
		short := attempt{
			Provider: unlike(a.Provider, r.Provider), Model: unlike(a.Model, r.Model), Start: a.Start, Duration: a.Duration,
			Verdict: (*llm.Verdict)(unlike(string(a.Verdict), string(llm.VerdictOK))), ErrorCode: a.ErrorCode, Error: a.Error,
		}
		if a.Status != r.Status {
			short.Status = &a.Status
		}
		d.Attempts = append(d.Attempts, short)
	}
	return d
}

// reread returns what scanRow makes of a row's values, whose detail is detail.
func reread(t *testing.T, r *record.Row, detail string) *record.Row {
	t.Helper()
	values := AppendValues(nil, r)
	values[len(values)-1] = detail
	read, err := scanRow(func(into ...any) error {
		for i := range into {
			reflect.ValueOf(into[i]).Elem().Set(reflect.ValueOf(values[i]))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return read
}

func TestAttemptsAreReadAsTheyWere(t *testing.T) {
	r := detailRow()
	r.Time = time.UnixMicro(1).UTC()
	r.Provider, r.Model = "openai", "a/b"
	r.Attempts = append(r.Attempts,
		record.Attempt{Provider: "openai", Model: "a/b", Duration: record.MillisOf(time.Second), Status: 200, Verdict: llm.VerdictOK},
		record.Attempt{Provider: "", Model: "", Start: record.MillisOf(time.Millisecond), Status: 0, Verdict: ""})
	if got := reread(t, r, string(AppendDetail(nil, r))); !reflect.DeepEqual(got, r) {
		t.Errorf("\n got %+v\nwant %+v", got, r)
	}
	r.Attempts = r.Attempts[2:3]
	if text := string(AppendDetail(nil, r)); !strings.Contains(text, `"attempts":[{"duration_ms":1000}]`) {
		t.Errorf("what an attempt has alike with its row is written: %s", text)
	}
	// As it was written before what is alike was left out.
	r.Attempts = []record.Attempt{{Provider: "p", Model: "", Status: 0, Verdict: llm.VerdictOK}}
	whole := strings.Replace(string(AppendDetail(nil, r)), `{"provider":"p","model":"","duration_ms":0,"status":0}`,
		`{"provider":"p","model":"","start_ms":0,"duration_ms":0,"status":0,"verdict":"ok"}`, 1)
	if got := reread(t, r, whole); !strings.Contains(whole, "verdict") || !reflect.DeepEqual(got, r) {
		t.Errorf("%s\n got %+v\nwant %+v", whole, got, r)
	}
}

func TestDetailIsWrittenAsEncodingJSONWritesIt(t *testing.T) {
	rows := map[string]*record.Row{
		"everything":       detailRow(),
		"nothing":          {},
		"no attempts":      {Status: 400, Attempts: []record.Attempt{}, Dropped: []string{}},
		"alike":            {Provider: "p", Model: "m", Status: 200, Attempts: []record.Attempt{{Provider: "p", Model: "m", Status: 200, Verdict: llm.VerdictOK}}},
		"one empty member": {Attempts: []record.Attempt{{}}, Dropped: []string{""}},
		"broken text":      {Rule: "\xff", FinishReason: "\x7f\t\"\\"},
	}
	for name, r := range rows {
		want, err := EncodeJSON(detailOf(r))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(AppendDetail(nil, r)); got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
	}
}

func FuzzDetail(f *testing.F) {
	f.Add("rule", "a\u2029\\", int64(1500), int64(3))
	f.Add(strings.Repeat("é", 40), "\x00\xff", int64(-1), int64(0))
	f.Fuzz(func(t *testing.T, a, b string, duration, count int64) {
		r := detailRow()
		r.Rule, r.Dropped, r.Overhead, r.InputAudio = a, []string{b, a}, record.Millis(duration), count
		r.Attempts[0] = record.Attempt{Provider: b, Error: a, Start: record.Millis(duration), Status: int(count)}
		want, err := EncodeJSON(detailOf(r))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(AppendDetail(nil, r)); got != want {
			t.Fatalf("\n got %s\nwant %s", got, want)
		}
	})
}

func BenchmarkAppendValues(b *testing.B) {
	r := detailRow()
	values := make([]any, 0, len(Columns))
	b.ReportAllocs()
	for b.Loop() {
		values = AppendValues(values[:0], r)
	}
}
