package caddymodule

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestTraceIDsAreUUIDsThatSortByTime(t *testing.T) {
	begin := time.Date(2026, 2, 3, 4, 5, 6, 789_000_000, time.UTC)
	last := ""
	for i := range 3000 {
		at := begin.Add(time.Duration(i) * 300 * time.Nanosecond)
		text := traceIDAt(at)
		id, err := uuid.Parse(text)
		if err != nil || id.Version() != 7 || id.Variant() != uuid.RFC4122 {
			t.Fatalf("%s: version %s, variant %s, %v", text, id.Version(), id.Variant(), err)
		}
		if got, want := id.Time(), uuid.Time(at.Truncate(time.Millisecond).UnixNano()/100+0x01b21dd213814000); got != want {
			t.Fatalf("%s is of %d, want %d", text, got, want)
		}
		if text[:18] < last {
			t.Fatalf("%s comes before %s", text, last)
		}
		last = text[:18]
	}
}

func TestNoTwoTraceIDsAreTheSame(t *testing.T) {
	now, seen := time.Now(), make(map[string]bool)
	for range 10_000 {
		id := traceIDAt(now)
		if seen[id] {
			t.Fatalf("%s is there twice", id)
		}
		seen[id] = true
	}
}
