//go:build unix

package sqlite

import (
	"context"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/storetest"
)

// BenchmarkRecorder adds rows to a recorder that writes them to a file, as a gateway does: queue,
// writer and store together. It reports the CPU time of the whole process for each row, with that
// of the garbage collector, which is what a gateway pays; making the row is included.
func BenchmarkRecorder(b *testing.B) {
	for _, c := range []struct {
		name  string
		burst int // how many rows come before the store has to catch up
		alike bool
	}{{"bursts of 500 alike", 500, true}, {"bursts of 500", 500, false}, {"bursts of 50 alike", 50, true}} {
		b.Run(c.name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "records.db")
			r, err := record.NewRecorder(record.Options{
				Open: func(ctx context.Context) (record.Store, error) { return Open(ctx, Options{Path: path}) },
				Count: func(result record.Result, n int) {
					if result != record.ResultStored {
						b.Errorf("%d rows are %s", n, result)
					}
				},
			})
			if err != nil {
				b.Fatal(err)
			}
			r.Start()
			flush := func() {
				if err := r.Flush(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
			flush()
			rows := storetest.NewTraffic(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Millisecond)
			rows.Alike = c.alike
			before := processCPU(b)
			b.ReportAllocs()
			for b.Loop() {
				r.Add(rows.Row())
				if rows.Len()%c.burst == 0 {
					flush()
				}
			}
			flush()
			b.ReportMetric(float64((processCPU(b)-before).Nanoseconds())/float64(rows.Len()), "cpu-ns/row")
			if err := r.Close(context.Background()); err != nil {
				b.Error(err)
			}
		})
	}
}

// processCPU returns the CPU time that this process has used, user and system together.
func processCPU(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
