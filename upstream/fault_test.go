package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/failure"
)

const (
	secretKey = "sk-live-0123456789"
	ownHost   = "llm.internal.example.com:8443"
)

func TestKeysAndHostsAreTakenOutOfWhatClientsSee(t *testing.T) {
	target := configured(t, NewState(), "p/m", secretKey, "other-key-98765", "short")
	for message, want := range map[string]string{
		"No.": "No.",
		"":    "",
		"The key " + secretKey + " is wrong, " + secretKey + "!":               "The key [key] is wrong, [key]!",
		"other-key-98765 as well":                                              "[key] as well",
		"A short word stays.":                                                  "A short word stays.",
		"dial tcp " + ownHost + ": refused":                                    "dial tcp [provider]: refused",
		"http://" + ownHost + "/v1?key=" + secretKey:                           "http://[provider]/v1?key=[key]",
		"lookup llm.internal.example.com: no such host":                        "lookup [provider]: no such host",
		"Ask at https://help.example.com, which is no host of this provider's": "Ask at https://help.example.com, which is no host of this provider's",
	} {
		if got := target.scrub(message, ownHost); got != want {
			t.Errorf("%q becomes %q, want %q", message, got, want)
		}
	}
	for host, want := range map[string]string{
		"":            "the model at model:8000 and ::1",
		"model:8000":  "the model at [provider] and ::1", // the name alone is a word
		"[::1]:8000":  "the model at model:8000 and [provider]",
		"model":       "the [provider] at [provider]:8000 and ::1",
		"example.com": "the model at model:8000 and ::1",
	} {
		if got := target.scrub("the model at model:8000 and ::1", host); got != want {
			t.Errorf("at %q: %q, want %q", host, got, want)
		}
	}
}

func TestStacksAreReplacedWhole(t *testing.T) {
	target := configured(t, NewState(), "p/m")
	for _, message := range []string{
		`Traceback (most recent call last): File "/app/x.py", line 3, in f`,
		`500: File "/srv/vllm/engine.py", line 512, in step`,
		"panic: nil map goroutine 7 [running]: main.main()",
		"runtime error at /src/server/main.go:41 +0x1d",
		"java.lang.NullPointerException at com.example.Api.call(Api.java:42)",
		"TypeError: x is undefined at Object.<anonymous> (/srv/app/index.js:10:5)",
		"Error at file:///srv/app/server.mjs:3:1",
		"undefined method `x' /srv/app/api.rb:10:in `call'",
		"thread 'main' panicked at src/main.rs:7:9",
		`System.Exception: at Api.Call() in C:\src\Api.cs:line 12`,
		"PHP Fatal error: Uncaught Error in /var/www/api.php on line 12",
	} {
		if got := target.scrub(message, ""); got != "The provider failed." {
			t.Errorf("%q becomes %q", message, got)
		}
	}
	for _, message := range []string{
		"The goroutine is a concept.", "main.go is not allowed as a file name", "model.rs:8080 is not reachable", "Use Node.js: see the docs.",
		"messages.0.content: expected a string", "Rate limit reached for gpt-5 in organization on tokens per min (TPM): Limit 10.0",
	} {
		if got := target.scrub(message, ""); got != message {
			t.Errorf("%q becomes %q", message, got)
		}
	}
}

// told is what a client is told of a fault.
func told(t *testing.T, f *fault) *llm.Error {
	t.Helper()
	e := configured(t, NewState(), "p/m", secretKey).clientError(f, ownHost)
	if !errors.Is(e, f) {
		t.Errorf("%+v: the cause is not kept", e)
	}
	if body := string(e.AppendJSON(nil)); strings.Contains(body, secretKey) || strings.Contains(body, "internal") {
		t.Errorf("the client is told %s", body)
	}
	return e
}

func TestAnAccountsTroubleIsTheGatewaysOwn(t *testing.T) {
	for _, said := range []failure.Failure{
		{Status: 401, Class: failure.BadKey, Code: "invalid_api_key", Message: "Incorrect API key provided: " + secretKey},
		{Status: 402, Class: failure.Quota, Code: "insufficient_balance", Message: "Insufficient balance of org-1"},
		{Status: 403, Class: failure.BadKey, Message: "Your project is not allowed"},
		{Status: 403, Class: failure.Unknown, Message: "No"},
		{Status: 401, Class: failure.Unknown, Message: "No"},
		{Status: 400, Class: failure.BadKey, Code: "API_KEY_INVALID", Message: "API key not valid."},
		{Status: 0, Class: failure.BadKey, Message: "API key not valid."},
	} {
		e := told(t, &fault{kind: kindReported, phase: phaseOutput, said: said})
		if e.Status != http.StatusBadGateway || e.Code != string(llm.CodeUpstreamUnavailable) || e.Type != "server_error" ||
			strings.Contains(e.Message, said.Message) || e.RetryAfter != 0 {
			t.Errorf("%+v is told as %+v", said, e)
		}
	}
}

func TestAProvidersOwnErrorsArePassedOn(t *testing.T) {
	for _, c := range []struct {
		said failure.Failure
		want llm.Error
	}{
		{
			failure.Failure{Status: 400, Class: failure.BadRequest, Code: "invalid_value", Type: "invalid_request_error", Param: "messages.0.role", Message: "Bad role."},
			llm.Error{Status: 400, Code: "invalid_value", Type: "invalid_request_error", Param: "messages.0.role", Message: "Bad role."},
		},
		{
			failure.Failure{Status: 503, Class: failure.Overloaded, Message: "Overloaded at " + ownHost},
			llm.Error{Status: 503, Code: "server_is_overloaded", Type: "server_error", Message: "Overloaded at [provider]"},
		},
		{
			failure.Failure{Status: 529, Class: failure.Overloaded, Type: "overloaded_error", Message: "Overloaded"},
			llm.Error{Status: 529, Code: "server_is_overloaded", Type: "overloaded_error", Message: "Overloaded"},
		},
		{
			failure.Failure{Status: 404, Class: failure.ModelNotFound, Code: "model_not_found", Message: "No such model."},
			llm.Error{Status: 404, Code: "model_not_found", Type: "invalid_request_error", Message: "No such model."},
		},
		{
			failure.Failure{Class: failure.Server, Message: "It broke."}, // inside a 200
			llm.Error{Status: 500, Code: "server_error", Type: "server_error", Message: "It broke."},
		},
		{
			failure.Failure{Class: failure.ContextLength, Message: "Too long."},
			llm.Error{Status: 400, Code: "context_length_exceeded", Type: "invalid_request_error", Message: "Too long."},
		},
		{
			failure.Failure{Status: 429, Class: failure.RateLimit, Message: "Slow down.", Wait: 7 * time.Second},
			llm.Error{Status: 429, Code: "rate_limit_exceeded", Type: "rate_limit_error", Message: "Slow down.", RetryAfter: 7 * time.Second},
		},
		{
			failure.Failure{Class: failure.RateLimit, Message: "Slow down.", Wait: time.Second},
			llm.Error{Status: 429, Code: "rate_limit_exceeded", Type: "rate_limit_error", Message: "Slow down.", RetryAfter: time.Second},
		},
		{ // waiting does not help a bad request
			failure.Failure{Status: 400, Class: failure.BadRequest, Message: "No.", Wait: time.Second},
			llm.Error{Status: 400, Type: "invalid_request_error", Message: "No."},
		},
		{ // of an empty account only that it is empty
			failure.Failure{Status: 429, Class: failure.Quota, Code: "insufficient_quota", Message: "org-1 is out of money"},
			llm.Error{Status: 429, Code: "insufficient_quota", Type: "insufficient_quota", Message: "This gateway's account at the provider is out of quota or credit."},
		},
		{ // secrets are secrets in every member
			failure.Failure{Status: 500, Class: failure.Server, Code: "bad " + secretKey, Type: "at " + ownHost, Param: secretKey, Message: "No " + secretKey},
			llm.Error{Status: 500, Code: "bad [key]", Type: "at [provider]", Param: "[key]", Message: "No [key]"},
		},
	} {
		got := told(t, &fault{kind: kindReported, phase: phaseOutput, said: c.said})
		got.Cause = nil
		if *got != c.want {
			t.Errorf("%+v is told as %+v, want %+v", c.said, *got, c.want)
		}
	}
}

func TestWhatIsNoProvidersWordIsToldInOurs(t *testing.T) {
	for _, c := range []struct {
		fault  fault
		status int
		code   llm.Code
		says   string
	}{
		{fault{kind: kindTimeout, timeout: errTimeout}, 504, llm.CodeUpstreamTimeout, "about timeout."},
		{fault{kind: kindTimeout, timeout: errAttemptTimeout}, 504, llm.CodeUpstreamTimeout, "about attempt_timeout."},
		{fault{kind: kindTimeout, timeout: errFirstToken}, 504, llm.CodeUpstreamTimeout, "about first_token_timeout."},
		{fault{kind: kindTimeout, timeout: errIdle}, 504, llm.CodeUpstreamTimeout, "about idle_timeout."},
		{fault{kind: kindBroken, phase: phaseConnect, cause: errors.New("dial tcp " + ownHost)}, 502, llm.CodeUpstreamUnavailable, "cannot be reached"},
		{fault{kind: kindBroken, phase: phaseOutput, cause: io.ErrUnexpectedEOF}, 502, llm.CodeUpstreamUnavailable, "cannot be reached"},
		{fault{kind: kindMalformed, cause: dialect.ErrMalformed}, 502, llm.CodeUpstreamUnavailable, "could not be read"},
		{fault{kind: kindCancelled, cause: context.Canceled}, statusClientGone, llm.CodeUpstreamUnavailable, "gone"},
	} {
		e := told(t, &c.fault)
		if e.Status != c.status || e.Code != string(c.code) || !strings.Contains(e.Message, c.says) || c.fault.cause != nil && !errors.Is(e, c.fault.cause) {
			t.Errorf("%+v is told as %+v", c.fault, e)
		}
	}
}

func TestAFaultCountsAsTheStatusThatSaysTheSame(t *testing.T) {
	for class, want := range map[failure.Class]int{
		failure.BadRequest: 400, failure.ContextLength: 400, failure.ContentFilter: 400, failure.BadKey: 401, failure.ModelNotFound: 404,
		failure.TooLarge: 413, failure.RateLimit: 429, failure.Quota: 429, failure.Server: 500, failure.Unknown: 500, failure.Overloaded: 503, failure.Timeout: 504,
	} {
		if got := says(0, class).status(); got != want {
			t.Errorf("%s inside a 200 counts as %d, want %d", class, got, want)
		}
		if got := says(418, class).status(); got != 418 {
			t.Errorf("%s with 418 counts as %d", class, got)
		}
	}
}

func TestFaultsAreNamedInTheRecord(t *testing.T) {
	for _, c := range []struct {
		fault      fault
		code, text string
	}{
		{*says(500, failure.Server), "server", "the provider reports server"},
		{fault{kind: kindReported, said: failure.Failure{Class: failure.Server, Code: "boom"}}, "boom", "the provider reports server"},
		{fault{kind: kindTimeout, timeout: errIdle}, "upstream_timeout", errIdle.text},
		{fault{kind: kindCancelled}, "cancelled", "the client has gone"},
		{fault{kind: kindMalformed}, "upstream_unavailable", "the provider's reply is malformed"},
		{fault{kind: kindBroken, phase: phaseConnect}, "upstream_unavailable", "no connection to the provider"},
		{fault{kind: kindBroken, phase: phaseHeaders}, "upstream_unavailable", "the connection to the provider broke"},
	} {
		if c.fault.code() != c.code || c.fault.Error() != c.text {
			t.Errorf("%+v is %q: %q", c.fault, c.fault.code(), c.fault.Error())
		}
	}
}

func TestWhatWentWrongIsFoundFromTheErrorAndTheContext(t *testing.T) {
	broken := fmt.Errorf("read: %w", io.ErrUnexpectedEOF)
	reported := &dialect.ReportedError{Failure: failure.Failure{Class: failure.Server, Message: "It broke."}}
	nothing := func(context.CancelCauseFunc, context.CancelFunc) {}
	timeout := func(end context.CancelCauseFunc, _ context.CancelFunc) { end(errIdle) }
	leave := func(_ context.CancelCauseFunc, leave context.CancelFunc) { leave() }
	for name, c := range map[string]struct {
		err    error
		happen func(end context.CancelCauseFunc, leave context.CancelFunc)
		want   kind
	}{
		"a broken connection":                {broken, nothing, kindBroken},
		"a timeout":                          {context.Canceled, timeout, kindTimeout},
		"a client that has gone":             {context.Canceled, leave, kindCancelled},
		"a reported error":                   {fmt.Errorf("read: %w", reported), nothing, kindReported},
		"a reported error, and then the end": {reported, leave, kindReported},
		"a malformed reply":                  {dialect.ErrMalformed, nothing, kindMalformed},
		"a reply that is too long":           {errTooLong, timeout, kindMalformed},
	} {
		client, leave := context.WithCancel(t.Context())
		a := attempt{loop: &loop{ctx: client}}
		a.ctx, a.cancel = context.WithCancelCause(client)
		c.happen(a.cancel, leave)
		f := a.faultOf(c.err, phaseOutput)
		if f.kind != c.want || f.phase != phaseOutput || !errors.Is(f, c.err) {
			t.Errorf("%s is %+v", name, f)
		}
		if f.kind == kindTimeout && f.timeout != errIdle || f.kind == kindReported && f.said != reported.Failure {
			t.Errorf("%s is %+v", name, f)
		}
		leave()
	}
}

func TestAStreamThatBreaksTellsNothingOfTheAccount(t *testing.T) {
	s := fakellm.Start(t, fakellm.Steps(fakellm.Stream(), fakellm.Role(), fakellm.Text("Hel"),
		fakellm.ErrorEvent(402, "insufficient_quota", "Your account org-1 is out of money at key-of-the-provider")))
	o := newBed(t, quick(), s).chat(streamBody)
	var e *llm.Error
	if !errors.As(o.err, &e) || e.Code != string(llm.CodeStreamInterrupted) || strings.Contains(e.Message, "org-1") || strings.Contains(e.Message, "key-of") {
		t.Errorf("the client is told %v", o.err)
	}
	if a := o.exchange.Attempts[0]; !strings.Contains(a.ErrorMessage, "org-1") || strings.Contains(a.ErrorMessage, "key-of") {
		t.Errorf("the record says %q", a.ErrorMessage)
	}
}
