package failure

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// seeds are bodies of every envelope, cut short in places.
var seeds = []string{
	``, `{}`, `[]`, `null`, `"text"`, "plain text", "<html>page</html>", "\xef\xbb\xbf{\"error\":1}",
	`{"error":{"message":"prompt is too long","type":"invalid_request_error","param":"input","code":"context_length_exceeded"}}`,
	`{"type":"error","error":{"type":"rate_limit_error","message":"no","details":{"error_code":"enforced_spend_limit_reached"}}}`,
	`[{"error":{"code":429,"message":"a\nb","status":"RESOURCE_EXHAUSTED","details":[{"reason":"X"},{"retryDelay":"34.4s"}]}}]`,
	`{"error":{"code":429,"message":"Provider returned error","metadata":{"raw":"{\"error\":{\"message\":\"no\"}}","headers":{"X-RateLimit-Reset":"1788264090000"}}}}`,
	`{"detail":[{"loc":["body","messages",0],"msg":"Field required","type":"missing"}]}`,
	`{"object":"error","message":{"detail":[{"msg":"no"}]},"type":"invalid_request_error"}`,
	`{"code":"invalid-argument","error":"Incorrect API key provided"}`,
	`{"error":"loading","estimated_time":20.5}`, `{"__type":"a#B","Message":"no"}`,
	`{"type":"response.failed","response":{"error":{"code":"server_error","message":"Please try again in 7.66s"}}}`,
	`{"choices":[{"error":{"code":502,"message":"<!DOCTYPE html>"}}]}`, `{"error":{"message":"{\"error\":{\"message\":\"in`,
}

func FuzzRead(f *testing.F) {
	for i, seed := range seeds {
		f.Add(400+i*9, "UnrecognizedClientException:http://example.com", []byte(seed))
	}
	f.Fuzz(func(t *testing.T, status int, kind string, body []byte) {
		h := http.Header{"X-Amzn-Errortype": {kind}, "Retry-After": {kind}}
		got := Read(status, h, body, noon)
		check(t, got)
		if status >= 400 && got.Status != status {
			t.Errorf("the status %d became %d", status, got.Status)
		}
		if again := Read(status, h, body, noon); again != got {
			t.Errorf("read once as %+v, once as %+v", got, again)
		}
		check(t, ReadException(kind, body))
		if event, ok := ReadEvent(body); ok {
			check(t, event)
		} else if event != (Failure{}) {
			t.Errorf("no error, and %+v", event)
		}
	})
}

// check checks what holds for every failure.
func check(t *testing.T, f Failure) {
	t.Helper()
	if !inSet(f.Class) {
		t.Errorf("class %q", f.Class)
	}
	if f.Wait < 0 || f.Wait > maxWait {
		t.Errorf("wait %s", f.Wait)
	}
	if f.Message == "" || len(f.Message) > maxMessage || max(len(f.Code), len(f.Type), len(f.Param)) > maxWord {
		t.Errorf("lengths of %+v", f)
	}
	for _, s := range []string{f.Message, f.Code, f.Type, f.Param} {
		if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
			t.Errorf("unclean text %q", s)
		}
	}
	lower := strings.ToLower(f.Message)
	if strings.Contains(lower, "<html") || strings.Contains(lower, "<!doctype") || strings.Contains(lower, "<script") {
		t.Errorf("markup in %q", f.Message)
	}
	e := f.Error()
	if e.Status < 400 || e.Type == "" || e.Message == "" {
		t.Errorf("the client is told %+v", e)
	}
	if !gjson.ValidBytes(e.AppendJSON(nil)) {
		t.Errorf("not JSON: %s", e.AppendJSON(nil))
	}
}

func FuzzWait(f *testing.F) {
	for i, value := range []string{"20", "0.5", "-1", "NaN", "1e400", "0x1p9", "Tue, 01 Sep 2026 12:01:30 GMT", "2m59.56s", "2026-09-01T12:00:45Z", "1788264030500", "999999999h", "soon"} {
		f.Add(429, value, "0", []byte(seeds[i]), int64(1788264000))
	}
	names := []string{
		"Retry-After", "Retry-After-Ms", "X-Ratelimit-Reset", "X-Ratelimit-Reset-Requests", "Anthropic-Ratelimit-Tokens-Reset",
	}
	f.Fuzz(func(t *testing.T, status int, value, remaining string, body []byte, unix int64) {
		for _, name := range names {
			h := http.Header{name: {value}}
			if limit := matching(name); limit != "" {
				h[limit] = []string{remaining}
			}
			for _, now := range []time.Time{noon, time.Unix(unix, 0), {}} {
				if d := Wait(status, h, body, now); d < 0 || d > maxWait {
					t.Errorf("%s: %q at %s is %s", name, value, now, d)
				}
			}
		}
	})
}
