package upstream

import (
	"net/http"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/llm"
)

// What does not converse at Bedrock is asked by InvokeModel, each in its own words.
func TestEmbeddingsAndRankingsByBedrock(t *testing.T) {
	for name, c := range map[string]struct {
		endpoint                      llm.Endpoint
		model, body, reply            string
		path, sent, want, wantedValue string
	}{
		"Titan": {llm.Embeddings, "amazon.titan-embed-text-v2:0", `{"model":"m","input":"hi","encoding_format":"base64","dimensions":256}`,
			`{"embedding":[0.5,-1],"inputTextTokenCount":3,"embeddingsByType":{"float":[0.5,-1]}}`,
			"/model/amazon.titan-embed-text-v2:0/invoke", `{"inputText":"hi","dimensions":256}`, "data.0.embedding", "AAAAPwAAgL8="},
		"Cohere": {llm.Embeddings, "us.cohere.embed-v4:0", `{"model":"m","input":["hi"],"encoding_format":"base64"}`,
			`{"id":"1","embeddings":{"float":[[0.5,-1]]},"texts":["hi"],"response_type":"embeddings_by_type"}`,
			"/model/us.cohere.embed-v4:0/invoke", `{"texts":["hi"],"input_type":"search_document","truncate":"NONE","embedding_types":["float"]}`, "data.0.embedding", "AAAAPwAAgL8="},
		"ranking": {llm.Rerank, "cohere.rerank-v3-5:0", `{"model":"m","query":"q","documents":["a","b"],"top_n":1}`,
			`{"results":[{"index":1,"relevance_score":0.9}]}`,
			"/model/cohere.rerank-v3-5:0/invoke", `{"query":"q","documents":["a","b"],"top_n":1,"api_version":2}`, "results.0.index", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := fakellm.Start(t, fakellm.Raw(http.StatusOK, "application/json", c.reply))
			b := newBed(t, quick())
			target := bytesOnly(b, s, nil)
			target.Model = c.model
			target.findChat()
			o := b.call(t.Context(), c.endpoint, c.body)
			if o.err != nil || gjson.Get(o.body, c.want).String() != c.wantedValue || gjson.Get(o.body, "model").String() != c.model {
				t.Fatalf("%s %v", o.body, o.err)
			}
			r := s.Await(1)
			if r.Path != c.path || string(r.Body) != c.sent {
				t.Errorf("asked at %s: %s", r.Path, r.Body)
			}
			if b.route.Targets[0].Serves(llm.Chat) {
				t.Error("it converses")
			}
		})
	}
}
