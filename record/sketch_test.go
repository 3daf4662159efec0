package record

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestQuantilesAreWithinOnePercent(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var exact []time.Duration
	parts := make([]Sketch, 7)
	for range 20_000 {
		d := time.Duration(random.ExpFloat64() * float64(800*time.Millisecond))
		exact = append(exact, d)
		parts[random.IntN(len(parts))].Add(Bucket(d), 1)
	}
	slices.Sort(exact)

	var whole Sketch
	for i := range parts[:3] {
		if err := whole.Merge(&parts[i]); err != nil {
			t.Fatal(err)
		}
	}
	for i := range parts[3:] {
		if err := whole.MergeEncoded(parts[3+i].AppendTo(nil)); err != nil {
			t.Fatal(err)
		}
	}
	if n := whole.Count(); n != 20_000 {
		t.Fatalf("counts %d durations", n)
	}
	q, err := whole.Quantiles()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		got  Millis
		rank float64
	}{{"p50", q.P50, .5}, {"p95", q.P95, .95}, {"p99", q.P99, .99}} {
		want := float64(exact[int(c.rank*float64(len(exact)-1))])
		if off := float64(c.got)/want - 1; off < -accuracy-1e-4 || off > accuracy+1e-4 {
			t.Errorf("%s is %v, which is off by %.2f %%", c.name, time.Duration(c.got), off*100)
		}
	}
}

func TestAnEmptySketchHasNoQuantiles(t *testing.T) {
	var s, other Sketch
	if err := s.Merge(&other); err != nil {
		t.Fatal(err)
	}
	if err := s.MergeEncoded(other.AppendTo(nil)); err != nil {
		t.Fatal(err)
	}
	if q, err := s.Quantiles(); q != nil || err != nil {
		t.Errorf("got %v, %v", q, err)
	}
	if err := s.MergeEncoded([]byte("damaged")); err == nil {
		t.Error("damage is read as a sketch")
	}
}

func TestDurationsTooShortToMeasureCountAsAMicrosecond(t *testing.T) {
	if Bucket(-time.Second) != Bucket(time.Microsecond) || Bucket(0) != Bucket(time.Microsecond) {
		t.Error("a duration below a microsecond has a bucket of its own")
	}
}

func TestWhatIsTakenAwayIsGone(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var s, kept Sketch
	var taken []int
	for range 2000 {
		bucket := Bucket(time.Duration(random.ExpFloat64() * float64(time.Second)))
		s.Add(bucket, 1)
		if random.IntN(2) == 0 {
			taken = append(taken, bucket)
		} else {
			kept.Add(bucket, 1)
		}
	}
	for _, bucket := range taken {
		s.Add(bucket, -1)
	}
	var stored Sketch
	if err := stored.MergeEncoded(s.AppendTo(nil)); err != nil {
		t.Fatal(err)
	}
	if !stored.Equal(&kept) || stored.Count() != kept.Count() {
		t.Error("what is left is not what was kept")
	}
	got, err := stored.Quantiles()
	if err != nil {
		t.Fatal(err)
	}
	if want, err := kept.Quantiles(); err != nil || *got != *want {
		t.Errorf("has the quantiles %v, want %v (%v)", got, want, err)
	}
	kept.Add(1, 1)
	if stored.Equal(&kept) {
		t.Error("different distributions are equal")
	}
}
