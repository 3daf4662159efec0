package rules

// InputTokens estimates the length of the prompt in tokens, as request.input_tokens does. It
// is for accounts of answers whose provider reports no usage.
func (f *Facts) InputTokens() int64 { return int64(f.inputTokens()) }
