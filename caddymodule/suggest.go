package caddymodule

import (
	"fmt"
	"slices"
	"strings"
)

// didYouMean returns ` (did you mean "x"?)` for the candidate that is most like name, to
// be put behind an error about name, or "" when none is like it.
func didYouMean(name string, candidates []string) string {
	best, distance := "", maxTypos(name)+1
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		if d := typos(strings.ToLower(name), strings.ToLower(c)); d < distance {
			best, distance = c, d
		}
	}
	if best == "" || best == name {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// maxTypos is how many typing errors still make a name like another: one in three letters.
func maxTypos(name string) int { return max(1, min(len(name)/3, 4)) }

// typos returns the optimal string alignment distance of two names: how many characters
// must be inserted, deleted, replaced or swapped with their neighbour to make one of the
// other, none of them twice.
func typos(a, b string) int {
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			replace := row[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			next[j] = min(replace, row[j]+1, next[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}

// list returns names as people write them: a, b and c.
func list(names []string) string {
	switch len(names) {
	case 0:
		return "none"
	case 1:
		return names[0]
	default:
		last := len(names) - 1
		return strings.Join(names[:last], ", ") + " and " + names[last]
	}
}
