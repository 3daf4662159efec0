package rapidseed

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestRandomTestsHaveTheSameInputsInEachRun(t *testing.T) {
	draw := func() (drawn []int) {
		rapid.Check(t, func(t *rapid.T) { drawn = append(drawn, rapid.Int().Draw(t, "n")) })
		return drawn
	}
	if first, second := draw(), draw(); !slices.Equal(first, second) {
		t.Errorf("drawn were %v and then %v", first, second)
	}
}
