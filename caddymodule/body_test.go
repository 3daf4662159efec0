package caddymodule

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestABodyIsUsedAgainOnlyWhenNobodyHoldsIt(t *testing.T) {
	for _, length := range []int{0, 1, 4096, 4097, 1 << 20} {
		b := newBody(length)
		if len(b.bytes) != length {
			t.Fatalf("%d bytes, want %d", len(b.bytes), length)
		}
		letGo := b.hold()
		b.release()
		for range 10 { // the pool may hand it out to anybody
			if other := newBody(length); other == b {
				t.Fatal("a body that a request still reads is used again")
			}
		}
		letGo()
	}
}

func TestALongBodyTakesMemoryAsItComes(t *testing.T) {
	announced := int64(30 << 20)
	grown := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			if _, err := readLong(strings.NewReader("{}"), announced); !errors.Is(err, io.ErrUnexpectedEOF) {
				b.Fatal(err)
			}
		}
	}).AllocedBytesPerOp()
	if grown > 3*maxPooledBody {
		t.Errorf("2 bytes of %d take %d", announced, grown)
	}
	whole := strings.Repeat("x", 3<<20)
	if got, err := readLong(strings.NewReader(whole), int64(len(whole))); err != nil || string(got) != whole {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestReleasingGivesTheBufferBackWhole(t *testing.T) {
	b := newBody(5000)
	b.release()
	if cap(b.bytes) != 8192 || len(b.bytes) != 8192 {
		t.Errorf("%d of %d bytes", len(b.bytes), cap(b.bytes))
	}
}
