package gemini

import (
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// NewCount returns what asks AI Studio how many tokens a request of chat has for a model. The
// reply is Anthropic's, {"input_tokens": N}: only its clients have the endpoint.
// Source: https://ai.google.dev/api/tokens.
func NewCount(model string) dialect.Plain { return counter{strings.TrimPrefix(model, "models/")} }

type counter struct{ model string }

// Request implements dialect.Plain. The question holds the request for an answer as it would be
// asked, with its system instruction and tools.
func (c counter) Request(q dialect.Question) (dialect.Translated, error) {
	asked, err := translator{}.Request(q)
	if err != nil {
		return dialect.Translated{}, err
	}
	b := append(make([]byte, 0, len(asked.Body)+len(c.model)+64), `{"generateContentRequest":{"model":`...)
	b = llm.AppendString(b, "models/"+c.model)
	if len(asked.Body) > len(`{}`) {
		b = append(b, ',')
	}
	b = append(append(b, asked.Body[1:]...), '}')
	return dialect.Translated{Body: b, Dropped: asked.Dropped}, nil
}

// Reply implements dialect.Plain.
func (counter) Reply(body []byte) ([]byte, error) {
	var d llm.Document
	if err := dialect.Read(&d, body); err != nil {
		return nil, err
	}
	total, _ := d.Get("totalTokens")
	n := gjson.ParseBytes(total)
	if n.Type != gjson.Number {
		return nil, dialect.ErrMalformed
	}
	return append(strconv.AppendInt([]byte(`{"input_tokens":`), count(n), 10), '}'), nil
}

var _ dialect.Plain = counter{}
