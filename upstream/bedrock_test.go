package upstream

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/provider"
	"github.com/mulligan-gateway/mulligan/upstream/provider/bedrock"
)

// onBedrock returns a bed whose first target is a model at Amazon Bedrock.
func onBedrock(t *testing.T, s *fakellm.Server) *bed {
	t.Helper()
	b := newBed(t, quick())
	keys := &bedrock.Config{Region: "us-east-1", AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret-of-aws"}
	b.add(provider.Config{Name: "aws", Kind: provider.KindBedrock, BaseURL: s.URL, AWS: keys}, nil)
	return b
}

const converseReply = `{"metrics":{"latencyMs":5},"output":{"message":{"content":[{"text":"Hello there"}],"role":"assistant"}},` +
	`"stopReason":"end_turn","usage":{"inputTokens":10,"cacheReadInputTokens":5,"outputTokens":3,"totalTokens":18}}`

// converseStream is a stream of the same answer, in AWS's frames; end is a frame at its end.
func converseStream(t *testing.T, end ...string) fakellm.Step {
	t.Helper()
	var b bytes.Buffer
	frame := func(kind, name, payload string) {
		m := eventstream.Message{Payload: []byte(payload)}
		m.Headers.Set(":message-type", eventstream.StringValue(kind))
		m.Headers.Set(":"+kind+"-type", eventstream.StringValue(name))
		m.Headers.Set(":content-type", eventstream.StringValue("application/json"))
		if err := eventstream.NewEncoder().Encode(&b, m); err != nil {
			t.Fatal(err)
		}
	}
	frame("event", "messageStart", `{"role":"assistant"}`)
	frame("event", "contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"Hello "}}`)
	frame("event", "contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"there"}}`)
	if len(end) > 0 {
		frame("exception", end[0], end[1])
	} else {
		frame("event", "contentBlockStop", `{"contentBlockIndex":0}`)
		frame("event", "messageStop", `{"stopReason":"end_turn"}`)
		frame("event", "metadata", `{"metrics":{"latencyMs":5},"usage":{"inputTokens":10,"cacheReadInputTokens":5,"outputTokens":3,"totalTokens":18}}`)
	}
	return fakellm.Steps(fakellm.Header("Content-Type", "application/vnd.amazon.eventstream"), fakellm.Status(http.StatusOK), fakellm.Write(b.String()))
}

func TestAnOpenAIClientIsAnsweredByBedrock(t *testing.T) {
	s := fakellm.Start(t, fakellm.Raw(http.StatusOK, "application/json", converseReply), converseStream(t))
	b := onBedrock(t, s)
	want := llm.Usage{Input: 15, CachedInput: 5, Output: 3, Known: true}

	o := b.chat(plainBody)
	if o.err != nil || gjson.Get(o.body, "choices.0.message.content").String() != "Hello there" || o.exchange.Usage != want || o.exchange.FinishReason != "stop" {
		t.Fatalf("plain: %q %v, %+v", o.body, o.err, o.exchange)
	}
	if model := gjson.Get(o.body, "model").String(); model != "m" {
		t.Errorf("the reply is of the model %q", model)
	}
	r := s.Await(1)
	if r.Path != "/model/m/converse" || r.Get("messages.0.content.0.text").String() != "hi" ||
		!strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/") || r.Header.Get("X-Amz-Date") == "" {
		t.Errorf("the provider got %s %v %s", r.Path, r.Header, r.Body)
	}

	o = b.chat(streamBody)
	if text, _ := said(o.body); o.err != nil || text != "Hello there" || !strings.HasSuffix(o.body, "data: [DONE]\n\n") || o.exchange.Usage != want {
		t.Errorf("stream: %q %v, usage %+v", o.body, o.err, o.exchange.Usage)
	}
	if r := s.Await(2); r.Path != "/model/m/converse-stream" || r.Header.Get("Accept") != "application/vnd.amazon.eventstream" {
		t.Errorf("the provider was asked at %s %v", r.Path, r.Header)
	}
}

func TestABrokenStreamOfBedrockIsInterrupted(t *testing.T) {
	throttled := converseStream(t, "throttlingException", `{"message":"Too many tokens"}`)
	o := onBedrock(t, fakellm.Start(t, throttled)).chat(streamBody)
	text, _ := said(o.body)
	if text != "Hello there" || code(o.err) != "stream_interrupted" || strings.Contains(o.body, "[DONE]") {
		t.Errorf("got %q %v", o.body, o.err)
	}
}

func TestBedrockFailsOverLikeOpenAIs(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		step fakellm.Step
	}{
		"status":         {plainBody, fakellm.Raw(http.StatusServiceUnavailable, "application/json", `{"message":"Unavailable"}`)},
		"malformed":      {plainBody, fakellm.Raw(http.StatusOK, "application/json", `{"output":`)},
		"ends at once":   {streamBody, fakellm.Steps(fakellm.Header("Content-Type", "application/vnd.amazon.eventstream"), fakellm.Status(http.StatusOK))},
		"damaged stream": {streamBody, fakellm.Raw(http.StatusOK, "application/vnd.amazon.eventstream", strings.Repeat("x", 100))},
	} {
		t.Run(name, func(t *testing.T) {
			b := onBedrock(t, fakellm.Start(t, c.step))
			b.route.Policy.Retries = 0
			b.add(provider.Config{Name: "spare", Kind: provider.KindCompatible, BaseURL: fakellm.Start(t, fakellm.Answer("saved")).BaseURL()}, nil)
			o := b.chat(c.body)
			if o.err != nil || !strings.Contains(o.body, "saved") || o.verdicts() != "aws next, spare ok" {
				t.Errorf("got %q %v %q", o.body, o.err, o.verdicts())
			}
		})
	}
}

func TestAnAccountThatCannotSignInFailsOver(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"} {
		t.Setenv(name, "")
	}
	none := t.TempDir() + "/none"
	t.Setenv("AWS_CONFIG_FILE", none)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", none)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	s := fakellm.Start(t)
	b := newBed(t, quick())
	b.add(provider.Config{Name: "aws", Kind: provider.KindBedrock, BaseURL: s.URL, AWS: &bedrock.Config{Region: "us-east-1"}}, nil)
	b.add(provider.Config{Name: "spare", Kind: provider.KindCompatible, BaseURL: fakellm.Start(t, fakellm.Answer("saved")).BaseURL()}, nil)
	o := b.chat(plainBody)
	if o.err != nil || !strings.Contains(o.body, "saved") || o.verdicts() != "aws next, spare ok" {
		t.Errorf("got %q %v %q", o.body, o.err, o.verdicts())
	}
}
