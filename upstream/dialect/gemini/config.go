package gemini

import (
	"math"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// generation appends the generation config, if there is something in it. Values go as they
// are: Google checks their ranges, and says so in words that name them.
// Source: https://ai.google.dev/api/generate-content#generationconfig.
func (r *request) generation(b []byte) ([]byte, error) {
	start := len(b)
	b = append(member(b, "generationConfig"), '{')
	empty := len(b)
	if n := r.take("n"); given(n) && n.Raw != "1" {
		b = raw(b, "candidateCount", n.Raw)
	}
	// Both count the thoughts, as max_completion_tokens does.
	limit, older := r.take("max_completion_tokens"), r.take("max_tokens")
	if !given(limit) {
		limit = older
	}
	b = raw(b, "maxOutputTokens", limit.Raw)
	b = raw(b, "temperature", r.take("temperature").Raw)
	b = raw(b, "topP", r.take("top_p").Raw)
	for _, w := range []struct{ name, hub string }{{"presencePenalty", "presence_penalty"}, {"frequencyPenalty", "frequency_penalty"}} {
		// 0 is what there is without a word. Another is refused by most models since 2.5, which say
		// so themselves (https://github.com/google-gemini/cookbook/issues/1290).
		if v := r.take(w.hub); v.Type != gjson.Number || v.Num != 0 {
			b = raw(b, w.name, v.Raw)
		}
	}
	b = r.seed(b)
	b = stops(b, r.take("stop"))
	b = r.logprobs(b)
	b, err := r.format(b)
	if err != nil {
		return b, err
	}
	if asked := r.take("modalities"); !given(r.in["responseModalities"]) && !given(r.in["response_modalities"]) {
		if b, err = modalities(b, asked); err != nil {
			return b, err
		}
	}
	for _, n := range nativeConfigs {
		v := r.takeEither(n.name, n.snake)
		if n.name == "thinkingConfig" {
			b = r.thinking(b, v)
			continue
		}
		b = raw(b, n.name, v.Raw)
	}
	if len(b) == empty {
		return b[:start], nil
	}
	return append(b, '}'), nil
}

// seed appends the seed. Google's is a number of 32 bits and OpenAI's one of 64; a larger one
// is dropped, since a seed is no promise at either.
func (r *request) seed(b []byte) []byte {
	v := r.take("seed")
	switch {
	case !given(v):
		return b
	case v.Num != math.Trunc(v.Num) || v.Num < math.MinInt32 || v.Num > math.MaxInt32:
		r.drop("seed")
		return b
	}
	return raw(b, "seed", v.Raw)
}

// logprobs appends that log probabilities are asked for, and how many of the tokens that
// might have been chosen.
func (r *request) logprobs(b []byte) []byte {
	asked, top := r.take("logprobs"), r.take("top_logprobs")
	if asked.Type != gjson.True {
		return b
	}
	b = raw(b, "responseLogprobs", "true")
	if given(top) && top.Raw != "0" {
		b = raw(b, "logprobs", top.Raw)
	}
	return b
}

// format appends what form the answer is to have. Models before Gemini 3 answer 400 to JSON
// output together with functions: "Function calling with a response mime type:
// 'application/json' is unsupported" (seen in https://github.com/symfony/ai/issues/803; that
// Gemini 3 can is in https://ai.google.dev/gemini-api/docs/structured-output).
func (r *request) format(b []byte) ([]byte, error) {
	v := r.take("response_format")
	schema := ""
	switch kind := v.Get("type").String(); {
	case !given(v) || kind == "text":
		return b, nil
	case kind == "json_object":
	case kind == "json_schema":
		if s := v.Get("json_schema.schema"); s.IsObject() {
			schema = string(appendSchema(nil, s))
		}
	default:
		return b, &dialect.UnsupportedError{Field: "response_format", Why: "Gemini has no format " + shorten(kind)}
	}
	if r.calls && r.family.major > 0 && r.family.major < 3 {
		return b, &dialect.UnsupportedError{Field: "response_format", Why: "this model cannot have JSON output together with tools"}
	}
	b = raw(b, "responseMimeType", `"application/json"`)
	return raw(b, "responseJsonSchema", schema), nil
}

// shorten keeps what a client has written at a length that a message can hold.
func shorten(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
