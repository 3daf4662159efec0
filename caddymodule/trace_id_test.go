package caddymodule

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestTraceIDsAreUUIDsThatSortByTime(t *testing.T) {
	begin, last := time.Now().Truncate(time.Millisecond), ""
	for range 10_000 {
		text := newTraceID()
		id, err := uuid.Parse(text)
		if err != nil || id.Version() != 7 || id.Variant() != uuid.RFC4122 {
			t.Fatalf("%s: version %s, variant %s, %v", text, id.Version(), id.Variant(), err)
		}
		if text <= last {
			t.Fatalf("%s does not come behind %s", text, last)
		}
		last = text
		sec, nsec := id.Time().UnixTime()
		if at := time.Unix(sec, nsec); at.Before(begin) || at.After(time.Now().Add(time.Second)) {
			t.Fatalf("%s is of %v, and it is %v", text, at, time.Now())
		}
	}
}
