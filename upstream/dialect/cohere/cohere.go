// Package cohere is Cohere's API, version 2: NewFor translates between chat, the hub, and
// /v2/chat, NewEmbeddings and NewRerank between their endpoints.
//
// Values are copied as the bytes they came in. What has no counterpart and changes what is asked
// is refused, as a *dialect.UnsupportedError; what is only a hint, and what Cohere does not know
// and would refuse, is left out and named in Dropped.
//
// Sources: https://docs.cohere.com/reference/chat, https://docs.cohere.com/reference/chat-stream,
// https://docs.cohere.com/reference/embed, https://docs.cohere.com/reference/rerank.
package cohere

import (
	"crypto/rand"
	"time"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// translator implements dialect.Translator.
type translator struct {
	// model is what replies say that they are from: Cohere's own do not say it.
	model string
	// now is the time that replies say they were made at, and newID the id of those that have none.
	now   func() time.Time
	newID func() string
}

// NewFor returns what translates chat into /v2/chat, and replies back, for a model.
func NewFor(model string) dialect.Translator {
	return translator{model: model, now: time.Now, newID: func() string { return "chatcmpl-" + rand.Text() }}
}

// Stream implements dialect.Translator.
func (t translator) Stream() dialect.Stream { return &stream{from: t} }

var (
	_ dialect.Translator = translator{}
	_ dialect.Stream     = (*stream)(nil)
)

// head returns how a reply is known, by the id that Cohere has given it.
func (t translator) head(id gjson.Result) hub.Head {
	h := hub.Head{ID: id.Raw, Model: hub.Quote(t.model), Created: t.now().Unix()}
	if hub.Inside(id) == "" {
		h.ID = hub.Quote(t.newID())
	}
	return h
}

// thoughtFormat is the format of reasoning that Cohere takes back. It is not signed.
const thoughtFormat = "cohere-thinking-v2"

// usage reads a usage as the hub counts it: what is billed, and what of it was read from the
// cache, which is in the prompt and may be more than what is billed of that.
// Source: https://docs.cohere.com/reference/chat (usage.cached_tokens).
func usage(v gjson.Result) llm.Usage {
	in, knowsIn := dialect.Count(counted(v, "input_tokens"))
	out, knowsOut := dialect.Count(counted(v, "output_tokens"))
	cached, _ := dialect.Count(v.Get("cached_tokens"))
	return llm.Usage{Input: in, Output: out, CachedInput: min(cached, in), Known: knowsIn || knowsOut}
}

// counted returns how many tokens of a kind a reply's meta or usage says: what is billed, or
// else what the model has seen, which has the words that Cohere puts around a prompt in it.
func counted(meta gjson.Result, kind string) gjson.Result {
	if billed := meta.Get("billed_units." + kind); billed.Type == gjson.Number {
		return billed
	}
	return meta.Get("tokens." + kind)
}

// finish returns the hub's finish reason; one that is not known is a stop. ERROR and TIMEOUT
// have none: see failed.
// Source: https://docs.cohere.com/reference/chat (finish_reason).
func finish(reason string, called bool) string {
	switch reason {
	case "MAX_TOKENS", "ERROR_LIMIT":
		return "length"
	case "ERROR_TOXIC":
		return "content_filter"
	case "TOOL_CALL":
		if called {
			return "tool_calls"
		}
	}
	return "stop"
}
