package gemini

import (
	"math"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// generation appends the generation config, if there is something in it. Values go as they
// are: Google checks their ranges, and says so in words that name them.
// Source: https://ai.google.dev/api/generate-content#generationconfig.
func (r *request) generation(b []byte) ([]byte, error) {
	start := len(b)
	b = append(hub.Name(b, "generationConfig"), '{')
	empty := len(b)
	if n := r.in.N; hub.Present(n) && n.Raw != "1" {
		b = hub.Given(b, "candidateCount", n.Raw)
	}
	// Both count the thoughts, as max_completion_tokens does.
	limit := r.in.MaxCompletion
	if !hub.Present(limit) {
		limit = r.in.MaxTokens
	}
	b = hub.Given(b, "maxOutputTokens", limit.Raw)
	b = hub.Given(b, "temperature", r.in.Temperature.Raw)
	b = hub.Given(b, "topP", r.in.TopP.Raw)
	b = penalty(b, "presencePenalty", r.in.Presence)
	b = penalty(b, "frequencyPenalty", r.in.Frequency)
	b = r.seed(b)
	stops, err := r.in.Stops(nil, "")
	if err != nil {
		return b, err
	}
	b = hub.List(b, "stopSequences", stops)
	b = r.logprobs(b)
	if b, err = r.format(b); err != nil {
		return b, err
	}
	if !hub.Present(r.own["responseModalities"]) && !hub.Present(r.own["response_modalities"]) {
		if b, err = modalities(b, r.in.Modalities); err != nil {
			return b, err
		}
	}
	for _, n := range nativeConfigs {
		v := r.either(n.name, n.snake)
		if n.name == "thinkingConfig" {
			b = r.thinking(b, v)
			continue
		}
		b = hub.Given(b, n.name, v.Raw)
	}
	if len(b) == empty {
		return b[:start], nil
	}
	return append(b, '}'), nil
}

// penalty appends a penalty. 0 is what there is without a word. Another is refused by most
// models since 2.5, which say so themselves
// (https://github.com/google-gemini/cookbook/issues/1290).
func penalty(b []byte, name string, v gjson.Result) []byte {
	if v.Type == gjson.Number && v.Num == 0 {
		return b
	}
	return hub.Given(b, name, v.Raw)
}

// seed appends the seed. Google's is a number of 32 bits and OpenAI's one of 64; a larger one
// is dropped, since a seed is no promise at either.
func (r *request) seed(b []byte) []byte {
	v := r.seedAsked
	switch {
	case !hub.Present(v):
		return b
	case v.Num != math.Trunc(v.Num) || v.Num < math.MinInt32 || v.Num > math.MaxInt32:
		r.dropped.Add("seed")
		return b
	}
	return hub.Given(b, "seed", v.Raw)
}

// logprobs appends that log probabilities are asked for, and how many of the tokens that
// might have been chosen.
func (r *request) logprobs(b []byte) []byte {
	if r.in.Logprobs.Type != gjson.True {
		return b
	}
	b = hub.Given(b, "responseLogprobs", "true")
	if top := r.in.TopLogprobs; top.Raw != "0" {
		b = hub.Given(b, "logprobs", top.Raw)
	}
	return b
}

// format appends what form the answer is to have. Models before Gemini 3 answer 400 to JSON
// output together with functions: "Function calling with a response mime type:
// 'application/json' is unsupported" (seen in https://github.com/symfony/ai/issues/803; that
// Gemini 3 can is in https://ai.google.dev/gemini-api/docs/structured-output).
func (r *request) format(b []byte) ([]byte, error) {
	v := r.in.Format
	schema := ""
	switch kind := v.Get("type").String(); {
	case !hub.Present(v) || kind == "text":
		return b, nil
	case kind == "json_object":
	case kind == "json_schema":
		if s := v.Get("json_schema.schema"); s.IsObject() {
			schema = string(appendSchema(nil, s))
		}
	default:
		return b, hub.Unsupported("response_format", "Gemini has no format "+shorten(kind))
	}
	if r.calls && r.family.major > 0 && r.family.major < 3 {
		return b, hub.Unsupported("response_format", "this model cannot have JSON output together with tools")
	}
	b = hub.Given(b, "responseMimeType", `"application/json"`)
	return hub.Given(b, "responseJsonSchema", schema), nil
}

// shorten keeps what a client has written at a length that a message can hold.
func shorten(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
