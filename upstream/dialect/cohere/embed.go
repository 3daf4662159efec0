package cohere

import (
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/embeddings"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// NewEmbeddings returns the translator of embeddings for a model: OpenAI's requests become
// those of /v2/embed.
//
// dimensions becomes output_dimension. Cohere's own input_type, truncate and max_tokens may be
// sent. Its newer models want an input_type, which OpenAI's clients do not know: it is
// search_document unless they say another. Cohere cuts a text that is too long off at its end
// unless it is told not to; OpenAI refuses it, and so does a translated request.
// Source: https://docs.cohere.com/reference/embed.
func NewEmbeddings(model string) dialect.Plain { return embedder{model} }

type embedder struct{ model string }

// Request implements dialect.Plain.
func (e embedder) Request(q dialect.Question) (dialect.Translated, error) {
	r, err := embeddings.Read(q.Body, "Cohere", "input_type", "truncate", "max_tokens")
	if err != nil {
		return dialect.Translated{}, err
	}
	b := llm.AppendString(append(make([]byte, 0, len(q.Body)+160), `{"model":`...), e.model)
	b = append(b, `,"texts":[`...)
	for i, text := range r.Texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, text...)
	}
	b = append(b, `],"embedding_types":["float"]`...)
	for _, m := range []struct{ name, value, otherwise string }{
		{"input_type", r.Own["input_type"].Raw, `"search_document"`},
		{"truncate", r.Own["truncate"].Raw, `"NONE"`},
		{"max_tokens", r.Own["max_tokens"].Raw, ""},
		{"output_dimension", r.Dimensions, ""},
	} {
		if m.value == "" {
			m.value = m.otherwise
		}
		if m.value != "" {
			b = append(append(append(b, `,"`...), m.name...), `":`...)
			b = append(b, m.value...)
		}
	}
	return dialect.Translated{Body: append(b, '}'), Dropped: r.Dropped}, nil
}

// Reply implements dialect.Plain.
func (e embedder) Reply(body []byte) ([]byte, error) {
	var d llm.Document
	if err := dialect.Read(&d, body); err != nil {
		return nil, err
	}
	vectors, _ := d.Get("embeddings")
	reply := embeddings.NewReply(len(body))
	var err error
	hub.Each(gjson.GetBytes(vectors, "float"), func(v gjson.Result) bool {
		err = reply.Add(v)
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	meta, _ := d.Get("meta")
	return reply.End(e.model, counted(gjson.ParseBytes(meta), "input_tokens"))
}

var _ dialect.Plain = embedder{}
