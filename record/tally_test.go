package record

import (
	"fmt"
	"math"
	"reflect"
	"testing"
)

// The percentiles are those of printed tables
// (source: https://www.itl.nist.gov/div898/handbook/eda/section3/eda3672.htm).
func TestStudentsPercentilesAreThoseOfTheTables(t *testing.T) {
	for df, want := range map[float64]float64{1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 7: 2.365, 10: 2.228, 15: 2.131, 30: 2.042, 60: 2.000, 100: 1.984, 1e6: 1.960} {
		if got := student95(df); math.Abs(got/want-1) > 0.003 || df >= 15 && math.Abs(got-want) > 0.0006 {
			t.Errorf("with %v degrees of freedom it is %.4f, want %.3f", df, got, want)
		}
	}
}

func TestNumbersHaveStudentsInterval(t *testing.T) {
	var tally FeedbackTally
	for _, n := range []float64{2, 4, 4, 4, 5, 5, 7, 9} { // mean 5, standard deviation √(32/7)
		tally.Add("rating", Number(n), 1)
	}
	s := tally.Stats()[0]
	if half := 2.365 * math.Sqrt(32.0/7/8); s.Count != 8 || *s.Mean != 5 || math.Abs(*s.Low-(5-half)) > 0.005 || math.Abs(*s.High-(5+half)) > 0.005 {
		t.Errorf("got %v in [%v, %v], want 5 ± %v", *s.Mean, *s.Low, *s.High, half)
	}
}

func TestBooleansHaveWilsonsInterval(t *testing.T) {
	for _, c := range []struct {
		yes, no         int64
		mean, low, high float64
	}{
		{8, 2, 0.8, 0.4902, 0.9433},
		{0, 10, 0, 0, 0.2775},
		{10, 0, 1, 0.7225, 1},
	} {
		var tally FeedbackTally
		tally.Add("thumb", Bool(true), c.yes)
		tally.Add("thumb", Bool(false), c.no)
		s := tally.Stats()[0]
		if math.Abs(*s.Mean-c.mean) > 1e-9 || math.Abs(*s.Low-c.low) > 1e-3 || math.Abs(*s.High-c.high) > 1e-3 {
			t.Errorf("%d of %d: got %v in [%v, %v], want %+v", c.yes, c.yes+c.no, *s.Mean, *s.Low, *s.High, c)
		}
	}
}

func TestWhatHasNoMeanHasNone(t *testing.T) {
	var tally FeedbackTally
	tally.Add("text", Text("good"), 3)
	tally.Add("text", List("good", "fast"), 2)
	tally.Add("text", List(), 1)
	tally.Add("one", Number(4), 1)
	tally.Add("huge", Number(1e308), 1)
	tally.Add("huge", Number(-1e308), 1)
	got := tally.Stats()
	if len(got) != 3 || got[0].Name != "huge" || got[1].Name != "one" || got[2].Name != "text" {
		t.Fatalf("got %+v", got)
	}
	if got[0].Low != nil || got[0].High != nil || *got[0].Mean != 0 {
		t.Errorf("numbers that are too large to square: %+v", got[0])
	}
	if *got[1].Mean != 4 || got[1].Low != nil || got[1].High != nil {
		t.Errorf("one number: %+v", got[1])
	}
	if got[2].Mean != nil || got[2].Count != 6 || !reflect.DeepEqual(got[2].Labels, []LabelCount{{"good", 5}, {"fast", 2}}) {
		t.Errorf("texts: %+v", got[2])
	}
}

func TestTheMostFrequentLabelsAreReported(t *testing.T) {
	var tally FeedbackTally
	for i := range 30 {
		tally.Add("tag", Text(fmt.Sprintf("%02d", i)), int64(1+i/10))
	}
	labels := tally.Stats()[0].Labels
	if len(labels) != 20 || labels[0] != (LabelCount{"20", 3}) || labels[19] != (LabelCount{"19", 2}) {
		t.Errorf("got %v", labels)
	}
}
