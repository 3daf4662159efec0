package sqlite

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/record"
)

// traffic makes rows as a gateway with a few deployments would, spread over a month.
type traffic struct {
	random *rand.Rand
	begin  time.Time
	gap    time.Duration
	n      int
}

func newTraffic(begin time.Time, gap time.Duration) *traffic {
	return &traffic{random: rand.New(rand.NewPCG(1, 2)), begin: begin, gap: gap}
}

func (t *traffic) row() *record.Row {
	pick := func(from ...string) string { return from[t.random.IntN(len(from))] }
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
		CostUSD: t.random.Float64() / 100, Priced: true, FirstToken: record.Millis(took / 4), Duration: record.Millis(took),
		Upstream: record.Millis(took - time.Millisecond), Overhead: record.Millis(time.Millisecond),
		Metadata: []byte(`{"customer":"c-` + strconv.Itoa(t.random.IntN(1000)) + `","plan":"pro"}`), Context: []byte(`{"tier":"enterprise"}`),
		Attempts: []record.Attempt{{Provider: "openai", Model: "large-2026-01-01", Duration: record.Millis(took), Status: 200, Verdict: llm.VerdictOK}},
	}
	if t.random.IntN(50) == 0 {
		r.Outcome, r.Status, r.ErrorCode = llm.OutcomeUpstreamError, 503, "upstream_unavailable"
	}
	return r
}

func (t *traffic) batch(size int) *record.Batch {
	b := &record.Batch{}
	for range size {
		r := t.row()
		b.Rows = append(b.Rows, r)
		if t.random.IntN(20) == 0 {
			b.Feedback = append(b.Feedback, &record.Feedback{
				TraceID: r.TraceID, Name: "rating", Value: record.Number(float64(1 + t.random.IntN(5))), Time: r.Time.Add(time.Minute),
			})
		}
	}
	return b
}

// BenchmarkWrite writes batches, with feedback for one row in twenty. A row comes each
// millisecond.
func BenchmarkWrite(b *testing.B) {
	for _, c := range []struct {
		name       string
		rows, body int
	}{
		{"20 rows", 20, 0}, {"100 rows", 100, 0}, {"200 rows", 200, 0}, {"200 rows with bodies of 2 kB", 200, 1000},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := newStore(b)
			rows := newTraffic(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Millisecond)
			body := strings.Repeat("lorem ipsum ", c.body/12)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				batch := rows.batch(c.rows)
				for _, r := range batch.Rows {
					if c.body > 0 {
						r.Bodies = &record.Bodies{Request: body, Response: body}
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
		})
	}
}

// BenchmarkMonth asks about a month. MULLIGAN_BENCH_ROWS says of how many rows; two millions
// take minutes to write, so there are a hundred thousand without it.
func BenchmarkMonth(b *testing.B) {
	n := 100_000
	if text := os.Getenv("MULLIGAN_BENCH_ROWS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatalf("MULLIGAN_BENCH_ROWS: %v", err)
		}
	}
	const month = 30 * 24 * time.Hour
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := newStore(b)
	rows := newTraffic(begin, month/time.Duration(n))
	for rows.n < n {
		if err := s.Write(context.Background(), rows.batch(1000)); err != nil {
			b.Fatal(err)
		}
	}
	// The worst case of a month's borders: neither is that of a minute, hour or day.
	ragged := record.Filter{Since: begin.Add(13*time.Hour + 29*time.Minute + 31*time.Second), Until: begin.Add(month - 10*time.Hour - 29*time.Minute - 29*time.Second)}
	for _, c := range []struct {
		name string
		q    record.Question
	}{
		{"by variant", record.Question{By: []record.Dimension{record.ByVariant}}},
		{"by variant, ragged", record.Question{Filter: ragged, By: []record.Dimension{record.ByVariant}}},
		{"by day and model, ragged", record.Question{Filter: ragged, By: []record.Dimension{record.ByDay, record.ByModel}}},
		{"by hour, ragged", record.Question{Filter: ragged, By: []record.Dimension{record.ByHour}}},
		{"by client, from rows", record.Question{Filter: ragged, By: []record.Dimension{record.ByClient}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if answer, err := s.Stats(context.Background(), &c.q); err != nil || len(answer.Groups) == 0 {
					b.Fatal(answer, err)
				}
			}
		})
	}
	b.Run("list 50 of a variant", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.List(context.Background(), &record.Filter{Variants: []string{"B"}}, record.Page{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
