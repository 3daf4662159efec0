package caddymodule

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"io"
	"sync"
	"time"

	"github.com/google/uuid"
)

// randomness are readers of the system's random source, which hold some of it in advance: to ask
// for a few bytes at a time costs a call to the kernel each time.
var randomness = sync.Pool{New: func() any { return &randomID{source: bufio.NewReaderSize(rand.Reader, 512)} }}

// randomID reads random ids. The id is here so that it is not allocated each time.
type randomID struct {
	source *bufio.Reader
	id     uuid.UUID
}

// newTraceID returns a UUIDv7, which sorts by time (RFC 9562, section 5.7).
func newTraceID() string { return traceIDAt(time.Now()) }

// traceIDAt returns a UUIDv7 of a time. Those of one millisecond sort by its 4096th parts
// (section 6.2, method 3).
func traceIDAt(now time.Time) string {
	random := randomness.Get().(*randomID)
	defer randomness.Put(random)
	id := &random.id
	if _, err := io.ReadFull(random.source, id[8:]); err != nil {
		// The system's random source failed. A panic is worse than an id that is merely unique
		// within this process's nanoseconds.
		return uuid.NewSHA1(uuid.NameSpaceOID, []byte(now.String())).String()
	}
	nanos := now.UnixNano()
	milli, rest := nanos/int64(time.Millisecond), nanos%int64(time.Millisecond)
	part := rest * 4096 / int64(time.Millisecond)
	binary.BigEndian.PutUint64(id[:8], uint64(milli)<<16|7<<12|uint64(part)) //nolint:gosec // the time is behind 1970
	id[8] = id[8]&0x3f | 0x80                                                // the variant
	return id.String()
}
