package caddymodule

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// body is a request body in a buffer that is used again. Whoever may still read it holds it:
// the exchange, and each request to a provider until its transport has closed it, which may be
// after the provider has answered. The last to let go gives the buffer back.
type body struct {
	bytes   []byte
	holders atomic.Int32
}

// Buffers are kept by size, in powers of two from smallestBody to largestBody. What is larger
// is rare, and would keep too much memory.
const (
	smallestBody = 12 // 4 KiB
	largestBody  = 20 // 1 MiB
)

// maxPooledBody is the longest body for which a buffer is kept, in bytes.
const maxPooledBody = 1 << largestBody

var bodies [largestBody - smallestBody + 1]sync.Pool

// newBody returns a body of that length, held once. It is at most maxPooledBody.
func newBody(length int) *body {
	class := max(bits.Len(uint(max(length-1, 0))), smallestBody)
	b, ok := bodies[class-smallestBody].Get().(*body)
	if !ok {
		b = &body{bytes: make([]byte, 1<<class)}
	}
	b.bytes = b.bytes[:length]
	b.holders.Store(1)
	return b
}

// heldBody returns a body without bytes, held once, for one that brings its own.
func heldBody() *body {
	b := new(body)
	b.holders.Store(1)
	return b
}

// hold keeps the body from being used again until the function that it returns is called,
// once.
func (b *body) hold() func() {
	b.holders.Add(1)
	return b.release
}

func (b *body) release() {
	if b.holders.Add(-1) > 0 {
		return
	}
	size := cap(b.bytes)
	class := bits.Len(uint(size)) - 1
	if class < smallestBody || class > largestBody || size != 1<<class {
		return
	}
	b.bytes = b.bytes[:size]
	bodies[class-smallestBody].Put(b)
}
