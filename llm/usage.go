package llm

// Usage is what an answer used, in tokens unless a field says otherwise. The totals
// include their parts, as OpenAI and OpenTelemetry count them: Input includes CachedInput
// and CacheWrite, which includes CacheHour, and Output includes Reasoning. Zero stands for none as well as for
// unknown; Known tells the two apart.
type Usage struct {
	Input       int64 // prompt tokens, cached ones included
	Output      int64 // completion tokens, reasoning included
	CachedInput int64 // prompt tokens read from the provider's cache
	CacheWrite  int64 // prompt tokens written to the provider's cache
	CacheHour   int64 // those of CacheWrite that are kept for an hour, rather than minutes
	Reasoning   int64 // completion tokens spent on reasoning
	InputAudio  int64 // prompt tokens of audio
	OutputAudio int64 // completion tokens of audio

	// Known says that the provider reported usage.
	Known bool
	// Estimated says that the provider reported none and Mulligan estimated it from the text.
	Estimated bool
}

// Plus returns the usage of two answers that the client sees as one.
func (u Usage) Plus(v Usage) Usage {
	return Usage{
		Input: u.Input + v.Input, Output: u.Output + v.Output,
		CachedInput: u.CachedInput + v.CachedInput, CacheWrite: u.CacheWrite + v.CacheWrite, CacheHour: u.CacheHour + v.CacheHour, Reasoning: u.Reasoning + v.Reasoning,
		InputAudio: u.InputAudio + v.InputAudio, OutputAudio: u.OutputAudio + v.OutputAudio,
		Known: u.Known && v.Known, Estimated: u.Estimated || v.Estimated,
	}
}

// Cost is what an answer cost.
type Cost struct {
	// USD is the cost in US dollars. It is 0 when Priced is false.
	USD float64
	// Priced says whether a price is known for the model that answered. An unpriced answer
	// is reported as such, never as free.
	Priced bool
}

// Plus returns the cost of two answers that the client sees as one. It is known when both are.
func (c Cost) Plus(d Cost) Cost { return Cost{USD: c.USD + d.USD, Priced: c.Priced && d.Priced} }
