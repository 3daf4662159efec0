package failure

import (
	"net/http"
	"testing"
	"time"
)

func TestWaitReadsEveryFormOfHeader(t *testing.T) {
	const ms, s, m, h = time.Millisecond, time.Second, time.Minute, time.Hour
	for _, tt := range []struct {
		name   string
		status int
		header http.Header
		want   time.Duration
	}{
		{"none", 429, nil, 0},
		{"seconds", 429, header("Retry-After", "20"), 20 * s},
		{"seconds of any status", 503, header("Retry-After", " 20 "), 20 * s},
		{"fraction", 429, header("Retry-After", "0.5"), 500 * ms},
		{"zero", 429, header("Retry-After", "0", "X-Ratelimit-Reset-Requests", "1s"), 0},
		{"negative", 429, header("Retry-After", "-5"), 0},
		{"infinite", 429, header("Retry-After", "Inf"), 0},
		{"not a number", 429, header("Retry-After", "NaN"), 0},
		{"hexadecimal", 429, header("Retry-After", "0x10"), 0},
		{"garbage", 429, header("Retry-After", "soon"), 0},
		{"garbage, then another hint", 429, header("Retry-After", "soon", "X-Ratelimit-Reset-Requests", "1s"), s},
		{"two days", 429, header("Retry-After", "172800"), 24 * h},
		{"very large", 429, header("Retry-After", "99999999999999999999999"), 24 * h},
		{"date", 429, header("Retry-After", "Tue, 01 Sep 2026 12:01:30 GMT"), 90 * s},
		{"date of RFC 850", 429, header("Retry-After", "Tuesday, 01-Sep-26 12:01:30 GMT"), 90 * s},
		{"date that has passed", 429, header("Retry-After", "Tue, 01 Sep 2026 11:00:00 GMT"), 0},
		{"date next year", 429, header("Retry-After", "Wed, 01 Sep 2027 12:00:00 GMT"), 24 * h},
		{"milliseconds", 429, header("Retry-After-Ms", "1500", "Retry-After", "2"), 1500 * ms},
		{"milliseconds of Azure", 429, header("X-Ms-Retry-After-Ms", "250"), 250 * ms},
		{"negative milliseconds", 429, header("Retry-After-Ms", "-1", "Retry-After", "2"), 2 * s},

		{"openai requests", 429, header("X-Ratelimit-Remaining-Requests", "0", "X-Ratelimit-Reset-Requests", "1s", "X-Ratelimit-Remaining-Tokens", "900", "X-Ratelimit-Reset-Tokens", "6m0s"), s},
		{"openai tokens", 429, header("X-Ratelimit-Remaining-Requests", "59", "X-Ratelimit-Reset-Requests", "1s", "X-Ratelimit-Remaining-Tokens", "0", "X-Ratelimit-Reset-Tokens", "6m0s"), 6 * m},
		{"openai both used up", 429, header("X-Ratelimit-Remaining-Requests", "0", "X-Ratelimit-Reset-Requests", "120ms", "X-Ratelimit-Remaining-Tokens", "0", "X-Ratelimit-Reset-Tokens", "6m0s"), 6 * m},
		{"openai neither used up", 429, header("X-Ratelimit-Remaining-Requests", "59", "X-Ratelimit-Reset-Requests", "120ms", "X-Ratelimit-Remaining-Tokens", "900", "X-Ratelimit-Reset-Tokens", "6m0s"), 120 * ms},
		{"neither used up and not a 429", 500, header("X-Ratelimit-Remaining-Requests", "59", "X-Ratelimit-Reset-Requests", "120ms"), 0},
		{"used up and not a 429", 500, header("X-Ratelimit-Remaining-Requests", "0", "X-Ratelimit-Reset-Requests", "120ms"), 120 * ms},
		{"nothing remaining is said", 429, header("X-Ratelimit-Reset-Tokens", "7.66"), 7660 * ms},
		{"groq", 429, header("X-Ratelimit-Remaining-Requests", "0", "X-Ratelimit-Reset-Requests", "2m59.56s"), 2*m + 59560*ms},
		{"cerebras", 429, header("X-Ratelimit-Remaining-Tokens-Minute", "0", "X-Ratelimit-Reset-Tokens-Minute", "33.0112"), 33*s + 11200*time.Microsecond},
		{"unix seconds", 429, header("X-Ratelimit-Reset", "1788264030"), 30 * s},
		{"unix milliseconds", 429, header("X-Ratelimit-Reset", "1788264030500"), 30500 * ms},
		{"unix time that has passed", 429, header("X-Ratelimit-Reset", "1700000000"), 0},
		{"anthropic", 429, header("Anthropic-Ratelimit-Input-Tokens-Remaining", "0", "Anthropic-Ratelimit-Input-Tokens-Reset", "2026-09-01T12:00:45Z",
			"Anthropic-Ratelimit-Requests-Remaining", "10", "Anthropic-Ratelimit-Requests-Reset", "2026-09-01T12:00:01Z"), 45 * s},
		{"anthropic with an offset", 429, header("Anthropic-Ratelimit-Requests-Reset", "2026-09-01T14:00:01+02:00"), s},
		{"retry-after before limits", 429, header("Retry-After", "3", "X-Ratelimit-Remaining-Tokens", "0", "X-Ratelimit-Reset-Tokens", "6m0s"), 3 * s},
		{"garbage of limits", 429, header("X-Ratelimit-Reset-Tokens", "-1s", "X-Ratelimit-Reset-Requests", "later"), 0},
		{"a day and more", 429, header("X-Ratelimit-Reset-Tokens", "9999h"), 24 * h},
	} {
		if got := Wait(tt.status, tt.header, nil, noon); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestWaitReadsBodies(t *testing.T) {
	for _, tt := range []struct {
		body string
		want time.Duration
	}{
		{`{"error":{"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.4s"}]}}`, 34400 * time.Millisecond},
		{`[{"error":{"details":[{"retryDelay":"36s"}]}}]`, 36 * time.Second},
		{`{"error":{"details":[{"retryDelay":"-1s"}]}}`, 0},
		{`{"error":{"details":[{"retryDelay":{"seconds":3}}]}}`, 0},
		{`{"error":{"details":"none"}}`, 0},
		{`{"error":"loading","estimated_time":20.5}`, 20500 * time.Millisecond},
		{`{"error":"loading","estimated_time":1e999}`, 0},
		{`{"error":{"message":"Please try again in 2m59.56s. Visit https://example.com."}}`, 2*time.Minute + 59560*time.Millisecond},
		{`{"error":{"message":"Please try again in 864ms."}}`, 864 * time.Millisecond},
		{`{"error":{"message":"Please retry in 36.429760048s."}}`, 36429760048 * time.Nanosecond},
		{`{"error":{"message":"Please retry after 86400 seconds."}}`, 24 * time.Hour},
		{`{"error":{"message":"Try again in 1 minute"}}`, time.Minute},
		{`{"error":{"message":"Try again in 2 hours"}}`, 2 * time.Hour},
		{`{"error":{"message":"Please retry in a moment. Please retry after 5 seconds"}}`, 5 * time.Second},
		{`{"error":{"message":"Please try again in 20 requests"}}`, 0},
		{`{"error":{"message":"Please try again in "}}`, 0},
		{`{"error":{"message":"Please try again in -5s"}}`, 0},
	} {
		if got := Wait(429, nil, []byte(tt.body), noon); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.body, got, tt.want)
		}
	}
}

func TestTimesAreNoWaitsWithoutAClock(t *testing.T) {
	if got := Wait(429, header("Retry-After", "Tue, 01 Sep 2026 12:01:30 GMT"), nil, time.Time{}); got != 0 {
		t.Errorf("got %s", got)
	}
}
