package failure

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxWait is the longest wait that is believed. A target that asks for more is as good as
// gone for the day.
const maxWait = 24 * time.Hour

// wait finds how long the provider asks to wait. The first of these that says something
// decides:
//
//   - retry-after-ms and x-ms-retry-after-ms, milliseconds (OpenAI, Azure);
//   - Retry-After, seconds or a date (RFC 9110, section 10.2.3), also with fractions;
//   - the JSON: Google's RetryInfo, OpenRouter's metadata.headers, Hugging Face's
//     estimated_time;
//   - the message, for rate limits and overload: "Please try again in 7.66s", which is all
//     that there is inside a stream;
//   - when the limits that a provider reports in its headers are renewed.
func (e *envelope) wait(class Class, h http.Header, now time.Time) time.Duration {
	for _, name := range []string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		if ms, ok := number(h.Get(name)); ok && ms >= 0 {
			return bounded(ms / 1000)
		}
	}
	if d, ok := parseWait(h.Get("Retry-After"), now); ok {
		return d
	}
	if d, ok := parseWait(e.hint, now); ok {
		return d
	}
	if class == RateLimit || class == Overloaded {
		if d, ok := waitInText(e.message); ok {
			return d
		}
	}
	return renewal(h, e.status, now)
}

// parseWait reads one value in any of the forms that providers use: seconds ("20", "0.5"),
// durations ("1s", "6m0s", "120ms", "2m59.56s"), dates of RFC 9110 and RFC 3339, and Unix
// times in seconds or milliseconds. It is false for what says nothing; a time that has
// passed is a wait of 0. A zero now cannot be compared with times.
func parseWait(s string, now time.Time) (time.Duration, bool) {
	s = strings.TrimSpace(s)
	if n, ok := number(s); ok {
		return seconds(n, now)
	}
	if d, err := time.ParseDuration(s); err == nil {
		return min(d, maxWait), d >= 0
	}
	t, err := http.ParseTime(s)
	if err != nil {
		t, err = time.Parse(time.RFC3339, s)
	}
	if err != nil {
		return 0, false
	}
	return until(t, now)
}

// Numbers from firstUnix on are Unix times in seconds, and from firstUnixMilli on in
// milliseconds: as waits they would be 30 years and more.
const (
	firstUnix      = 1e9
	firstUnixMilli = 1e11
	lastUnixMilli  = 1e14
)

func seconds(n float64, now time.Time) (time.Duration, bool) {
	switch {
	case n < 0:
		return 0, false
	case n >= firstUnixMilli && n < lastUnixMilli:
		return until(time.UnixMilli(int64(n)), now)
	case n >= firstUnix && n < firstUnixMilli:
		return until(time.Unix(int64(n), 0), now)
	}
	return bounded(n), true
}

func until(t, now time.Time) (time.Duration, bool) {
	return min(max(t.Sub(now), 0), maxWait), !now.IsZero()
}

// bounded turns seconds into a duration, without overflow.
func bounded(s float64) time.Duration {
	return time.Duration(min(s, maxWait.Seconds()) * float64(time.Second))
}

// number reads a decimal number: no infinity, no NaN, no hexadecimal.
func number(s string) (float64, bool) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 32 || strings.Trim(s, "0123456789.-") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil && !math.IsInf(n, 0)
}

// waitPhrases are what comes before a wait in a message: OpenAI and Groq ("Please try again in
// 2m59.56s"), Gemini ("Please retry in 36.429760048s."), Azure ("Please retry after 86400
// seconds.").
var waitPhrases = []string{"try again in ", "retry in ", "retry after "}

// waitInText finds how long a message asks to wait.
func waitInText(message string) (time.Duration, bool) {
	message = strings.ToLower(message[:min(len(message), maxText)])
	for _, phrase := range waitPhrases {
		_, rest, _ := strings.Cut(message, phrase)
		if d, ok := firstWait(rest); ok {
			return d, true
		}
	}
	return 0, false
}

// firstWait reads "7.66s. Visit…" as well as "20 seconds."
func firstWait(s string) (time.Duration, bool) {
	word, rest, _ := strings.Cut(s, " ")
	word = strings.TrimRight(word, ".,;)")
	if n, ok := number(word); ok {
		return inUnits(n, rest)
	}
	d, err := time.ParseDuration(word)
	return min(d, maxWait), err == nil && d >= 0
}

// units are the words for units of time, by how they begin.
var units = []struct {
	name    string
	seconds float64
}{{"sec", 1}, {"ms", 1e-3}, {"milli", 1e-3}, {"min", 60}, {"hour", 3600}, {"day", 86400}}

func inUnits(n float64, after string) (time.Duration, bool) {
	for _, u := range units {
		if n >= 0 && strings.HasPrefix(after, u.name) {
			return bounded(n * u.seconds), true
		}
	}
	return 0, false
}

// The headers with which providers report limits, in the form that net/http gives them:
// X-Ratelimit-Reset-Requests and -Tokens (OpenAI, Groq, Azure), with -Day and -Minute
// (Cerebras), X-Ratelimit-Reset (OpenRouter, Moonshot), and
// Anthropic-Ratelimit-Input-Tokens-Reset and so on
// (sources: https://platform.openai.com/docs/guides/rate-limits,
// https://console.groq.com/docs/rate-limits, https://docs.claude.com/en/api/rate-limits).
const (
	resetPrefix     = "X-Ratelimit-Reset"
	remainingPrefix = "X-Ratelimit-Remaining"
	anthropicPrefix = "Anthropic-Ratelimit-"
	resetSuffix     = "-Reset"
	remainingSuffix = "-Remaining"
)

// renewal finds when the limits in the headers are renewed. The longest of those that are
// used up counts, as all of them must be free again. A 429 that has none used up was for a
// request larger than what remains of one; which one it does not say, and the reset is when
// it is full again rather than when there is enough, so the shortest counts.
func renewal(h http.Header, status int, now time.Time) time.Duration {
	var exhausted, nearest time.Duration
	for name, values := range h {
		remaining := matching(name)
		if remaining == "" || len(values) == 0 {
			continue
		}
		d, ok := parseWait(values[0], now)
		if !ok || d == 0 {
			continue
		}
		if left, ok := number(h.Get(remaining)); ok && left <= 0 {
			exhausted = max(exhausted, d)
		}
		if nearest == 0 || d < nearest {
			nearest = d
		}
	}
	if exhausted == 0 && status == http.StatusTooManyRequests {
		return nearest
	}
	return exhausted
}

// matching returns the header that says how much of a limit remains, for the header that says
// when it is renewed, and "" for any other header.
func matching(name string) string {
	if limit, ok := strings.CutPrefix(name, resetPrefix); ok {
		return remainingPrefix + limit
	}
	if limit, ok := strings.CutPrefix(name, anthropicPrefix); ok {
		if limit, ok = strings.CutSuffix(limit, resetSuffix); ok {
			return anthropicPrefix + limit + remainingSuffix
		}
	}
	return ""
}
