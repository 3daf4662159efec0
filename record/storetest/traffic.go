package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/record"
)

// Traffic makes rows as a gateway with a few deployments would, the same ones each time.
type Traffic struct {
	random *rand.Rand
	begin  time.Time
	gap    time.Duration
	n      int
	// Alike says that all rows have the same dimensions, as under a load test.
	Alike bool
}

// NewTraffic returns traffic whose first row is of begin; the others follow each other by gap.
func NewTraffic(begin time.Time, gap time.Duration) *Traffic {
	return &Traffic{random: rand.New(rand.NewPCG(1, 2)), begin: begin, gap: gap}
}

// Len returns how many rows have been made.
func (t *Traffic) Len() int { return t.n }

// Row makes the next row.
func (t *Traffic) Row() *record.Row {
	pick := func(from ...string) string {
		if t.Alike {
			return from[0]
		}
		return from[t.random.IntN(len(from))]
	}
	at := t.begin.Add(time.Duration(t.n) * t.gap)
	t.n++
	took := time.Duration((0.2 + t.random.ExpFloat64()) * float64(time.Second))
	r := &record.Row{
		TraceID: fmt.Sprintf("%08x-%04x-7000-8000-%012x", at.UnixMilli()>>16, at.UnixMilli()&0xffff, t.n), Time: at,
		Deployment: pick("support-reply", "summarize", "search"), Domain: "example.com", Variant: pick("A", "B", "cheap"),
		ConfigVersion: "0123456789abcdef", ClientID: pick("web", "app", "batch", "internal"), Endpoint: llm.Chat, Requested: "gpt-5",
		Provider: pick("openai", "anthropic"), Model: pick("large-2026-01-01", "small-2026-01-01"), ResponseModel: "large-2026-01-01",
		Stream: true, Outcome: llm.OutcomeOK, Status: 200, FinishReason: "stop",
		Usage:   record.Usage{Input: t.random.Int64N(3000), Output: t.random.Int64N(800), CachedInput: 100, Known: true},
		CostUSD: t.random.Float64() / 100, Priced: true, FirstToken: record.MillisOf(took / 4), Duration: record.MillisOf(took),
		Upstream: record.MillisOf(took - time.Millisecond), Overhead: record.MillisOf(time.Millisecond),
		Metadata: []byte(`{"customer":"c-` + strconv.Itoa(t.random.IntN(1000)) + `","plan":"pro"}`), Context: []byte(`{"tier":"enterprise"}`),
		Dropped:  []string{},
		Attempts: []record.Attempt{{Provider: "openai", Model: "large-2026-01-01", Duration: record.MillisOf(took), Status: 200, Verdict: llm.VerdictOK}},
	}
	if t.random.IntN(50) == 0 {
		r.Outcome, r.Status, r.ErrorCode = llm.OutcomeUpstreamError, 503, "upstream_unavailable"
	}
	return r
}

// Batch makes the next rows, with feedback for one in twenty.
func (t *Traffic) Batch(size int) *record.Batch {
	b := &record.Batch{}
	for range size {
		r := t.Row()
		b.Rows = append(b.Rows, r)
		if t.random.IntN(20) == 0 {
			b.Feedback = append(b.Feedback, &record.Feedback{
				TraceID: r.TraceID, Name: "rating", Value: record.Number(float64(1 + t.random.IntN(5))), Time: r.Time.Add(time.Minute),
			})
		}
	}
	return b
}

// BenchmarkWrite writes batches of size rows of traffic, one for each millisecond, whose request
// and response are body bytes each, and prints rows per second and what a row takes.
func BenchmarkWrite(b *testing.B, s record.Store, size, body int) {
	rows := NewTraffic(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Millisecond)
	text := strings.Repeat("lorem ipsum ", body/12)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		batch := rows.Batch(size)
		for _, r := range batch.Rows {
			if body > 0 {
				r.Bodies = &record.Bodies{Request: text, Response: text}
			}
		}
		b.StartTimer()
		if err := s.Write(context.Background(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(rows.n)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rows.n), "ns/row")
	report, err := s.Check(context.Background(), false)
	if err != nil || len(report.Problems) > 0 {
		b.Fatal(report, err)
	}
	b.ReportMetric(float64(report.Bytes)/float64(report.Rows), "bytes/row")
}
