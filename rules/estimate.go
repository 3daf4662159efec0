package rules

import "github.com/mulligan-gateway/mulligan/llm"

// InputTokens estimates the length of the prompt in tokens, as request.input_tokens does. It
// is for accounts of answers whose provider reports no usage.
func (f *Facts) InputTokens() int64 { return int64(f.inputTokens()) }

// CountTokens estimates the length of a prompt of Anthropic's Messages API in tokens, as
// request.input_tokens does, for a request as a provider would be sent it.
func CountTokens(p llm.Payload) int64 {
	doc, err := llm.ParseJSON(p.Bytes())
	if err != nil {
		return 0 // it was read before it was rewritten, so this cannot be
	}
	f := Facts{Request: &llm.Request{Endpoint: llm.CountTokens, Doc: doc}}
	return f.InputTokens()
}
