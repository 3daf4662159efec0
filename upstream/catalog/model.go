// Package catalog is the model garden: which models there are and which of them may be
// used, with their prices, limits and abilities. The built-in catalog comes from models.dev;
// a config adds models of its own and says which are activated.
package catalog

import (
	"math"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
)

// Model is one model at one provider. Prices are in US dollars per million tokens and nil
// where none is known; limits are in tokens and 0 where none is known.
type Model struct {
	// Provider is the provider's name in the config; in the built-in catalog, its kind.
	Provider string
	// ID is the model's id at the provider.
	ID string
	// Title is the model's name for people.
	Title string
	// Released is when the model came out; zero when that is not known.
	Released time.Time

	Prices
	// Tiers are the prices for long inputs, the longest last.
	Tiers []Tier

	ContextWindow int64 // input and output together
	MaxOutput     int64

	// What the model can do, as far as is known.
	Tools, Reasoning, StructuredOutput bool
	// InputKinds are what the model reads: text, image, audio, video, pdf.
	InputKinds []string

	// Listed says that the catalog or the config names the model, rather than a wildcard
	// admitting whatever a client writes.
	Listed bool
}

// Prices are per million tokens.
type Prices struct {
	Input, Output           *float64
	CachedInput, CacheWrite *float64 // Input where nil
	CacheHour               *float64 // of what is written for an hour; hourly times CacheWrite where nil
	ReasoningOutput         *float64 // Output where nil
	InputAudio, OutputAudio *float64 // Input and Output where nil
}

// Tier is the prices of a request whose input is longer than a number of tokens.
type Tier struct {
	Above int64
	Prices
}

// Name returns "provider/model-id".
func (m *Model) Name() string { return m.Provider + "/" + m.ID }

// Cost returns what usage of the model costs. It is unpriced for a nil model, and for one
// whose price is not known; a model whose prices are 0 is priced, and free.
func (m *Model) Cost(u llm.Usage) llm.Cost {
	if m == nil {
		return llm.Cost{}
	}
	p := m.pricesFor(u.Input)
	if p.Input == nil && u.Input > 0 || p.Output == nil && u.Output > 0 || p.Input == nil && p.Output == nil {
		return llm.Cost{}
	}
	// The totals include their parts, so each part is priced by itself and taken out of the
	// total. A provider whose parts exceed the total must not earn a negative price.
	input := max(u.Input-u.CachedInput-u.CacheWrite-u.InputAudio, 0)
	output := max(u.Output-u.Reasoning-u.OutputAudio, 0)
	hour := max(min(u.CacheHour, u.CacheWrite), 0)
	micro := float64(input)*value(p.Input, nil) +
		float64(max(u.CachedInput, 0))*value(p.CachedInput, p.Input) +
		float64(max(u.CacheWrite-hour, 0))*value(p.CacheWrite, p.Input) +
		float64(hour)*p.hour() +
		float64(max(u.InputAudio, 0))*value(p.InputAudio, p.Input) +
		float64(output)*value(p.Output, nil) +
		float64(max(u.Reasoning, 0))*value(p.ReasoningOutput, p.Output) +
		float64(max(u.OutputAudio, 0))*value(p.OutputAudio, p.Output)
	if micro < 0 || math.IsNaN(micro) || math.IsInf(micro, 0) {
		return llm.Cost{}
	}
	return llm.Cost{USD: micro / 1e6, Priced: true}
}

// hourly is how much dearer an hour in the cache is than five minutes: 2 times the price of
// input rather than 1.25 times
// (source: https://platform.claude.com/docs/en/build-with-claude/prompt-caching, pricing).
const hourly = 2 / 1.25

// hour returns the price of what is written to a cache for an hour.
func (p *Prices) hour() float64 {
	if p.CacheHour == nil && p.CacheWrite != nil {
		return *p.CacheWrite * hourly
	}
	return value(p.CacheHour, p.Input)
}

// pricesFor returns the prices of the tier that an input of that many tokens is in. What a
// tier does not say is as in the tier below.
func (m *Model) pricesFor(input int64) Prices {
	if len(m.Tiers) == 0 {
		return m.Prices
	}
	return m.tieredPrices(input)
}

func (m *Model) tieredPrices(input int64) Prices {
	p := m.Prices
	for _, t := range m.Tiers {
		if input <= t.Above {
			break
		}
		for _, f := range []struct {
			into **float64
			from *float64
		}{
			{&p.Input, t.Input}, {&p.Output, t.Output}, {&p.CachedInput, t.CachedInput}, {&p.CacheWrite, t.CacheWrite}, {&p.CacheHour, t.CacheHour},
			{&p.ReasoningOutput, t.ReasoningOutput}, {&p.InputAudio, t.InputAudio}, {&p.OutputAudio, t.OutputAudio},
		} {
			if f.from != nil {
				*f.into = f.from
			}
		}
	}
	return p
}

// value returns a price, or the one that stands in for it.
func value(p, otherwise *float64) float64 {
	switch {
	case p != nil:
		return *p
	case otherwise != nil:
		return *otherwise
	default:
		return 0
	}
}
