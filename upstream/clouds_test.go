package upstream

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/provider"
	"github.com/mulligan-gateway/mulligan/upstream/provider/azure"
	"github.com/mulligan-gateway/mulligan/upstream/provider/vertex"
)

// workload is the configuration of a workload identity whose token a server issues, so that the
// account signs in without a key of its own.
func workload(t *testing.T, server string) string {
	t.Helper()
	subject := fakellm.Start(t, fakellm.Raw(http.StatusOK, "text/plain", "subject"), fakellm.Raw(http.StatusOK, "text/plain", "subject"), fakellm.Raw(http.StatusOK, "text/plain", "subject"))
	return `{"type":"external_account","audience":"//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",` +
		`"subject_token_type":"urn:ietf:params:oauth:token-type:jwt","token_url":"` + server + `/sts","credential_source":{"url":"` + subject.URL + `/subject"}}`
}

// token is a token server's answer.
func token(value string) fakellm.Step {
	return fakellm.Raw(http.StatusOK, "application/json", `{"access_token":"`+value+`","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer","expires_in":3600}`)
}

// onVertex returns a bed whose first target is a model at Vertex AI.
func onVertex(t *testing.T, s, tokens *fakellm.Server, model string) *bed {
	t.Helper()
	b := newBed(t, quick())
	google := &vertex.Config{Project: "p", Location: "us-east5", Credentials: workload(t, tokens.URL)}
	b.addModel(provider.Config{Name: "vertex", Kind: provider.KindVertex, BaseURL: s.URL + "/v1", Google: google}, model, nil)
	return b
}

const unauthorized = `{"error":{"code":401,"message":"Request had invalid authentication credentials.","status":"UNAUTHENTICATED"}}`

func TestATokenThatIsRefusedIsFetchedAnewAndTheRequestMadeAgain(t *testing.T) {
	s := fakellm.Start(t,
		fakellm.Raw(http.StatusUnauthorized, "application/json", unauthorized), fakellm.Raw(http.StatusOK, "application/json", geminiReply),
		fakellm.Raw(http.StatusOK, "application/json", geminiReply))
	tokens := fakellm.Start(t, token("token-1"), token("token-2"))
	b := onVertex(t, s, tokens, "gemini-2.5-pro")
	o := b.chat(plainBody)
	if o.err != nil || gjson.Get(o.body, "choices.0.message.content").String() != "Hello there" || o.verdicts() != "vertex again, vertex ok" {
		t.Fatalf("got %q %v %q", o.body, o.err, o.verdicts())
	}
	if o := b.chat(plainBody); o.err != nil || o.verdicts() != "vertex ok" {
		t.Errorf("then %v %q", o.err, o.verdicts())
	}
	for i, want := range []string{"Bearer token-1", "Bearer token-2", "Bearer token-2"} {
		if r := s.Await(i + 1); r.Header.Get("Authorization") != want || r.Path != "/v1/projects/p/locations/us-east5/publishers/google/models/gemini-2.5-pro:generateContent" {
			t.Errorf("request %d: %s %v", i+1, r.Path, r.Header)
		}
	}
}

func TestASignInThatFailsGoesToTheNextTarget(t *testing.T) {
	refused := fakellm.Raw(http.StatusBadRequest, "application/json", `{"error":"invalid_grant","error_description":"The subject is not known."}`)
	garbage := fakellm.Raw(http.StatusOK, "application/json", `{"token_type":`)
	for name, c := range map[string]struct {
		steps    []fakellm.Step
		verdicts string
	}{
		"refused": {[]fakellm.Step{refused}, "vertex next, spare ok"},
		"garbage": {[]fakellm.Step{garbage, garbage, garbage}, "vertex again, vertex again, vertex next, spare ok"},
	} {
		t.Run(name, func(t *testing.T) {
			s := fakellm.Start(t)
			b := onVertex(t, s, fakellm.Start(t, c.steps...), "gemini-2.5-pro")
			b.add(provider.Config{Name: "spare", Kind: provider.KindCompatible, BaseURL: fakellm.Start(t, fakellm.Answer("saved")).BaseURL()}, nil)
			o := b.chat(plainBody)
			if o.err != nil || !strings.Contains(o.body, "saved") || o.verdicts() != c.verdicts {
				t.Errorf("got %q %v %q", o.body, o.err, o.verdicts())
			}
		})
	}
}

func TestAFailingSignInIsNeverTheClients401(t *testing.T) {
	refused := fakellm.Raw(http.StatusUnauthorized, "application/json", `{"error":"invalid_client"}`)
	b := onVertex(t, fakellm.Start(t), fakellm.Start(t, refused), "gemini-2.5-pro")
	o := b.chat(plainBody)
	var e *llm.Error
	if !errors.As(o.err, &e) || e.Code != string(llm.CodeUpstreamUnavailable) || e.Status != http.StatusBadGateway || strings.Contains(e.Message, "invalid_client") {
		t.Errorf("got %v", o.err)
	}
	if why := o.exchange.Attempts[0].ErrorMessage; !strings.Contains(why, "invalid_client") {
		t.Errorf("the log says %q", why)
	}
}

// A token that a vendor repeats in its words is not passed on.
func TestATokenIsNotTheVendorsToQuote(t *testing.T) {
	s := fakellm.Start(t, fakellm.Raw(http.StatusBadRequest, "application/json", `{"error":{"code":400,"message":"What is token-that-is-secret?","status":"INVALID_ARGUMENT"}}`))
	b := onVertex(t, s, fakellm.Start(t, token("token-that-is-secret")), "gemini-2.5-pro")
	o := b.chat(plainBody)
	if o.err == nil || strings.Contains(o.err.Error()+o.exchange.Attempts[0].ErrorMessage, "that-is-secret") {
		t.Errorf("got %v, %q", o.err, o.exchange.Attempts[0].ErrorMessage)
	}
}

func TestASlowSignInEndsWithTheAttempt(t *testing.T) {
	b := onVertex(t, fakellm.Start(t), fakellm.Start(t, fakellm.Hang()), "gemini-2.5-pro")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if o := b.call(ctx, llm.Chat, plainBody); o.err == nil || o.verdicts() == "vertex ok" {
		t.Errorf("got %q %v", o.body, o.err)
	}
}

func TestClaudeOnVertexIsAskedInItsOwnDialect(t *testing.T) {
	stream := fakellm.Steps(fakellm.Header("Content-Type", "text/event-stream; charset=utf-8"), fakellm.Status(http.StatusOK), fakellm.Write(asEvents(messagesEvents...)))
	s := fakellm.Start(t, fakellm.Raw(http.StatusOK, "application/json", messagesReply), stream, fakellm.Raw(http.StatusOK, "application/json", messagesReply))
	b := onVertex(t, s, fakellm.Start(t, token("token-1")), "claude-sonnet-4-5@20250929")
	const path = "/v1/projects/p/locations/us-east5/publishers/anthropic/models/claude-sonnet-4-5@20250929"

	if o := b.call(t.Context(), llm.Messages, messagesBody); o.err != nil || o.body != messagesReply {
		t.Errorf("plain: %q %v", o.body, o.err)
	}
	if r := s.Await(1); r.Path != path+":rawPredict" || string(r.Body) != `{"max_tokens":100,"top_k":3,"messages":[{"role":"user","content":"hi"}],"anthropic_version":"vertex-2023-10-16"}` {
		t.Errorf("the provider got %s %s", r.Path, r.Body)
	}
	if o := b.call(t.Context(), llm.Messages, messagesStream); o.err != nil || o.body != asEvents(messagesEvents...) {
		t.Errorf("stream: %q %v", o.body, o.err)
	}
	if r := s.Await(2); r.Path != path+":streamRawPredict" || !r.Get("stream").Bool() || r.Get("model").Exists() {
		t.Errorf("the provider got %s %s", r.Path, r.Body)
	}
	if o := b.chat(`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`); o.err != nil || gjson.Get(o.body, "choices.0.message.content").String() != "Hello there" {
		t.Errorf("chat: %q %v", o.body, o.err)
	}
	if r := s.Await(3); r.Path != path+":rawPredict" || r.Get("model").Exists() || r.Get("anthropic_version").Str != "vertex-2023-10-16" {
		t.Errorf("the provider got %s %s", r.Path, r.Body)
	}
}

// onAzure returns a bed whose first target is a model at Azure.
func onAzure(t *testing.T, s *fakellm.Server, version, model string) *bed {
	t.Helper()
	b := newBed(t, quick())
	b.addModel(provider.Config{
		Name: "azure", Kind: provider.KindAzure, BaseURL: s.URL, Keys: []string{"key-of-azure"},
		Azure: &azure.Config{APIVersion: version, Deployments: map[string]string{"gpt-5": "prod", "claude-opus-4-5": "prod-claude"}},
	}, model, nil)
	return b
}

// azureStream is a stream as Azure sends it: what its filters say of the prompt is in the first
// chunk, which has no choice, and what they say of the answer is in chunks without a delta.
const azureStream = `data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}` + "\n\n" +
	`data: {"choices":[{"content_filter_results":{},"delta":{"content":"","role":"assistant"},"finish_reason":null,"index":0}],"created":1,"id":"chatcmpl-1","model":"gpt-5","object":"chat.completion.chunk","usage":null}` + "\n\n" +
	`data: {"choices":[{"content_filter_results":{},"delta":{"content":"Hello there"},"finish_reason":null,"index":0}],"created":1,"id":"chatcmpl-1","model":"gpt-5","object":"chat.completion.chunk","usage":null}` + "\n\n" +
	`data: {"choices":[{"content_filter_offsets":{"check_offset":1},"content_filter_results":{},"finish_reason":null,"index":0}],"created":0,"id":"","model":"","object":""}` + "\n\n" +
	`data: {"choices":[{"content_filter_results":{},"delta":{},"finish_reason":"stop","index":0}],"created":1,"id":"chatcmpl-1","model":"gpt-5","object":"chat.completion.chunk","usage":null}` + "\n\n" +
	`data: {"choices":[],"created":1,"id":"chatcmpl-1","model":"gpt-5","object":"chat.completion.chunk","usage":{"prompt_tokens":10,"completion_tokens":3,"total_tokens":13}}` + "\n\ndata: [DONE]\n\n"

func TestAzuresStreamsAreReadWithWhatItsFiltersSay(t *testing.T) {
	step := fakellm.Steps(fakellm.Header("Content-Type", "text/event-stream"), fakellm.Status(http.StatusOK), fakellm.Write(azureStream))
	s := fakellm.Start(t, step, step, step)
	b := onAzure(t, s, "2024-10-21", "gpt-5")
	want := llm.Usage{Input: 10, Output: 3, Known: true}

	o := b.chat(streamBody)
	if text, _ := said(o.body); o.err != nil || text != "Hello there" || o.exchange.Usage != want || o.exchange.ResponseID != "chatcmpl-1" || !strings.Contains(o.body, "prompt_filter_results") {
		t.Errorf("chat: %q %v %+v", o.body, o.err, o.exchange)
	}
	if r := s.Await(1); r.Path != "/openai/deployments/prod/chat/completions" || r.Query.Get("api-version") != "2024-10-21" || r.Header.Get("Api-Key") != "key-of-azure" {
		t.Errorf("the provider was asked at %s %v %v", r.Path, r.Query, r.Header)
	}
	// This version has no Responses API, and speaks no dialect of Anthropic's.
	for endpoint, body := range map[llm.Endpoint]string{
		llm.Responses: `{"model":"m","input":"hi","stream":true}`, llm.Messages: messagesStream,
	} {
		if o := b.call(t.Context(), endpoint, body); o.err != nil || !strings.Contains(o.body, "Hello there") || o.exchange.Usage != want || o.verdicts() != "azure ok" {
			t.Errorf("%s: %q %v %+v", endpoint, o.body, o.err, o.exchange)
		}
	}
}

func TestAPromptThatAzureFiltersIsTheClientsToMend(t *testing.T) {
	const refusal = `{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.","type":null,"param":"prompt","code":"content_filter","status":400,` +
		`"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":true,"severity":"high"}}}}}`
	o := onAzure(t, fakellm.Start(t, fakellm.Raw(http.StatusBadRequest, "application/json", refusal)), "", "gpt-5").chat(plainBody)
	var e *llm.Error
	if !errors.As(o.err, &e) || e.Status != http.StatusBadRequest || e.Code != "content_filter" || e.Param != "prompt" || o.verdicts() != "azure stop" {
		t.Errorf("got %+v %q", e, o.verdicts())
	}
}

func TestADeploymentThatAzureDoesNotHaveGoesToTheNextTarget(t *testing.T) {
	missing := fakellm.Raw(http.StatusNotFound, "application/json", `{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}`)
	b := onAzure(t, fakellm.Start(t, missing), "", "gpt-5")
	b.add(provider.Config{Name: "spare", Kind: provider.KindCompatible, BaseURL: fakellm.Start(t, fakellm.Answer("saved")).BaseURL()}, nil)
	if o := b.chat(plainBody); o.err != nil || o.verdicts() != "azure next, spare ok" {
		t.Errorf("got %q %v %q", o.body, o.err, o.verdicts())
	}
}

func TestClaudeOnAzureIsAskedInItsOwnDialect(t *testing.T) {
	s := fakellm.Start(t, fakellm.Raw(http.StatusOK, "application/json", messagesReply), fakellm.Raw(http.StatusOK, "application/json", messagesReply))
	b := onAzure(t, s, "", "claude-opus-4-5")
	for i, o := range []outcome{b.call(t.Context(), llm.Messages, messagesBody), b.chat(`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`)} {
		if o.err != nil || !strings.Contains(o.body, "Hello there") {
			t.Errorf("got %q %v", o.body, o.err)
		}
		r := s.Await(i + 1)
		if r.Path != "/anthropic/v1/messages" || r.Get("model").Str != "prod-claude" || r.Header.Get("Anthropic-Version") != "2023-06-01" || r.Header.Get("Api-Key") != "key-of-azure" {
			t.Errorf("the provider got %s %v %s", r.Path, r.Header, r.Body)
		}
	}
}
