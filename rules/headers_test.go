package rules

import (
	"net/http"
	"strings"
	"testing"
)

func TestCredentialsAreNeverInHeaders(t *testing.T) {
	const secret = "sk-canary-0123456789"
	header := http.Header{"X-Team": {"search"}}
	for _, name := range []string{"Authorization", "Proxy-Authorization", "Cookie", "X-Api-Key", "Api-Key", "X-Goog-Api-Key",
		"Ocp-Apim-Subscription-Key", "X-Amz-Security-Token", "X-Auth-Token", "X-Vault-Token", "Cf-Access-Jwt-Assertion", "X-House-Key"} {
		header.Set(name, secret)
	}
	compiler := newCompiler(t, Options{CredentialHeaders: []string{"x-house-key"}})
	for source, want := range map[string]Verdict{
		`size(headers) == 1`:                                         Matched,
		`headers == {"x-team": "search"}`:                            Matched,
		`headers.exists(name, headers[name].contains("canary"))`:     NotMatched,
		`headers["authori" + "zation"] == "` + secret + `"`:          KeyMissing,
		`("x-house" + "-key") in headers`:                            NotMatched,
		`"%s".format([headers]).contains("canary")`:                  NotMatched,
		`json.encode(headers).contains("canary")`:                    NotMatched,
		`headers.map(name, headers[name]).join(",").size() == 6`:     Matched,
		`orValue(headers, "coo" + "kie", "none") == "none"`:          Matched,
		`dyn(headers) == {} || headers.size() > 1`:                   NotMatched,
		`headers["x-" + "goog-api-key"] != "" && size(headers) == 1`: KeyMissing,
	} {
		rule, err := compiler.Compile(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		f := sample{header: header}.facts(t)
		if got := rule.Eval(t.Context(), f); got.Verdict != want {
			t.Errorf("%s: %v %v, want %v", source, got.Verdict, got.Err, want)
		}
		e := rule.Explain(t.Context(), f)
		text := e.Why
		for _, v := range e.Values {
			text += v.Value
		}
		if strings.Contains(text, secret) {
			t.Errorf("%s: the explanation shows a credential: %s", source, text)
		}
	}
	for _, name := range []string{"authorization", "cookie", "x-house-key", "x-auth-token"} {
		for _, source := range []string{`headers["` + name + `"] == "x"`, `"` + name + `" in headers`} {
			if _, err := compiler.Compile(source); err == nil || !strings.Contains(err.Error(), "credential") {
				t.Errorf("%s compiles: %v", source, err)
			}
		}
	}
}

func TestHeaderNamesAreInLowerCase(t *testing.T) {
	s := sample{header: http.Header{"X-Team": {"search"}, "Accept": {"a", "b"}, "X-None": {}}}
	expect(t, s, `headers.accept == "a, b"`, Matched)
	expect(t, s, `headers["X-" + "Team"] == "search"`, KeyMissing)
	expect(t, s, `headers["x-none"] == ""`, KeyMissing)
	expect(t, s, `headers["x-tea" + "m"] == "search"`, Matched)
}
