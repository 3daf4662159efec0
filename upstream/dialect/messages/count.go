package messages

import (
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// NewCount returns what asks a provider of messages how many tokens a request has. Clients of
// the endpoint speak messages as well, so that what is translated is only what the endpoint
// refuses: what a request says of its answer does not change its length.
// Source: https://platform.claude.com/docs/en/api/messages-count-tokens.
func NewCount() dialect.Plain { return counter{} }

type counter struct{}

// ofAnswers are the members of a request that are about its answer alone.
var ofAnswers = map[string]bool{
	"max_tokens": true, "temperature": true, "top_p": true, "top_k": true, "stop_sequences": true, "stream": true,
	"metadata": true, "service_tier": true, "inference_geo": true, "stream_options": true,
}

// Request implements dialect.Plain.
func (counter) Request(q dialect.Question) (dialect.Translated, error) {
	t := dialect.Translated{Body: append(make([]byte, 0, len(q.Body)), '{')}
	gjson.ParseBytes(q.Body).ForEach(func(name, value gjson.Result) bool {
		if ofAnswers[name.Str] {
			t.Dropped = append(t.Dropped, name.Str)
			return true
		}
		t.Body = append(append(append(hub.Comma(t.Body), name.Raw...), ':'), value.Raw...)
		return true
	})
	if len(t.Dropped) == 0 {
		return dialect.Translated{Body: q.Body}, nil
	}
	t.Body = append(t.Body, '}')
	return t, nil
}

// Reply implements dialect.Plain.
func (counter) Reply(body []byte) ([]byte, error) {
	if err := readCount(body); err != nil {
		return nil, err
	}
	return body, nil
}

// readCount returns nil for a reply that says how many tokens there are.
func readCount(body []byte) error {
	var d llm.Document
	if err := dialect.Read(&d, body); err != nil {
		return err
	}
	if n, _ := d.Get("input_tokens"); gjson.ParseBytes(n).Type != gjson.Number {
		return dialect.ErrMalformed
	}
	return nil
}

var _ dialect.Plain = counter{}
