package provider

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/provider/bedrock"
)

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// signatureOf is the signature that a request must have as it has arrived, made as AWS's
// documentation says it
// (source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
func signatureOf(r *http.Request, body []byte, secret string) string {
	_, signed, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
	signed, _, _ = strings.Cut(signed, ",")
	var headers strings.Builder
	for name := range strings.SplitSeq(signed, ";") {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		headers.WriteString(name + ":" + value + "\n")
	}
	var segments []string
	for s := range strings.SplitSeq(r.RequestURI, "/") {
		segments = append(segments, strings.ReplaceAll(url.QueryEscape(s), "+", "%20"))
	}
	canonical := strings.Join([]string{r.Method, strings.Join(segments, "/"), "", headers.String(), signed, sum(body)}, "\n")
	date := r.Header.Get("X-Amz-Date")
	scope := date[:8] + "/eu-west-1/bedrock/aws4_request"
	key := []byte("AWS4" + secret)
	for _, part := range []string{date[:8], "eu-west-1", "bedrock", "aws4_request"} {
		key = mac(key, part)
	}
	return hex.EncodeToString(mac(key, "AWS4-HMAC-SHA256\n"+date+"\n"+scope+"\n"+sum([]byte(canonical))))
}

// What is signed is what arrives: neither the URL that is made, nor the transport, nor how the body
// is read changes any of it behind the signature.
func TestSignaturesHoldForRequestsAsTheyArrive(t *testing.T) {
	var got *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	}))
	defer server.Close()
	for _, base := range []string{server.URL, server.URL + "/behind/a%2Fproxy/"} {
		p := mustNew(t, Config{
			Name: "aws", Kind: KindBedrock, BaseURL: base,
			AWS: &bedrock.Config{Region: "eu-west-1", AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret-of-aws", SessionToken: "token"},
		})
		rapid.Check(t, func(t *rapid.T) {
			parts := rapid.SliceOfN(rapid.StringN(0, 2000, -1), 1, 4).Draw(t, "body")
			payload := llm.Payload{ContentType: "application/json"}
			for _, part := range parts {
				payload.Parts = append(payload.Parts, []byte(part))
			}
			model := rapid.OneOf(rapid.StringN(1, 20, -1), rapid.SampledFrom([]string{
				"eu.anthropic.claude-haiku-4-5-20251001-v1:0", "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0", "..",
			})).Draw(t, "model")
			r, err := p.NewRequest(t.Context(), Call{Endpoint: llm.Chat, Model: model, Payload: payload, Stream: rapid.Bool().Draw(t, "stream")})
			if err != nil {
				t.Fatal(err)
			}
			resp, err := p.Transport().RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			_, signature, _ := strings.Cut(got.Header.Get("Authorization"), "Signature=")
			if want := signatureOf(got, body, "secret-of-aws"); signature != want || !slices.Equal(body, payload.Bytes()) {
				t.Fatalf("%s: %s, want %s", got.RequestURI, got.Header.Get("Authorization"), want)
			}
		})
	}
}
