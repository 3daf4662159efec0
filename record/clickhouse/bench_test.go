package clickhouse

import (
	"fmt"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/internal/dbserver"
	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/record"
)

func benchRow(i int, t time.Time) *record.Row {
	return &record.Row{TraceID: fmt.Sprintf("%032d", i), Time: t, Deployment: "support-reply", Domain: "care", Variant: fmt.Sprint("v", i%3), ConfigVersion: "abcdef", Endpoint: llm.Chat,
		Requested: "deployment/support-reply", Provider: "openai", Model: "gpt-5-mini", Outcome: llm.OutcomeOK, Status: 200, Duration: record.Millis(time.Duration(i%1000) * time.Millisecond),
		FirstToken: record.Millis(time.Millisecond), Metadata: []byte(`{"team":"ml","user":"u1"}`), Context: []byte(`{"tier":"enterprise"}`), Usage: record.Usage{Input: 100, Output: 200, Known: true}, CostUSD: 0.0001, Priced: true,
		Attempts: []record.Attempt{{Provider: "openai", Model: "gpt-5-mini", Status: 200, Verdict: llm.VerdictOK, Duration: record.Millis(time.Second)}}}
}

// BenchmarkWrite prints rows per second.
func BenchmarkWrite(b *testing.B) {
	_, url := dbserver.ClickHouse(b)
	s, err := Open(b.Context(), Options{URL: url})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const size = 20000
	now, n := time.Now(), 0
	for b.Loop() {
		batch := &record.Batch{}
		for range size {
			n++
			batch.Rows = append(batch.Rows, benchRow(n, now.Add(time.Duration(n)*time.Millisecond/20)))
		}
		if err := s.Write(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
}
