package caddymodule

import "testing"

func TestDidYouMeanFindsTheNearestName(t *testing.T) {
	names := []string{"retries", "retry_on", "retry_budget", "timeout", "model"}
	for _, c := range []struct{ wrong, want string }{
		{"retrys", ` (did you mean "retries"?)`},
		{"retry-on", ` (did you mean "retry_on"?)`},
		{"TIMEOUT", ` (did you mean "timeout"?)`},
		{"tiemout", ` (did you mean "timeout"?)`},
		{"modle", ` (did you mean "model"?)`},
		{"mod", ""},
		{"colour", ""},
		{"", ""},
	} {
		if got := didYouMean(c.wrong, names); got != c.want {
			t.Errorf("%q: got %q, want %q", c.wrong, got, c.want)
		}
	}
	if got := didYouMean("x", nil); got != "" {
		t.Errorf("got %q of no names", got)
	}
}

func TestTyposCountsEdits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0},
		{"abc", "acb", 1}, {"abc", "ab", 1}, {"abc", "abcd", 1}, {"abc", "xbc", 1},
		{"ca", "abc", 3}, // no edit of what was swapped
		{"kitten", "sitting", 3},
	} {
		if got := typos(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: got %d, want %d", c.a, c.b, got, c.want)
		}
		if got := typos(c.b, c.a); got != c.want {
			t.Errorf("%q and %q: got %d, want %d", c.b, c.a, got, c.want)
		}
	}
}
