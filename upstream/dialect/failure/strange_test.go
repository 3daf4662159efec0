package failure

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestReadFallsBackToTheStatus(t *testing.T) {
	readAll(t, []readTest{
		{
			"html", 502, nil, "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>the model is overloaded</body></html>",
			Failure{Class: Server, Message: "Bad Gateway"},
		},
		{
			"html of a missing page", 404, nil, "\n<!DOCTYPE html><html><title>Error 404 (Not Found)!!1</title>the model",
			Failure{Class: Unknown, Message: "Not Found"},
		},
		{
			"html in json", 500, nil, `{"error":{"message":"<html><body>oh</body></html>","type":"server_error"}}`,
			Failure{Class: Server, Type: "server_error", Message: "Internal Server Error"},
		},
		{
			"html behind words", 502, nil, `{"error":{"message":"Upstream said: <!DOCTYPE html><p>oh</p>"}}`,
			Failure{Class: Server, Message: "Upstream said:"},
		},
		{"text", 503, nil, "upstream connect error or disconnect/reset before headers", Failure{Class: Server, Message: "Service Unavailable"}},
		{"text that says why", 503, nil, "we are at capacity", Failure{Class: Overloaded, Message: "Service Unavailable"}},
		{"empty 500", 500, nil, "", Failure{Class: Server, Message: "Internal Server Error"}},
		{"empty 429", 429, nil, "", Failure{Class: RateLimit, Message: "Too Many Requests"}},
		{"empty 529", 529, nil, " ", Failure{Class: Overloaded, Message: "Overloaded"}},
		{"empty 404", 404, nil, "", Failure{Class: Unknown, Message: "Not Found"}},
		{"empty 400", 400, nil, "{}", Failure{Class: BadRequest, Message: "Bad Request"}},
		{"empty 408", 408, nil, "[]", Failure{Class: Timeout, Message: "Request Timeout"}},
		{"empty 409", 409, nil, "null", Failure{Class: Unknown, Message: "Conflict"}},
		{"empty 413", 413, nil, "", Failure{Class: TooLarge, Message: "Request Entity Too Large"}},
		{"empty 422", 422, nil, "", Failure{Class: BadRequest, Message: "Unprocessable Entity"}},
		{"empty 425", 425, nil, "", Failure{Class: Unknown, Message: "Too Early"}},
		{"empty 504", 504, nil, "", Failure{Class: Timeout, Message: "Gateway Timeout"}},
		{"empty 524", 524, nil, "", Failure{Class: Timeout, Message: "HTTP status 524"}},
	})
}

func TestReadLooksOnlyAtTheBeginningOfALargeBody(t *testing.T) {
	filler := bytes.Repeat([]byte("x"), 50<<20)
	body := append([]byte(`{"error":{"message":"prompt is too long","type":"invalid_request_error","echo":"`), filler...)
	f := Read(400, nil, body, noon)
	if f.Class != ContextLength || f.Message != "prompt is too long" {
		t.Errorf("an envelope before a long echo is read as %+v", f)
	}
	allocated := testing.AllocsPerRun(10, func() { Read(400, nil, body, noon) })
	if allocated > 50 {
		t.Errorf("%v allocations", allocated)
	}
	body = append([]byte(`{"echo":"`), append(filler, `","error":{"message":"no"}}`...)...)
	if f := Read(400, nil, body, noon); f.Class != BadRequest || f.Message != "Bad Request" {
		t.Errorf("an envelope behind a long echo is read as %+v", f)
	}
}

func TestReadSurvivesDeepNesting(t *testing.T) {
	for _, open := range []string{`{"error":`, `{"message":`, `[`, `{"detail":[`, `{"error":{"metadata":{"raw":`} {
		f := Read(500, nil, []byte(strings.Repeat(open, 20_000)), noon)
		if f.Class != Server {
			t.Errorf("%s…: class %s", open, f.Class)
		}
	}
	quoted := `{"error":{"message":"innermost"}}`
	for depth := range 8 {
		if f := Read(500, nil, []byte(quoted), noon); f.Message != "innermost" && depth <= maxDepth {
			t.Errorf("quoted %d times: message %q", depth, f.Message)
		}
		quoted = `{"error":{"message":` + string(appendQuoted(quoted)) + `}}`
	}
	if f := Read(500, nil, []byte(quoted), noon); f.Message == "" || len(f.Message) > maxMessage {
		t.Errorf("message %q", f.Message)
	}
}

func appendQuoted(s string) []byte {
	return []byte(`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`)
}

func TestMessagesAreBoundedAndClean(t *testing.T) {
	for body, want := range map[string]string{
		`{"error":"a\r\n\tb  c\u0000\u001b[31md\u202e"}`: "a b c[31md",
		"{\"error\":\"bad \xff byte\"}":                  "bad \ufffd byte",
		`{"error":"` + strings.Repeat("é", 600) + `"}`:   strings.Repeat("é", 500),
		`{"error":"x` + strings.Repeat("é", 600) + `"}`:  "x" + strings.Repeat("é", 499),
		`{"error":"a <|im_end|> b < c"}`:                 "a <|im_end|> b < c",
		`{"error":" \n "}`:                               "Internal Server Error",
	} {
		if got := Read(500, nil, []byte(body), noon).Message; got != want || !utf8.ValidString(got) {
			t.Errorf("%s\ngot  %q\nwant %q", body, got, want)
		}
	}
}

// A client chooses words in what messages quote. They must not make the gateway believe that
// its key or its account is at fault, or it would rest them for everybody.
func TestAQuotedRequestDoesNotRestAKey(t *testing.T) {
	for _, words := range []string{
		"Incorrect API key provided", "API key not valid", "invalid_api_key", "insufficient_quota", "Your credit balance is too low",
		"insufficient balance", "used all available credits", "You exceeded your current quota", "is suspended", "overloaded", "try again in 9h",
	} {
		for _, status := range []int{400, 404, 413, 422} {
			body := `{"error":{"message":"Invalid value: '` + words + `'. Supported values are: 'low', 'high'.","type":"invalid_request_error"}}`
			f := Read(status, nil, []byte(body), noon)
			if f.Class == BadKey || f.Class == Quota || f.Class == Overloaded || f.Class == RateLimit || f.Wait != 0 {
				t.Errorf("%d, %q: class %s, wait %s", status, words, f.Class, f.Wait)
			}
		}
	}
}

func TestErrorTellsClientsTheProvidersWords(t *testing.T) {
	f := Read(400, nil, []byte(`{"error":{"message":"No.","type":"invalid_request_error","param":"n","code":"bad_n"}}`), noon)
	e := f.Error()
	if got := string(e.AppendJSON(nil)); e.Status != 400 || got != `{"error":{"message":"No.","type":"invalid_request_error","param":"n","code":"bad_n"}}` {
		t.Errorf("%d %s", e.Status, got)
	}
	if e.Cause != nil || e.RetryAfter != 0 {
		t.Errorf("cause %v, retry after %s", e.Cause, e.RetryAfter)
	}
}

func TestErrorFallsBackToOpenAIsWords(t *testing.T) {
	for _, tt := range []struct {
		status           int
		body             string
		wantStatus       int
		wantCode, wantTy string
	}{
		{0, `{"message":"prompt is too long"}`, 400, "context_length_exceeded", "invalid_request_error"},
		{401, `{"detail":"no"}`, 401, "invalid_api_key", "authentication_error"},
		{402, ``, 402, "insufficient_quota", "insufficient_quota"},
		{403, ``, 403, "invalid_api_key", "permission_error"},
		{404, `{"error":"no such model"}`, 404, "model_not_found", "invalid_request_error"},
		{404, ``, 404, "", "invalid_request_error"},
		{429, `{"error":{"code":429}}`, 429, "rate_limit_exceeded", "rate_limit_error"}, // the status is no code
		{400, `{"error":{"code":1301}}`, 400, "1301", "invalid_request_error"},
		{429, ``, 429, "rate_limit_exceeded", "rate_limit_error"},
		{529, `{"type":"error","error":{"type":"overloaded_error"}}`, 529, "server_is_overloaded", "overloaded_error"},
		{500, ``, 500, "server_error", "server_error"},
	} {
		f := Read(tt.status, nil, []byte(tt.body), noon)
		e := f.Error()
		if e.Status != tt.wantStatus || e.Code != tt.wantCode || e.Type != tt.wantTy {
			t.Errorf("%d %s: got %d %q %q", tt.status, tt.body, e.Status, e.Code, e.Type)
		}
	}
}

func TestErrorKeepsWordsAboutOurAccountFromClients(t *testing.T) {
	for status, message := range map[int]string{
		401: "Incorrect API key provided: sk-pr***abcd.",
		403: "Project org-secret has no access.",
		402: "Team secret has no credits.",
	} {
		f := Read(status, nil, []byte(`{"error":{"message":"`+message+`"}}`), noon)
		e := f.Error()
		if strings.Contains(e.Message, "sk-pr") || strings.Contains(e.Message, "secret") || e.Message == "" {
			t.Errorf("%d: the client is told %q", status, e.Message)
		}
		if e.Cause == nil || errors.Unwrap(e).Error() != message {
			t.Errorf("%d: the cause is %v", status, e.Cause)
		}
	}
}

func TestReadTakesAnyStatus(t *testing.T) {
	for status := -1; status < 1000; status++ {
		f := Read(status, http.Header{}, nil, time.Time{})
		if f.Message == "" || f.Error().Status < 400 {
			t.Fatalf("status %d: %+v", status, f)
		}
	}
}
