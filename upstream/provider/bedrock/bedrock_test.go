package bedrock

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	_ "github.com/mulligan-gateway/mulligan/internal/rapidseed" // the same inputs in each run
)

func TestEveryRegionHasItsHost(t *testing.T) {
	for region, want := range map[string]string{
		"us-east-1":      "https://bedrock-runtime.us-east-1.amazonaws.com",
		"us-gov-west-1":  "https://bedrock-runtime.us-gov-west-1.amazonaws.com",
		"cn-north-1":     "https://bedrock-runtime.cn-north-1.amazonaws.com.cn",
		"eusc-de-east-1": "https://bedrock-runtime.eusc-de-east-1.amazonaws.eu",
		"us-iso-east-1":  "https://bedrock-runtime.us-iso-east-1.c2s.ic.gov",
		"us-isob-east-1": "https://bedrock-runtime.us-isob-east-1.sc2s.sgov.gov",
	} {
		if got, err := Base(region); got != want || err != nil {
			t.Errorf("%s: got %s and %v", region, got, err)
		}
	}
	for _, region := range []string{"", "us-east-1/x", "US", "a.b", "us east", "-x", "x@y"} {
		if got, err := Base(region); err == nil {
			t.Errorf("%q is taken: %s", region, got)
		}
	}
}

const (
	modelID = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
	arn     = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3"
)

func TestModelsHaveTheirPaths(t *testing.T) {
	for _, c := range []struct {
		path        func(string, bool) (string, string)
		stream      bool
		model, want string
	}{
		{Converse, false, modelID, "/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse"},
		{Converse, true, modelID, "/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse-stream"},
		{Invoke, false, modelID, "/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/invoke"},
		{Invoke, true, modelID, "/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/invoke-with-response-stream"},
		{Converse, false, arn, "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fa1b2c3/converse"},
		{Converse, false, "..", "/model/%2E%2E/converse"},
		{Converse, false, "a/../b?c#d %é", "/model/a%2F..%2Fb%3Fc%23d%20%25%C3%A9/converse"},
	} {
		if got, query := c.path(c.model, c.stream); got != c.want || query != "" {
			t.Errorf("%s: got %s ? %s", c.model, got, query)
		}
	}
}

// The path reaches the server as it is, also when it is joined to a base as the providers' are.
func TestAModelStaysOneSegmentOnTheWire(t *testing.T) {
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RequestURI }))
	defer server.Close()
	client := server.Client()
	rapid.Check(t, func(t *rapid.T) {
		model := rapid.OneOf(rapid.StringN(1, 12, -1), rapid.SampledFrom([]string{modelID, arn, "..", ".", "a//b", "%2F"})).Draw(t, "model")
		base, err := url.Parse(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		path, _ := Converse(model, true)
		resp, err := client.Post(base.JoinPath(path).String(), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if got != path {
			t.Fatalf("%q arrives as %s", model, got)
		}
		segments := strings.Split(got, "/")
		if back, err := url.PathUnescape(segments[2]); len(segments) != 4 || back != model || err != nil {
			t.Fatalf("%q arrives as %s", model, got)
		}
	})
}
