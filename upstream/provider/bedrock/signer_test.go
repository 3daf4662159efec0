package bedrock

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"pgregory.net/rapid"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/provider/signin"
)

// The credentials, the time and the place of AWS's test suite for Signature Version 4.
var (
	suite     = Config{Region: "us-east-1", AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
	suiteTime = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)
)

func at(t testing.TB, c Config, now time.Time) *Signer {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	s.now = func() time.Time { return now }
	return s
}

func request(t testing.TB, method, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func payload(parts ...string) (p llm.Payload) {
	for _, part := range parts {
		p.Parts = append(p.Parts, []byte(part))
	}
	return p
}

// The vectors are those of AWS's test suite whose headers are the ones that are signed here:
// https://github.com/awslabs/aws-c-auth/tree/main/tests/aws-signing-test-suite/v4, and for
// post-x-www-form-urlencoded, which signs two headers more there, the suite of AWS's General
// Reference, https://docs.aws.amazon.com/general/latest/gr/signature-v4-test-suite.html.
func TestTheTestSuiteOfAWSIsSignedAsItSays(t *testing.T) {
	const unreserved = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for _, c := range []struct{ name, method, target, contentType, body, token, headers, signature string }{
		{"get-vanilla", "GET", "/", "", "", "", "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"post-vanilla", "POST", "/", "", "", "", "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		{"get-vanilla-query-order-key-case", "GET", "/?Param2=value2&Param1=value1", "", "", "", "host;x-amz-date", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
		{"get-vanilla-query-unreserved", "GET", "/?" + unreserved + "=" + unreserved, "", "", "", "host;x-amz-date", "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
		{"get-vanilla-empty-query-key", "GET", "/?Param1=value1", "", "", "", "host;x-amz-date", "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
		{"get-vanilla-query-order-encoded", "GET", "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1", "", "", "", "host;x-amz-date", "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"},
		{"get-vanilla-utf8-query", "GET", "/?\u1234=bar", "", "", "", "host;x-amz-date", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
		{"post-vanilla-query", "POST", "/?Param1=value1", "", "", "", "host;x-amz-date", "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
		{
			"post-sts-header-before", "POST", "/", "", "", "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==",
			"host;x-amz-date;x-amz-security-token", "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
		},
		{"get-unreserved", "GET", "/" + unreserved, "", "", "", "host;x-amz-date", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
		{
			"get-vanilla-with-session-token", "GET", "/", "", "", "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267",
			"host;x-amz-date;x-amz-security-token", "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
		},
		{
			"post-x-www-form-urlencoded", "POST", "/", "application/x-www-form-urlencoded", "Param1=value1", "",
			"content-type;host;x-amz-date", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
		},
	} {
		config := suite
		config.SessionToken = c.token
		s := at(t, config, suiteTime)
		s.service = "service"
		r := request(t, c.method, "https://example.amazonaws.com"+c.target)
		r.Header.Set("User-Agent", "is not signed")
		if c.contentType != "" {
			r.Header.Set("Content-Type", c.contentType)
		}
		if err := s.Sign(r, payload(c.body)); err != nil {
			t.Fatal(err)
		}
		want := "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=" + c.headers + ", Signature=" + c.signature
		if got := r.Header.Get("Authorization"); got != want || r.Header.Get("X-Amz-Date") != "20150830T123600Z" || r.Header.Get("X-Amz-Security-Token") != c.token {
			t.Errorf("%s: got\n%s, want\n%s", c.name, got, want)
		}
	}
}

// byHand signs as AWS's documentation says it, with a canonical path that is escaped twice
// (source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
func byHand(path, body string) string {
	sum := func(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) }
	mac := func(key []byte, s string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(s))
		return h.Sum(nil)
	}
	canonical := "POST\n" + path + "\n\ncontent-type:application/json\nhost:bedrock-runtime.us-east-1.amazonaws.com\nx-amz-date:20150830T123600Z\n\n" +
		"content-type;host;x-amz-date\n" + sum(body)
	key := []byte("AWS4" + suite.SecretAccessKey)
	for _, part := range []string{"20150830", "us-east-1", "bedrock", "aws4_request"} {
		key = mac(key, part)
	}
	return hex.EncodeToString(mac(key, "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/bedrock/aws4_request\n"+sum(canonical)))
}

func TestModelsAreSignedEscapedTwice(t *testing.T) {
	base, err := Base("us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	for model, segment := range map[string]string{
		modelID: "us.anthropic.claude-haiku-4-5-20251001-v1%253A0",
		arn:     "arn%253Aaws%253Abedrock%253Aus-east-1%253A123456789012%253Aapplication-inference-profile%252Fa1b2c3",
	} {
		path, _ := Converse(model, true)
		r := request(t, "POST", base+"/")
		r.URL = r.URL.JoinPath(path)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/vnd.amazon.eventstream")
		if err := at(t, suite, suiteTime).Sign(r, payload(`{"a":`, ``, `1}`)); err != nil {
			t.Fatal(err)
		}
		want := byHand("/model/"+segment+"/converse-stream", `{"a":1}`)
		if got := r.Header.Get("Authorization"); !strings.HasSuffix(got, "SignedHeaders=content-type;host;x-amz-date, Signature="+want) {
			t.Errorf("%s: got %s, want %s", model, got, want)
		}
	}
}

func TestTheHashIsOfAllSlices(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.String()).Draw(t, "parts")
		if sum := sha256.Sum256([]byte(strings.Join(parts, ""))); hash(payload(parts...)) != hex.EncodeToString(sum[:]) {
			t.Fatalf("%q", parts)
		}
	})
}

func TestARequestThatIsSignedAgainHasTheDateOfThen(t *testing.T) {
	config := suite
	config.SessionToken = "token"
	s := at(t, config, suiteTime)
	r := request(t, "POST", "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse")
	if err := s.Sign(r, payload("x")); err != nil {
		t.Fatal(err)
	}
	first := r.Header.Clone()
	s.now = func() time.Time { return suiteTime.Add(time.Minute) }
	s.keys = staticKeys(suite) // the new keys have no token
	if err := s.Sign(r, payload("x")); err != nil {
		t.Fatal(err)
	}
	fresh := request(t, "POST", r.URL.String())
	if err := s.Sign(fresh, payload("x")); err != nil {
		t.Fatal(err)
	}
	again, h := fmt.Sprint(r.Header), r.Header
	if h.Get("X-Amz-Date") != "20150830T123700Z" || first.Get("X-Amz-Date") == h.Get("X-Amz-Date") || again != fmt.Sprint(fresh.Header) {
		t.Errorf("first %v, then %v", first, h)
	}
}

func TestAnAPIKeyIsSentAsItIs(t *testing.T) {
	s := at(t, Config{Region: "us-east-1", APIKey: "bedrock-api-key-x"}, suiteTime)
	r := request(t, "POST", "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse")
	r.Header.Set("X-Amz-Date", "old")
	if err := s.Sign(r, payload("x")); err != nil || r.Header.Get("Authorization") != "Bearer bedrock-api-key-x" || r.Header.Get("X-Amz-Date") != "" {
		t.Errorf("got %v and %v", r.Header, err)
	}
}

func TestConfigsThatContradictThemselvesAreRefused(t *testing.T) {
	for _, c := range []Config{
		{}, {Region: "us east"},
		{Region: "us-east-1", AccessKeyID: "hidden"}, {Region: "us-east-1", SecretAccessKey: "hidden"}, {Region: "us-east-1", SessionToken: "hidden"},
		{Region: "us-east-1", APIKey: "hidden", AccessKeyID: "hidden", SecretAccessKey: "hidden"},
		{Region: "us-east-1", APIKey: "hidden", Profile: "p"}, {Region: "us-east-1", AccessKeyID: "hidden", SecretAccessKey: "hidden", Profile: "p"},
	} {
		if _, err := New(c); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// isolate takes away what the machine that runs the test may have of AWS.
func isolate(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE",
		"AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
	} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(dir, "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir, "credentials"))
	return dir
}

func TestTheDefaultChainIsLookedAtWhenItIsNeeded(t *testing.T) {
	dir := isolate(t)
	s := at(t, Config{Region: "us-east-1", Profile: "house"}, suiteTime)
	r := request(t, "POST", "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse")
	if err := s.Sign(r, payload("x")); err == nil || r.Header.Get("Authorization") != "" {
		t.Errorf("signed without credentials: %v", r.Header)
	}
	file := "[house]\naws_access_key_id = AKIDHOUSE\naws_secret_access_key = hidden\n"
	if err := os.WriteFile(filepath.Join(dir, "credentials"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Sign(r, payload("x")); err != nil || !strings.Contains(r.Header.Get("Authorization"), "Credential=AKIDHOUSE/20150830/us-east-1/bedrock/") {
		t.Errorf("got %v and %v", r.Header, err)
	}
	if text := fmt.Sprintf("%v %+v %#v %s", s, *s, s, r.Header.Get("Authorization")); strings.Contains(text, "hidden") {
		t.Error("the secret is shown")
	}
}

func TestTheEnvironmentIsAPartOfTheChain(t *testing.T) {
	isolate(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hidden")
	t.Setenv("AWS_SESSION_TOKEN", "token")
	r := request(t, "POST", "https://bedrock-runtime.eu-west-1.amazonaws.com/model/m/converse")
	if err := at(t, Config{Region: "eu-west-1"}, suiteTime).Sign(r, payload("x")); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.Header.Get("Authorization"), "Credential=AKIDENV/20150830/eu-west-1/bedrock/") || r.Header.Get("X-Amz-Security-Token") != "token" {
		t.Errorf("got %v", r.Header)
	}
}

// expiring are the keys of the nth fetch, which end after an hour.
func expiring(n int) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{
			AccessKeyID: fmt.Sprintf("AKID%d", n), SecretAccessKey: "hidden", SessionToken: "token", CanExpire: true, Expires: time.Now().Add(time.Hour),
		}, nil
	})
}

const converseURL = "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse"

// What the chain finds is set up and fetched once for all that wait, and kept.
func TestCredentialsAreKept(t *testing.T) {
	loads := 0
	s := at(t, suite, suiteTime)
	s.keys = newChain(func(context.Context) (aws.CredentialsProvider, error) {
		loads++
		return expiring(loads), nil
	})
	var all sync.WaitGroup
	for range 100 {
		r := request(t, "POST", converseURL)
		all.Go(func() {
			if err := s.Sign(r, payload("x")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if loads != 1 {
		t.Errorf("%d loads", loads)
	}
}

func TestCredentialsThatAWSRefusesAreLookedForAnew(t *testing.T) {
	loads := 0
	s := at(t, suite, suiteTime)
	s.keys = newChain(func(context.Context) (aws.CredentialsProvider, error) {
		loads++
		return expiring(loads), nil
	})
	signed := func() *http.Request {
		r := request(t, "POST", converseURL)
		if err := s.Sign(r, payload("x")); err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := signed()
	if !s.Forget(first) {
		t.Error("there are no other keys")
	}
	if r := signed(); !strings.Contains(r.Header.Get("Authorization"), "=AKID2/") {
		t.Errorf("got %v", r.Header)
	}
	s.Forget(first) // an attempt that was sent before
	if r := signed(); !strings.Contains(r.Header.Get("Authorization"), "=AKID2/") || loads != 2 {
		t.Errorf("got %v after %d loads", r.Header, loads)
	}
	for _, fixed := range []*Signer{at(t, suite, suiteTime), at(t, Config{Region: "us-east-1", APIKey: "key"}, suiteTime)} {
		if fixed.Forget(first) {
			t.Error("keys of the config are looked for elsewhere")
		}
	}
}

// metadata is a server like that of ECS for containers, which answers as told and counts.
func metadata(t *testing.T, answer http.HandlerFunc) *atomic.Int32 {
	t.Helper()
	var n atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.URL+"/role")
	return &n
}

func TestAContainersRoleSignsForAllRequests(t *testing.T) {
	isolate(t)
	fetches := metadata(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"AccessKeyId":"AKIDROLE","SecretAccessKey":"hidden","Token":"t","Expiration":%q}`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	})
	s := at(t, Config{Region: "us-east-1"}, suiteTime)
	for range 100 {
		r := request(t, "POST", converseURL)
		if err := s.Sign(r, payload("x")); err != nil || !strings.Contains(r.Header.Get("Authorization"), "=AKIDROLE/") {
			t.Fatalf("got %v and %v", r.Header, err)
		}
	}
	if fetches.Load() != 1 {
		t.Errorf("%d fetches", fetches.Load())
	}
}

func TestTheRoleOfAMachineSigns(t *testing.T) {
	isolate(t)
	var keys atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPut && r.URL.Path == "/latest/api/token":
			w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
			_, _ = w.Write([]byte("session"))
		case r.Header.Get("X-Aws-Ec2-Metadata-Token") != "session":
			http.Error(w, "no session", http.StatusUnauthorized)
		case r.URL.Path == "/latest/meta-data/iam/security-credentials/":
			_, _ = w.Write([]byte("role"))
		case r.URL.Path == "/latest/meta-data/iam/security-credentials/role":
			keys.Add(1)
			_, _ = fmt.Fprintf(w, `{"Code":"Success","AccessKeyId":"AKIDMACHINE","SecretAccessKey":"hidden","Token":"t","Expiration":%q}`, time.Now().Add(6*time.Hour).UTC().Format(time.RFC3339))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "false")
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.URL)
	s := at(t, Config{Region: "us-east-1"}, suiteTime)
	var all sync.WaitGroup
	for range 100 {
		r := request(t, "POST", converseURL)
		all.Go(func() {
			if err := s.Sign(r, payload("x")); err != nil || !strings.Contains(r.Header.Get("Authorization"), "=AKIDMACHINE/") || r.Header.Get("X-Amz-Security-Token") != "t" {
				t.Errorf("got %v and %v", r.Header, err)
			}
		})
	}
	all.Wait()
	if keys.Load() != 1 {
		t.Errorf("%d fetches", keys.Load())
	}
}

func TestARefusalIsToldFromWhatMayPass(t *testing.T) {
	for name, c := range map[string]struct {
		answer  http.HandlerFunc
		refused bool
	}{
		"refused": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"code":"AccessDenied"}`, http.StatusForbidden)
		}, true},
		"busy": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, `{}`, http.StatusTooManyRequests) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			isolate(t)
			metadata(t, c.answer)
			t.Setenv("AWS_MAX_ATTEMPTS", "1")
			err := at(t, Config{Region: "us-east-1"}, suiteTime).Sign(request(t, "POST", converseURL), payload("x"))
			var refused *signin.RefusedError
			if err == nil || errors.As(err, &refused) != c.refused {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAClientThatLeavesDoesNotWaitForCredentials(t *testing.T) {
	s := at(t, suite, suiteTime)
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	s.keys = newChain(func(context.Context) (aws.CredentialsProvider, error) {
		<-hang
		return nil, errors.New("too late")
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := request(t, "POST", "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse").WithContext(ctx)
	if err := s.Sign(r, payload("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestNoSecretIsShown(t *testing.T) {
	c := Config{Region: "us-east-1", APIKey: "hidden-key", AccessKeyID: "hidden-id", SecretAccessKey: "hidden-secret", SessionToken: "hidden-token"}
	s := at(t, Config{Region: c.Region, AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}, suiteTime)
	k := at(t, Config{Region: c.Region, APIKey: c.APIKey}, suiteTime)
	for _, v := range []any{c, &c, s, *s, k, *k, []any{c, s, k}, map[string]any{"a": *k}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, "hidden") || strings.Contains(text, hex.EncodeToString([]byte("hidden"))) {
				t.Errorf("%s: %s", verb, text)
			}
		}
		raw, err := json.Marshal(v)
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		if err != nil || strings.Contains(string(raw)+log.String(), "hidden") {
			t.Errorf("%s %s: %v", raw, log.String(), err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	s := at(b, suite, suiteTime)
	r := request(b, "POST", "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse")
	p := payload(strings.Repeat("x", 4096), strings.Repeat("y", 4096))
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Sign(r, p); err != nil {
			b.Fatal(err)
		}
	}
}
