package gemini

import (
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// appendLogprobs appends a candidate's log probabilities as the hub has them, and null where
// there are none. Google has the chosen tokens in one list and what might have been chosen in
// another, step by step (source: https://ai.google.dev/api/generate-content#LogprobsResult).
func appendLogprobs(b []byte, v gjson.Result) []byte {
	chosen := v.Get("chosenCandidates")
	if !chosen.IsArray() {
		return append(b, `null`...)
	}
	top := v.Get("topCandidates").Array()
	b = append(b, `{"content":[`...)
	i := 0
	chosen.ForEach(func(_, token gjson.Result) bool {
		b = appendToken(hub.Comma(b), token)
		b = append(hub.Name(b, "top_logprobs"), '[')
		if i < len(top) {
			top[i].Get("candidates").ForEach(func(_, token gjson.Result) bool {
				b = append(appendToken(hub.Comma(b), token), '}')
				return true
			})
		}
		b = append(b, `]}`...)
		i++
		return true
	})
	return append(b, `],"refusal":null}`...)
}

// appendToken appends a token with its probability, and leaves its object open. A number that
// is 0 is not sent.
func appendToken(b []byte, v gjson.Result) []byte {
	token := v.Get("token").String()
	b = llm.AppendString(append(b, `{"token":`...), token)
	b = hub.Name(b, "logprob")
	if p := v.Get("logProbability"); p.Type == gjson.Number {
		b = append(b, p.Raw...)
	} else {
		b = append(b, '0')
	}
	b = append(hub.Name(b, "bytes"), '[')
	for i := range len(token) {
		b = strconv.AppendUint(hub.Comma(b), uint64(token[i]), 10)
	}
	return append(b, ']')
}
