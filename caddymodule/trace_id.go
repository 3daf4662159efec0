package caddymodule

import (
	"bufio"
	"crypto/rand"
	"sync"
	"time"

	"github.com/google/uuid"
)

// randomness are readers of the system's random source, which hold some of it in advance: to ask
// for a few bytes at a time costs a call to the kernel each time.
var randomness = sync.Pool{New: func() any { return bufio.NewReaderSize(rand.Reader, 512) }}

// newTraceID returns a UUIDv7, which sorts by time (RFC 9562, section 5.7).
func newTraceID() string {
	random := randomness.Get().(*bufio.Reader)
	defer randomness.Put(random)
	id, err := uuid.NewV7FromReader(random)
	if err != nil {
		// The system's random source failed. uuid.New panics then, which is worse than an id
		// that is merely unique within this process's nanoseconds.
		id = uuid.NewSHA1(uuid.NameSpaceOID, []byte(time.Now().String()))
	}
	return id.String()
}
