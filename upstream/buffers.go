package upstream

import "sync"

const (
	// bufferSize is how much of a reply is read at a time.
	bufferSize = 32 << 10
	// streamBufferSize is the same of a stream, of which there may be thousands at a time that
	// wait most of it, until it is seen to come in bursts. An event is mostly much smaller.
	streamBufferSize = 8 << 10
	// keptBuffer is the largest buffer that is kept for the next reply.
	keptBuffer = 256 << 10
)

// buffers are those that replies are read into, and streamBuffers those for streams. They hold
// pointers, as putting a slice into a pool would allocate its header each time.
var (
	buffers       = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}
	streamBuffers = sync.Pool{New: func() any { b := make([]byte, streamBufferSize); return &b }}
)

func getBuffer(stream bool) *[]byte {
	if stream {
		return streamBuffers.Get().(*[]byte)
	}
	return buffers.Get().(*[]byte)
}

// putBuffer gives a buffer back. Nobody may use what is in it afterwards.
func putBuffer(b *[]byte) {
	*b = (*b)[:cap(*b)]
	switch n := len(*b); {
	case n == streamBufferSize:
		streamBuffers.Put(b)
	case n >= bufferSize && n <= keptBuffer:
		buffers.Put(b)
	}
}
