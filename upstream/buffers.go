package upstream

import "sync"

const (
	// bufferSize is how much of a reply is read at a time.
	bufferSize = 32 << 10
	// keptBuffer is the largest buffer that is kept for the next reply.
	keptBuffer = 256 << 10
)

// buffers are those that replies are read into. They hold pointers, as putting a slice into
// a pool would allocate its header each time.
var buffers = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}

func getBuffer() *[]byte { return buffers.Get().(*[]byte) }

// putBuffer gives a buffer back. Nobody may use what is in it afterwards.
func putBuffer(b *[]byte) {
	if cap(*b) > keptBuffer || cap(*b) < bufferSize {
		return
	}
	*b = (*b)[:cap(*b)]
	buffers.Put(b)
}
