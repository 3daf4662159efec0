package dialect

import (
	"math"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/mulligan-gateway/mulligan/llm"
)

func TestUsageIsReadInEveryVendorsWords(t *testing.T) {
	for name, c := range map[string]struct {
		raw  string
		want llm.Usage
	}{
		"OpenAI chat": {
			`{"prompt_tokens":190,"completion_tokens":379,"total_tokens":569,"prompt_tokens_details":{"cached_tokens":100,"audio_tokens":5},` +
				`"completion_tokens_details":{"reasoning_tokens":320,"audio_tokens":6,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}`,
			llm.Usage{Input: 190, Output: 379, CachedInput: 100, Reasoning: 320, InputAudio: 5, OutputAudio: 6},
		},
		"OpenAI responses": {
			`{"input_tokens":63,"input_tokens_details":{"cached_tokens":60},"output_tokens":212,"output_tokens_details":{"reasoning_tokens":128},"total_tokens":275}`,
			llm.Usage{Input: 63, Output: 212, CachedInput: 60, Reasoning: 128},
		},
		"OpenAI transcriptions": {
			`{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":0,"audio_tokens":14},"output_tokens":45,"total_tokens":59}`,
			llm.Usage{Input: 14, Output: 45, InputAudio: 14},
		},
		"DeepSeek": {
			`{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,"prompt_cache_hit_tokens":64,"prompt_cache_miss_tokens":36,"completion_tokens_details":{"reasoning_tokens":7}}`,
			llm.Usage{Input: 100, Output: 20, CachedInput: 64, Reasoning: 7},
		},
		"DeepSeek, in both words": {
			`{"prompt_tokens_details":{"cached_tokens":64},"prompt_tokens":100,"completion_tokens":20,"prompt_cache_hit_tokens":64}`,
			llm.Usage{Input: 100, Output: 20, CachedInput: 64},
		},
		"Moonshot":                            {`{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,"cached_tokens":64}`, llm.Usage{Input: 100, Output: 20, CachedInput: 64}},
		"xAI counts reasoning beside":         {`{"prompt_tokens":496,"completion_tokens":77,"total_tokens":829,"completion_tokens_details":{"reasoning_tokens":256}}`, llm.Usage{Input: 496, Output: 333, Reasoning: 256}},
		"xAI without reasoning":               {`{"prompt_tokens":496,"completion_tokens":77,"total_tokens":573,"completion_tokens_details":{"reasoning_tokens":0}}`, llm.Usage{Input: 496, Output: 77}},
		"xAI, the total first":                {`{"total_tokens":6,"completion_tokens_details":{"reasoning_tokens":3},"completion_tokens":2,"prompt_tokens":1}`, llm.Usage{Input: 1, Output: 5, Reasoning: 3}},
		"reasoning without a total is inside": {`{"prompt_tokens":1,"completion_tokens":5,"completion_tokens_details":{"reasoning_tokens":3}}`, llm.Usage{Input: 1, Output: 5, Reasoning: 3}},
		"OpenRouter writes to a cache":        {`{"prompt_tokens":690,"completion_tokens":120,"total_tokens":810,"cost":0.00129,"prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":512}}`, llm.Usage{Input: 690, Output: 120, CacheWrite: 512}},
		"Groq":                                {`{"queue_time":0.2,"prompt_tokens":205,"prompt_time":0.04,"completion_tokens":53,"completion_time":0.15,"total_tokens":258,"total_time":0.19}`, llm.Usage{Input: 205, Output: 53}},
		"embeddings":                          {`{"prompt_tokens":8,"total_tokens":8}`, llm.Usage{Input: 8}},
		"rerank says a total only":            {`{"total_tokens":8}`, llm.Usage{Input: 8}},
		"details that are null":               {`{"prompt_tokens":1,"completion_tokens":2,"prompt_tokens_details":null,"completion_tokens_details":null}`, llm.Usage{Input: 1, Output: 2}},
		"nothing used":                        {`{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}`, llm.Usage{}},
		"numbers with a point":                {`{"prompt_tokens":3.0,"completion_tokens":2e1}`, llm.Usage{Input: 3, Output: 20}},
		"numbers that are none":               {`{"prompt_tokens":"3","completion_tokens":-2}`, llm.Usage{}},
		"numbers beyond belief":               {`{"prompt_tokens":1e300,"completion_tokens":9223372036854775807}`, llm.Usage{}},
	} {
		c.want.Known = true
		if got, ok := Usage([]byte(c.raw)); !ok || got != c.want {
			t.Errorf("%s: %t %+v, want %+v", name, ok, got, c.want)
		}
	}
}

func TestWhatIsNoUsageIsNotKnown(t *testing.T) {
	for _, raw := range []string{``, `null`, `{}`, `[]`, `7`, `"x"`, `{"type":"duration","seconds":3}`, `{"total_tokens":0}`, `{"usage":{"prompt_tokens":1}}`} {
		if got, ok := Usage([]byte(raw)); ok || got != (llm.Usage{}) {
			t.Errorf("%s: %+v", raw, got)
		}
	}
}

func TestUsageIsNeverNegativeNorBeyondBelief(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := func(label string) string {
			n := rapid.OneOf(rapid.Float64Range(-10, 1000), rapid.Float64(), rapid.SampledFrom([]float64{maxCount, maxCount + 1, math.MaxInt64})).Draw(t, label)
			return strconv.FormatFloat(n, 'g', -1, 64)
		}
		raw := `{"prompt_tokens":` + number("input") + `,"completion_tokens":` + number("output") + `,"total_tokens":` + number("total") +
			`,"completion_tokens_details":{"reasoning_tokens":` + number("reasoning") + `},"prompt_tokens_details":{"cached_tokens":` + number("cached") + `}}`
		u, ok := Usage([]byte(raw))
		if !ok || min(u.Input, u.Output, u.CachedInput, u.Reasoning) < 0 || max(u.Input, u.Output, u.CachedInput, u.Reasoning) > 2*maxCount {
			t.Fatalf("%s: %t %+v", raw, ok, u)
		}
	})
}
