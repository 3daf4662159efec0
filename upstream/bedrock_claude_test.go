package upstream

import (
	"bytes"
	"encoding/base64"
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

const (
	claudeOnBedrock = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"

	messagesBody   = `{"model":"m","max_tokens":100,"top_k":3,"messages":[{"role":"user","content":"hi"}]}`
	messagesStream = `{"model":"m","stream":true,"max_tokens":100,"messages":[{"role":"user","content":"hi"}]}`

	messagesReply = `{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[{"type":"text","text":"Hello there"}],` +
		`"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":10,"cache_read_input_tokens":5,"output_tokens":3}}`
)

// messagesEvents are the events of the same answer.
var messagesEvents = []string{
	`{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[],"usage":{"input_tokens":10,"cache_read_input_tokens":5,"output_tokens":1}}}`,
	`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
	`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello there"}}`,
	`{"type":"content_block_stop","index":0}`,
	`{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":3}}`,
	`{"type":"message_stop"}`,
}

// asEvents are events as server-sent events.
func asEvents(data ...string) string {
	var b strings.Builder
	for _, d := range data {
		b.WriteString("event: " + gjson.Get(d, "type").Str + "\ndata: " + d + "\n\n")
	}
	return b.String()
}

// wrapped are events in AWS's frames, as InvokeModelWithResponseStream sends them; end is the name
// and the payload of an exception at their end.
func wrapped(t *testing.T, data []string, end ...string) fakellm.Step {
	t.Helper()
	var b bytes.Buffer
	frame := func(kind, name, payload string) {
		m := eventstream.Message{Payload: []byte(payload)}
		m.Headers.Set(":message-type", eventstream.StringValue(kind))
		m.Headers.Set(":"+kind+"-type", eventstream.StringValue(name))
		if err := eventstream.NewEncoder().Encode(&b, m); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range data {
		frame("event", "chunk", `{"bytes":"`+base64.StdEncoding.EncodeToString([]byte(d))+`","p":"abc"}`)
	}
	if len(end) > 0 {
		frame("exception", end[0], end[1])
	}
	return fakellm.Steps(fakellm.Header("Content-Type", "application/vnd.amazon.eventstream"), fakellm.Status(http.StatusOK), fakellm.Write(b.String()))
}

// claudeBed is a bed whose first target is Claude at Bedrock.
func claudeBed(t *testing.T, s *fakellm.Server) *bed {
	t.Helper()
	b := newBed(t, quick())
	b.route.Policy.Retries = 0
	keys := &bedrock.Config{Region: "eu-west-1", AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret-of-aws"}
	b.addModel(provider.Config{Name: "aws", Kind: provider.KindBedrock, BaseURL: s.URL, AWS: keys}, claudeOnBedrock, nil)
	return b
}

func TestAnAnthropicClientReachesClaudeOnBedrockInItsOwnDialect(t *testing.T) {
	s := fakellm.Start(t, fakellm.Raw(http.StatusOK, "application/json", messagesReply), wrapped(t, messagesEvents))
	b := claudeBed(t, s)
	want := llm.Usage{Input: 15, CachedInput: 5, Output: 3, Known: true}

	o := b.call(t.Context(), llm.Messages, messagesBody)
	if o.err != nil || o.body != messagesReply || o.exchange.Usage != want || o.exchange.FinishReason != "stop" {
		t.Errorf("plain: %q %v, %+v", o.body, o.err, o.exchange.Usage)
	}
	r := s.Await(1)
	if r.Path != "/model/"+claudeOnBedrock+"/invoke" || !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/") {
		t.Errorf("the provider was asked at %s %v", r.Path, r.Header)
	}
	if got := string(r.Body); got != `{"max_tokens":100,"top_k":3,"messages":[{"role":"user","content":"hi"}],"anthropic_version":"bedrock-2023-05-31"}` {
		t.Errorf("the provider got %s", got)
	}

	o = b.call(t.Context(), llm.Messages, messagesStream)
	if o.err != nil || o.body != asEvents(messagesEvents...) || o.exchange.Usage != want {
		t.Errorf("stream: %q %v, %+v", o.body, o.err, o.exchange.Usage)
	}
	r = s.Await(2)
	if r.Path != "/model/"+claudeOnBedrock+"/invoke-with-response-stream" || r.Header.Get("Accept") != "application/vnd.amazon.eventstream" || r.Get("stream").Exists() || r.Get("model").Exists() {
		t.Errorf("the provider got %s %v %s", r.Path, r.Header, r.Body)
	}
}

// Converse is what all of Bedrock's models have, Claude too.
func TestAnOpenAIClientReachesClaudeOnBedrockByConverse(t *testing.T) {
	s := fakellm.Start(t, fakellm.Raw(http.StatusOK, "application/json", converseReply))
	if o := claudeBed(t, s).chat(plainBody); o.err != nil || gjson.Get(o.body, "choices.0.message.content").String() != "Hello there" {
		t.Errorf("got %q %v", o.body, o.err)
	}
	if r := s.Await(1); r.Path != "/model/"+claudeOnBedrock+"/converse" || r.Get("anthropic_version").Exists() {
		t.Errorf("the provider got %s %s", r.Path, r.Body)
	}
}

// A client of Anthropic's dialect reaches a model that does not speak it by way of chat.
func TestAnAnthropicClientReachesOtherModelsOnBedrockByConverse(t *testing.T) {
	s := fakellm.Start(t, fakellm.Raw(http.StatusOK, "application/json", converseReply))
	if o := onBedrock(t, s).call(t.Context(), llm.Messages, messagesBody); o.err != nil || gjson.Get(o.body, "content.0.text").String() != "Hello there" {
		t.Errorf("got %q %v", o.body, o.err)
	}
	if r := s.Await(1); r.Path != "/model/m/converse" {
		t.Errorf("the provider was asked at %s", r.Path)
	}
}

func TestClaudeOnBedrockFailsOverBeforeItsFirstOutput(t *testing.T) {
	for name, step := range map[string]fakellm.Step{
		"exception as the first frame": wrapped(t, nil, "throttlingException", `{"message":"Too many tokens"}`),
		"exception before output":      wrapped(t, messagesEvents[:2], "modelStreamErrorException", `{"message":"Unexpected"}`),
		"error event":                  wrapped(t, []string{`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`}),
		"no base64":                    wrapped(t, []string{`{`}),
		"cut":                          wrapped(t, messagesEvents[:2]),
	} {
		t.Run(name, func(t *testing.T) {
			b := claudeBed(t, fakellm.Start(t, step))
			spare := fakellm.Start(t, fakellm.Steps(fakellm.Header("Content-Type", "text/event-stream"), fakellm.Status(http.StatusOK), fakellm.Write(asEvents(messagesEvents...))))
			b.add(provider.Config{Name: "spare", Kind: "anthropic", BaseURL: spare.BaseURL(), Keys: []string{"key-of-anthropic"}}, nil)
			o := b.call(t.Context(), llm.Messages, messagesStream)
			if o.err != nil || o.body != asEvents(messagesEvents...) || o.verdicts() != "aws next, spare ok" {
				t.Errorf("got %q %v %q", o.body, o.err, o.verdicts())
			}
		})
	}
}

func TestABrokenStreamOfClaudeOnBedrockIsInterrupted(t *testing.T) {
	o := claudeBed(t, fakellm.Start(t, wrapped(t, messagesEvents[:3], "throttlingException", `{"message":"Too many tokens"}`))).
		call(t.Context(), llm.Messages, messagesStream)
	if code(o.err) != "stream_interrupted" || !strings.Contains(o.body, "Hello there") || strings.Contains(o.body, "message_stop") {
		t.Errorf("got %q %v", o.body, o.err)
	}
}

// Whatever a frame holds, it cannot end the event that it is in, nor begin another.
func TestAnEventInAFrameStaysOneEvent(t *testing.T) {
	spaced := "{\"type\":\"message_start\",\r\n\n \"message\":{\"id\":\"msg_1\"}}"
	b, err := unframed{}.Event(nil, []byte("message_start\ndata: x"), []byte(spaced))
	if err != nil || string(b) != "data: {\"type\":\"message_start\",    \"message\":{\"id\":\"msg_1\"}}\n\n" {
		t.Errorf("got %q %v", b, err)
	}
}

func TestOldKeysOfAWSAreReplacedWhenTheyAreRefused(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret-of-aws")
	for _, name := range []string{"AWS_SESSION_TOKEN", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	expired := fakellm.Raw(http.StatusForbidden, "application/json", `{"message":"The security token included in the request is expired"}`)
	s := fakellm.Start(t, expired, fakellm.Raw(http.StatusOK, "application/json", converseReply), expired, expired)
	b := newBed(t, quick())
	b.add(provider.Config{Name: "aws", Kind: provider.KindBedrock, BaseURL: s.URL, AWS: &bedrock.Config{Region: "us-east-1"}}, nil)
	if o := b.chat(plainBody); o.err != nil || o.verdicts() != "aws again, aws ok" {
		t.Errorf("got %q %v %q", o.body, o.err, o.verdicts())
	}
	// Once, and then it is no use.
	if o := b.chat(plainBody); code(o.err) != "upstream_unavailable" || o.verdicts() != "aws again, aws next" {
		t.Errorf("got %q %v %q", o.body, o.err, o.verdicts())
	}
}

func TestClaudeOnBedrockTakesNoMediaByAddress(t *testing.T) {
	const asked = `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"hi"},{"type":"image","source":{"type":"url","url":"https://example.com/a.png"}}]}]}`
	s := fakellm.Start(t)
	b := claudeBed(t, s)
	if o := b.call(t.Context(), llm.Messages, asked); code(o.err) != "unsupported_by_provider" || !strings.Contains(o.err.Error(), "messages[0].content[1]") {
		t.Errorf("alone: %q %v", o.body, o.err)
	}
	spare := fakellm.Start(t, fakellm.Raw(http.StatusOK, "application/json", messagesReply))
	b.add(provider.Config{Name: "spare", Kind: "anthropic", BaseURL: spare.BaseURL(), Keys: []string{"key-of-anthropic"}}, nil)
	if o := b.call(t.Context(), llm.Messages, asked); o.err != nil || o.verdicts() != "spare ok" {
		t.Errorf("with another: %q %v %q", o.body, o.err, o.verdicts())
	}
}
