package gemini

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/embeddings"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// NewEmbeddings returns the translator of embeddings at AI Studio for a model: OpenAI's requests
// become batchEmbedContents, which takes one text or many.
//
// dimensions becomes outputDimensionality. Google's own taskType and title may be sent, and
// input_type, as Cohere calls the same, becomes taskType where Google has a word for it.
// Source: https://ai.google.dev/api/embeddings.
func NewEmbeddings(model string) dialect.Plain {
	return embedder{strings.TrimPrefix(model, "models/")}
}

type embedder struct{ model string }

// taskTypes are Google's words for Cohere's kinds of input.
var taskTypes = map[string]string{
	"search_document": "RETRIEVAL_DOCUMENT", "search_query": "RETRIEVAL_QUERY",
	"classification": "CLASSIFICATION", "clustering": "CLUSTERING",
}

// Request implements dialect.Plain.
func (e embedder) Request(q dialect.Question) (dialect.Translated, error) {
	r, err := embeddings.Read(q.Body, "Gemini", "taskType", "task_type", "title", "input_type")
	if err != nil {
		return dialect.Translated{}, err
	}
	rest := hub.Given([]byte{'{'}, "outputDimensionality", r.Dimensions)
	switch kind := taskTypes[r.Own["input_type"].Str]; {
	case r.Own["taskType"].Exists():
		rest = hub.Given(rest, "taskType", r.Own["taskType"].Raw)
	case r.Own["task_type"].Exists():
		rest = hub.Given(rest, "taskType", r.Own["task_type"].Raw)
	case kind != "":
		rest = hub.Given(rest, "taskType", `"`+kind+`"`)
	case r.Own["input_type"].Exists():
		r.Dropped = append(r.Dropped, "input_type")
	}
	rest = hub.Given(rest, "title", r.Own["title"].Raw)
	b := append(make([]byte, 0, len(q.Body)+len(r.Texts)*128), `{"requests":[`...)
	for _, text := range r.Texts {
		b = llm.AppendString(append(hub.Comma(b), `{"model":`...), "models/"+e.model)
		b = append(append(b, `,"content":{"parts":[{"text":`...), text...)
		b = append(b, `}]}`...)
		if len(rest) > 1 {
			b = append(append(b, ','), rest[1:]...)
		}
		b = append(b, '}')
	}
	return dialect.Translated{Body: append(b, `]}`...), Dropped: r.Dropped}, nil
}

// Reply implements dialect.Plain. Not every model says how many tokens the texts had.
func (e embedder) Reply(body []byte) ([]byte, error) {
	var d llm.Document
	if err := dialect.Read(&d, body); err != nil {
		return nil, err
	}
	list, _ := d.Get("embeddings")
	usage, _ := d.Get("usageMetadata")
	reply := embeddings.NewReply(len(body))
	var err error
	hub.Each(gjson.ParseBytes(list), func(v gjson.Result) bool {
		err = reply.Add(v.Get("values"))
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	return reply.End(e.model, gjson.GetBytes(usage, "promptTokenCount"))
}

var _ dialect.Plain = embedder{}
