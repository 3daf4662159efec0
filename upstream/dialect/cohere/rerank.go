package cohere

import (
	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/rerank"
)

// NewRerank returns the translator of rankings for a model: requests become those of
// /v2/rerank, which takes documents that are texts, and does not give them back. A document
// {"text": …} becomes its text. Source: https://docs.cohere.com/reference/rerank.
func NewRerank(model string) dialect.Plain { return ranker{model} }

type ranker struct{ model string }

// Request implements dialect.Plain.
func (k ranker) Request(q dialect.Question) (dialect.Translated, error) {
	r, err := rerank.Read(q.Body, "Cohere", "max_tokens_per_doc", "priority")
	if err != nil {
		return dialect.Translated{}, err
	}
	b := llm.AppendString(append(make([]byte, 0, len(q.Body)+32), `{"model":`...), k.model)
	b = append(append(b, `,"query":`...), r.Query...)
	b = append(b, `,"documents":[`...)
	for i, text := range r.Documents {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, text...)
	}
	b = append(b, ']')
	for _, m := range []struct{ name, value string }{
		{"top_n", r.Top}, {"max_tokens_per_doc", r.Own["max_tokens_per_doc"].Raw}, {"priority", r.Own["priority"].Raw},
	} {
		if m.value != "" {
			b = append(append(append(b, `,"`...), m.name...), `":`...)
			b = append(b, m.value...)
		}
	}
	return dialect.Translated{Body: append(b, '}'), Dropped: r.Dropped}, nil
}

// Reply implements dialect.Plain. Cohere's reply is what clients of rerank know; it lacks the
// model.
func (k ranker) Reply(body []byte) ([]byte, error) {
	return rerank.Named(body, k.model)
}

var _ dialect.Plain = ranker{}
