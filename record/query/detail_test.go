package query

import (
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

func TestDetailIsWrittenAsEncodingJSONWritesIt(t *testing.T) {
	rows := map[string]*record.Row{
		"everything":       detailRow(),
		"nothing":          {},
		"no attempts":      {Status: 400, Attempts: []record.Attempt{}, Dropped: []string{}},
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
