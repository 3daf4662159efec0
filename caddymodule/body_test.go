package caddymodule

import "testing"

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

func TestLargeBodiesAreNotKept(t *testing.T) {
	b := newBody(1<<20 + 1)
	b.release()
	if other := newBody(1<<20 + 1); other == b || cap(other.bytes) != 1<<20+1 {
		t.Errorf("it is kept, or has %d bytes", cap(other.bytes))
	}
}

func TestReleasingGivesTheBufferBackWhole(t *testing.T) {
	b := newBody(5000)
	b.release()
	if cap(b.bytes) != 8192 || len(b.bytes) != 8192 {
		t.Errorf("%d of %d bytes", len(b.bytes), cap(b.bytes))
	}
}
