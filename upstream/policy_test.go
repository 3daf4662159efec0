package upstream

import (
	"testing"
	"time"
)

// retryOn reads words that are right.
func retryOn(t *testing.T, words ...string) *RetryOn {
	t.Helper()
	on, err := ParseRetryOn(words)
	if err != nil {
		t.Fatal(err)
	}
	return &on
}

func TestWordsOfRetryOnMeanStatuses(t *testing.T) {
	for _, c := range []struct {
		words    []string
		yes, no  []int
		timeouts bool
		connects bool
	}{
		{nil, nil, []int{0, 200, 400, 429, 500, 599, 600}, false, false},
		{[]string{"429"}, []int{429}, []int{400, 428, 430, 500}, false, false},
		{[]string{"400", "599"}, []int{400, 599}, []int{401, 463, 464, 527, 528, 598}, false, false},
		{[]string{"4xx"}, []int{400, 429, 463, 464, 499}, []int{399, 500, 503}, false, false},
		{[]string{"5xx"}, []int{500, 503, 529, 599}, []int{499, 600, 655}, false, false},
		{[]string{"timeout"}, nil, []int{408, 504}, true, false},
		{[]string{"connect", "503", "503"}, []int{503}, []int{502}, false, true},
	} {
		on := retryOn(t, c.words...)
		for _, s := range c.yes {
			if !on.status(s) {
				t.Errorf("%v: not on %d", c.words, s)
			}
		}
		for _, s := range c.no {
			if on.status(s) {
				t.Errorf("%v: on %d", c.words, s)
			}
		}
		if on.timeout != c.timeouts || on.connect != c.connects {
			t.Errorf("%v: timeout %t, connect %t", c.words, on.timeout, on.connect)
		}
	}
}

func TestEveryStatusHasABitOfItsOwn(t *testing.T) {
	for s := firstStatus; s <= lastStatus; s++ {
		var on RetryOn
		on.addRange(s, s)
		for other := range 700 {
			if on.status(other) != (other == s) {
				t.Fatalf("retry on %d is on %d: %t", s, other, on.status(other))
			}
		}
	}
}

func TestUnknownWordsOfRetryOnAreRefused(t *testing.T) {
	for _, word := range []string{"", "399", "600", "200", "-429", "5XX", "3xx", "429 ", "reset", "4.5e2"} {
		on, err := ParseRetryOn([]string{"503", word})
		if err == nil || on != (RetryOn{}) {
			t.Errorf("%q: %v %v", word, on, err)
		}
	}
}

func TestTheDefaultsAreThoseOfTheDocumentation(t *testing.T) {
	want := Policy{
		Retries: 2, RetryOn: *retryOn(t, "408", "409", "425", "429", "5xx", "timeout", "connect"), Budget: 0.2,
		BackoffFirst: 250 * time.Millisecond, BackoffMost: 8 * time.Second,
		Timeout: 10 * time.Minute, FirstToken: time.Minute, Idle: time.Minute,
	}
	if got := DefaultPolicy(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
