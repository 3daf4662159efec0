package upstream

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/provider"
)

// vectorsOf are the same two vectors, 0.5 and -1, as vendors give them.
const (
	ofGemini = `{"embeddings":[{"values":[0.5,-1]},{"values":[0.5,-1]}],"usageMetadata":{"promptTokenCount":7}}`
	ofCohere = `{"id":"1","embeddings":{"float":[[0.5,-1],[0.5,-1]]},"meta":{"billed_units":{"input_tokens":7}}}`
	ofOpenAI = `{"object":"list","data":[{"index":0,"embedding":[0.5,-1]},{"index":1,"embedding":"AAAAPwAAgL8="}],"model":"m","usage":{"prompt_tokens":7,"total_tokens":7}}`
)

// at returns a bed whose one target is at a provider of a kind.
func at(t *testing.T, kind string, s *fakellm.Server) *bed {
	t.Helper()
	b := newBed(t, quick())
	b.add(provider.Config{Name: kind, Kind: kind, BaseURL: s.BaseURL(), Keys: []string{"key-of-the-provider"}}, nil)
	return b
}

// Whoever answers, the client gets the encoding that it has asked for.
func TestEmbeddingsComeInTheEncodingThatWasAskedFor(t *testing.T) {
	for kind, c := range map[string]struct{ reply, path string }{
		"google":            {ofGemini, "/v1/models/m:batchEmbedContents"},
		"cohere":            {ofCohere, "/v1/embed"},
		"openai_compatible": {ofOpenAI, "/v1/embeddings"},
	} {
		t.Run(kind, func(t *testing.T) {
			s := fakellm.Start(t)
			s.Always(fakellm.Raw(http.StatusOK, "application/json", c.reply))
			b := at(t, kind, s)
			for format, want := range map[string]string{"base64": `"AAAAPwAAgL8="`, "float": `[0.5,-1]`} {
				o := b.call(t.Context(), llm.Embeddings, `{"model":"m","input":["a","b"],"encoding_format":"`+format+`"}`)
				for _, vector := range gjson.Get(o.body, "data.#.embedding").Array() {
					if vector.Raw != want {
						t.Errorf("%s: %s", format, vector.Raw)
					}
				}
				if o.err != nil || gjson.Get(o.body, "data.#").Int() != 2 || gjson.Get(o.body, "usage.prompt_tokens").Int() != 7 ||
					gjson.Get(o.body, "model").String() != "m" || o.exchange.Usage != (llm.Usage{Input: 7, Known: true}) {
					t.Errorf("%s: %s %v %+v", format, o.body, o.err, o.exchange.Usage)
				}
			}
			if r := s.Await(1); r.Path != c.path {
				t.Errorf("asked at %s", r.Path)
			}
		})
	}
}

func TestEmbeddingsWithoutUsageAreEstimated(t *testing.T) {
	s := fakellm.Start(t, fakellm.Raw(http.StatusOK, "application/json", `{"embeddings":[{"values":[1]}]}`))
	o := at(t, "google", s).call(t.Context(), llm.Embeddings, `{"model":"m","input":"a"}`)
	if o.err != nil || o.exchange.Usage != (llm.Usage{Input: 9, Estimated: true}) {
		t.Errorf("%s %v %+v", o.body, o.err, o.exchange.Usage)
	}
}

// Tokens mean nothing to a vendor that takes texts: the next target is asked, or the client told.
func TestTokensGoToWhoeverTakesThem(t *testing.T) {
	const tokens = `{"model":"m","input":[1,2,3]}`
	b := at(t, "cohere", fakellm.Start(t))
	o := b.call(t.Context(), llm.Embeddings, tokens)
	if code(o.err) != "unsupported_by_provider" || !strings.Contains(o.err.Error(), "input is tokens") || len(o.exchange.Attempts) > 0 {
		t.Errorf("alone: %v %s", o.err, o.verdicts())
	}
	b.add(provider.Config{Name: "spare", Kind: provider.KindCompatible, BaseURL: fakellm.Start(t, fakellm.Answer("")).BaseURL()}, nil)
	if o = b.call(t.Context(), llm.Embeddings, tokens); o.err != nil || o.verdicts() != "spare ok" {
		t.Errorf("with another: %v %s", o.err, o.verdicts())
	}
}

func TestRepliesThatAreNotOfTheEndpointFailOver(t *testing.T) {
	for name, step := range map[string]fakellm.Step{
		"no vectors": fakellm.Raw(http.StatusOK, "application/json", `{"embeddings":[]}`),
		"a stream":   fakellm.Steps(fakellm.Stream(), fakellm.Role(), fakellm.Done()),
		"an error":   fakellm.Raw(http.StatusServiceUnavailable, "application/json", `{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}`),
	} {
		t.Run(name, func(t *testing.T) {
			b := at(t, "google", fakellm.Start(t, step))
			b.route.Policy.Retries = 0
			b.add(provider.Config{Name: "spare", Kind: provider.KindCompatible, BaseURL: fakellm.Start(t, fakellm.Answer("")).BaseURL()}, nil)
			o := b.call(t.Context(), llm.Embeddings, `{"model":"m","input":"a","encoding_format":"float"}`)
			if o.err != nil || o.verdicts() != "google next, spare ok" || gjson.Get(o.body, "data.0.embedding.0").Num != 0.5 {
				t.Errorf("%s %v %s", o.body, o.err, o.verdicts())
			}
		})
	}
}

func TestARankingByCohereIsWhatClientsOfRerankKnow(t *testing.T) {
	s := fakellm.Start(t, fakellm.Raw(http.StatusOK, "application/json", `{"results":[{"index":1,"relevance_score":0.9}],"id":"1","meta":{"billed_units":{"search_units":1}}}`))
	o := at(t, "cohere", s).call(t.Context(), llm.Rerank, `{"model":"m","query":"q","documents":["a",{"text":"b"}],"return_documents":true}`)
	if o.err != nil || o.body != `{"model":"m","results":[{"index":1,"relevance_score":0.9,"document":{"text":"b"}}],"id":"1","meta":{"billed_units":{"search_units":1}}}` {
		t.Errorf("%s %v", o.body, o.err)
	}
	if r := s.Await(1); r.Path != "/v1/rerank" || string(r.Body) != `{"model":"m","query":"q","documents":["a","b"]}` || r.Header.Get("Authorization") != "Bearer key-of-the-provider" {
		t.Errorf("asked at %s: %s", r.Path, r.Body)
	}
}
