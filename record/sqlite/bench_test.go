package sqlite

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/storetest"
)

func BenchmarkWrite(b *testing.B) {
	for _, c := range []struct {
		name       string
		rows, body int
	}{
		{"20 rows", 20, 0}, {"100 rows", 100, 0}, {"200 rows", 200, 0}, {"500 rows", 500, 0}, {"200 rows with bodies of 2 kB", 200, 1000},
	} {
		b.Run(c.name, func(b *testing.B) {
			storetest.BenchmarkWrite(b, newStore(b), c.rows, c.body)
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
	rows := storetest.NewTraffic(begin, month/time.Duration(n))
	for rows.Len() < n {
		if err := s.Write(context.Background(), rows.Batch(1000)); err != nil {
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
