// Package titan is how Amazon's Titan models on Bedrock speak of embeddings, by InvokeModel: one
// text at a time.
//
// Source: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html.
package titan

import (
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/embeddings"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// NewEmbeddings returns the translator of embeddings for a model. Titan's own normalize may be
// sent; the first Titan, which takes neither it nor dimensions, refuses them itself.
func NewEmbeddings(model string) dialect.Plain { return embedder{model} }

type embedder struct{ model string }

// Request implements dialect.Plain.
func (embedder) Request(q dialect.Question) (dialect.Translated, error) {
	r, err := embeddings.Read(q.Body, "Titan", "normalize")
	if err != nil {
		return dialect.Translated{}, err
	}
	if len(r.Texts) > 1 {
		return dialect.Translated{}, hub.Unsupported("input", "is several texts, and Titan takes one at a time")
	}
	b := hub.Member(append(make([]byte, 0, len(q.Body)+32), '{'), "inputText", r.Texts[0])
	b = hub.Given(b, "dimensions", r.Dimensions)
	b = hub.Given(b, "normalize", r.Own["normalize"].Raw)
	return dialect.Translated{Body: append(b, '}'), Dropped: r.Dropped}, nil
}

// Reply implements dialect.Plain.
func (e embedder) Reply(body []byte) ([]byte, error) {
	var d llm.Document
	if err := dialect.Read(&d, body); err != nil {
		return nil, err
	}
	vector, _ := d.Get("embedding")
	tokens, _ := d.Get("inputTextTokenCount")
	reply := embeddings.NewReply(len(body))
	if err := reply.Add(gjson.ParseBytes(vector)); err != nil {
		return nil, err
	}
	return reply.End(e.model, gjson.ParseBytes(tokens))
}

var _ dialect.Plain = embedder{}
