package rules

import (
	"slices"
	"strings"
)

// didYouMean returns `; did you mean "x"?` for the known name that is nearest to a wrong
// one, or that alone begins with it; "" when there is none. It never says the wrong name.
func didYouMean(wrong string, known []string) string {
	best, distance := "", 1+max(1, len(wrong)/3)
	var longer []string
	for _, name := range slices.Sorted(slices.Values(known)) {
		if name == wrong {
			continue
		}
		if d := editDistance(strings.ToLower(wrong), strings.ToLower(name)); d < distance {
			best, distance = name, d
		}
		if len(wrong) >= 3 && strings.HasPrefix(strings.ToLower(name), strings.ToLower(wrong)) {
			longer = append(longer, name)
		}
	}
	if best == "" && len(longer) == 1 {
		best = longer[0]
	}
	if best == "" {
		return ""
	}
	return `; did you mean "` + best + `"?`
}

// editDistance counts the bytes to insert, delete, replace or swap with their neighbour to
// make b of a (the optimal string alignment distance).
func editDistance(a, b string) int {
	before, last, now := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		now[0] = i + 1
		for j := range len(b) {
			replace := last[j]
			if a[i] != b[j] {
				replace++
			}
			now[j+1] = min(replace, last[j+1]+1, now[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				now[j+1] = min(now[j+1], before[j-1]+1)
			}
		}
		before, last, now = last, now, before
	}
	return last[len(b)]
}
