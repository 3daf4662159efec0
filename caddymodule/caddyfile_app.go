package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
)

func init() {
	httpcaddyfile.RegisterGlobalOption(appName, parseGlobalOption)
}

const appName = "llm_gateway"

// parseGlobalOption parses the global option llm_gateway. Blocks that follow each other add
// up: existing is what those before this one gave.
func parseGlobalOption(d *caddyfile.Dispenser, existing any) (any, error) {
	app := new(App)
	if before, ok := existing.(httpcaddyfile.App); ok {
		if err := caddy.StrictUnmarshalJSON(before.Value, app); err != nil {
			return nil, fmt.Errorf("read the llm_gateway blocks before this one: %w", err)
		}
	}
	for d.Next() {
		if d.NextArg() {
			return nil, located(errors.New("the global option llm_gateway takes a block and nothing before it"), here(d))
		}
		if err := blockOf(d, "llm_gateway", appWords, app); err != nil {
			return nil, err
		}
	}
	value, err := json.Marshal(app)
	if err != nil {
		return nil, fmt.Errorf("write llm_gateway as JSON: %w", err)
	}
	return httpcaddyfile.App{Name: appName, Value: value}, nil
}

var appWords = words[*App]{
	"provider": {args: "NAME [KIND] { … }", least: 1, most: 2, many: true, parse: (*App).provider},
	"models": {many: true, block: func(a *App, _ line, d *caddyfile.Dispenser) error {
		if a.Models == nil {
			a.Models = new(Models)
		}
		return within(blockOf(d, "models", modelsWords, a), "models")
	}},
	"deployment": {args: "KEY { … }", least: 1, most: 1, many: true, block: (*App).deployment},
	"feedback":   {args: "{ … }", least: 0, most: 0, many: true, block: parseFeedback},
	"store":      {args: "KIND { … }", many: true, parse: (*App).parseStore},
}

var modelsWords = words[*App]{
	"activate": {args: "PROVIDER/MODEL…", least: 1, most: -1, many: true, set: func(a *App, l line) error {
		for _, pattern := range l.args {
			a.Models.Activate = append(a.Models.Activate, pattern)
			a.mark(activatePosition(pattern), l.at)
		}
		return nil
	}},
	"model": {args: "PROVIDER/MODEL { … }", least: 1, most: 1, many: true, block: (*App).customModel},
}

// customModel parses model NAME { … }.
func (a *App) customModel(l line, d *caddyfile.Dispenser) error {
	name := l.args[0]
	position := modelPosition(name)
	if before, twice := a.Positions[position]; twice {
		return fmt.Errorf("model %s is already defined at %s", name, before)
	}
	a.mark(position, l.at)
	m := new(ModelConfig)
	if err := blockOf(d, "a model", modelWords, m); err != nil {
		return within(err, "model %s", name)
	}
	if a.Models.Custom == nil {
		a.Models.Custom = make(map[string]*ModelConfig)
	}
	a.Models.Custom[name] = m
	return nil
}

var modelWords = func() words[*ModelConfig] {
	prices := map[string]func(*ModelConfig) **float64{
		"input":            func(m *ModelConfig) **float64 { return &m.Input },
		"cached_input":     func(m *ModelConfig) **float64 { return &m.CachedInput },
		"cache_write":      func(m *ModelConfig) **float64 { return &m.CacheWrite },
		"cache_write_1h":   func(m *ModelConfig) **float64 { return &m.CacheHour },
		"output":           func(m *ModelConfig) **float64 { return &m.Output },
		"reasoning_output": func(m *ModelConfig) **float64 { return &m.ReasoningOutput },
		"input_audio":      func(m *ModelConfig) **float64 { return &m.InputAudio },
		"output_audio":     func(m *ModelConfig) **float64 { return &m.OutputAudio },
	}
	limits := map[string]func(*ModelConfig) *int64{
		"context_window": func(m *ModelConfig) *int64 { return &m.ContextWindow },
		"max_output":     func(m *ModelConfig) *int64 { return &m.MaxOutput },
	}
	table := words[*ModelConfig]{}
	for name, field := range prices {
		table[name] = word[*ModelConfig]{args: "USD_PER_MILLION_TOKENS", least: 1, most: 1, set: func(m *ModelConfig, l line) error {
			usd, err := strconv.ParseFloat(l.args[0], 64)
			if err != nil || !(usd >= 0) || usd > 1e9 {
				return fmt.Errorf("%q is not a price; write US dollars per million tokens, such as 0.25", l.args[0])
			}
			*field(m) = &usd
			return nil
		}}
	}
	for name, field := range limits {
		table[name] = word[*ModelConfig]{args: "TOKENS", least: 1, most: 1, set: func(m *ModelConfig, l line) error {
			n, err := strconv.ParseInt(l.args[0], 10, 64)
			if err != nil || n <= 0 {
				return fmt.Errorf("%q is not a number of tokens", l.args[0])
			}
			*field(m) = n
			return nil
		}}
	}
	return table
}()
