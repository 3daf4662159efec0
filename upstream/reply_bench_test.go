package upstream

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/mulligan-gateway/mulligan/llm"
)

// A stream of a hundred events as a reply passes it on, from the first event to what goes to the
// client: an event with each read, or as many as there is room for. Sockets are left out.
func BenchmarkPassedStreamOf100(b *testing.B) {
	single := sse(vendorStreams["chat"].events())
	whole := bytes.Join(single, nil)
	for name, c := range map[string]struct {
		open      func() io.Reader
		hideUsage bool
	}{
		"slow":                {func() io.Reader { return &arriving{all: single} }, false},
		"burst":               {func() io.Reader { return bytes.NewReader(whole) }, false},
		"burst, usage hidden": {func() io.Reader { return bytes.NewReader(whole) }, true},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := Reply{Stream: true, attempt: &attempt{}, watcher: newWatcher(llm.Chat, c.hideUsage), events: newEvents(c.open())}
				for {
					if _, err := r.Next(); err != nil {
						if !errors.Is(err, io.EOF) {
							b.Fatal(err)
						}
						break
					}
				}
				r.events.release()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*100), "ns/event")
		})
	}
}
