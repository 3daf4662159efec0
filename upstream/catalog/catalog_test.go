package catalog

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/llm"
)

func usd(f float64) *float64 { return &f }

func TestTheBuiltInCatalogIsWhole(t *testing.T) {
	b, err := parse(embedded)
	if err != nil {
		t.Fatal(err)
	}
	if len(b.models) < 1000 || b.source.Source != "models.dev" || len(b.source.Commit) != 40 || b.source.Date == "" {
		t.Errorf("%d models from %+v", len(b.models), b.source)
	}
	for _, kind := range []string{"openai", "mistral", "groq", "deepseek", "xai", "openrouter", "together", "fireworks",
		"perplexity", "cerebras", "nvidia", "deepinfra", "huggingface", "moonshot", "zai", "anthropic", "google", "bedrock"} {
		if !slices.ContainsFunc(b.models, func(m *Model) bool { return m.Provider == kind }) {
			t.Errorf("no model of %s", kind)
		}
	}
	m, ok := Vendor("openai", "gpt-5-mini")
	if !ok || m.Input == nil || *m.Input <= 0 || m.ContextWindow <= 0 || !m.Tools || m.Released.IsZero() {
		t.Errorf("gpt-5-mini: %+v", m)
	}
}

func TestCost(t *testing.T) {
	full := Model{Prices: Prices{Input: usd(2), Output: usd(8), CachedInput: usd(0.5), CacheWrite: usd(2.5), ReasoningOutput: usd(10), InputAudio: usd(40), OutputAudio: usd(80)}}
	plain := Model{Prices: Prices{Input: usd(2), Output: usd(8)}}
	tiered := Model{Prices: Prices{Input: usd(1), Output: usd(4), CachedInput: usd(0.1)},
		Tiers: []Tier{{Above: 200_000, Prices: Prices{Input: usd(2), Output: usd(6)}}}}
	for _, c := range []struct {
		name   string
		model  *Model
		usage  llm.Usage
		usd    float64
		priced bool
	}{
		{"no model", nil, llm.Usage{Input: 1}, 0, false},
		{"no price", &Model{}, llm.Usage{Input: 1}, 0, false},
		{"no output price", &Model{Prices: Prices{Input: usd(1)}}, llm.Usage{Input: 1, Output: 1}, 0, false},
		{"embeddings have no output", &Model{Prices: Prices{Input: usd(1)}}, llm.Usage{Input: 1_000_000}, 1, true},
		{"free", &Model{Prices: Prices{Input: usd(0), Output: usd(0)}}, llm.Usage{Input: 5, Output: 5}, 0, true},
		{"input and output", &plain, llm.Usage{Input: 1000, Output: 500}, 0.006, true},
		{"cached is inside input", &full, llm.Usage{Input: 1000, CachedInput: 600, Output: 100}, (400*2 + 600*0.5 + 100*8) / 1e6, true},
		{"cache writes are inside input", &full, llm.Usage{Input: 1000, CacheWrite: 600}, (400*2 + 600*2.5) / 1e6, true},
		{"writes for an hour are inside writes", &full, llm.Usage{Input: 1000, CacheWrite: 600, CacheHour: 400}, (400*2 + 200*2.5 + 400*4) / 1e6, true},
		{"writes for an hour at a price of their own", &Model{Prices: Prices{Input: usd(2), CacheWrite: usd(2.5), CacheHour: usd(3)}},
			llm.Usage{Input: 1000, CacheWrite: 600, CacheHour: 400}, (400*2 + 200*2.5 + 400*3) / 1e6, true},
		{"writes without prices", &plain, llm.Usage{Input: 1000, CacheWrite: 600, CacheHour: 400}, 0.002, true},
		{"more for an hour than was written", &full, llm.Usage{Input: 1000, CacheWrite: 600, CacheHour: 4000}, (400*2 + 600*4) / 1e6, true},
		{"cached without a price of its own", &plain, llm.Usage{Input: 1000, CachedInput: 600}, 0.002, true},
		{"reasoning is inside output", &full, llm.Usage{Output: 1000, Reasoning: 700}, (300*8 + 700*10) / 1e6, true},
		{"reasoning without a price of its own", &plain, llm.Usage{Output: 1000, Reasoning: 700}, 0.008, true},
		{"audio", &full, llm.Usage{Input: 100, InputAudio: 60, Output: 100, OutputAudio: 90}, (40*2 + 60*40 + 10*8 + 90*80) / 1e6, true},
		{"at the tier's border", &tiered, llm.Usage{Input: 200_000}, 0.2, true},
		{"above the tier's border", &tiered, llm.Usage{Input: 200_001, CachedInput: 1, Output: 1}, (200_000*2 + 0.1 + 6) / 1e6, true},
		{"parts larger than the whole", &full, llm.Usage{Input: 10, CachedInput: 1000}, 0.0005, true},
		{"negative usage", &plain, llm.Usage{Input: -5, Output: -5}, 0, true},
	} {
		got := c.model.Cost(c.usage)
		if got.Priced != c.priced || math.Abs(got.USD-c.usd) > 1e-12 {
			t.Errorf("%s: got %+v, want %g, %v", c.name, got, c.usd, c.priced)
		}
	}
}

func garden(t *testing.T, activate ...string) *Garden {
	t.Helper()
	g, err := NewGarden(Config{
		Providers: map[string]string{"openai": "openai", "second": "openai", "house": "openai_compatible", "openrouter": "openrouter"},
		Activate:  activate,
		Custom:    []*Model{{Provider: "house", ID: "llama-3.3", Prices: Prices{Input: usd(0.1)}}, {Provider: "openai", ID: "gpt-5", Prices: Prices{Input: usd(99)}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestNothingOutsideTheGardenIsFound(t *testing.T) {
	g := garden(t, "openai/gpt-5-mini", "openai/gpt-5", "second/*", "house/qwen*", "openrouter/*claude*")
	for name, want := range map[string]bool{
		"openai/gpt-5-mini": true, "openai/gpt-4o": false, "second/gpt-4o": true, "second/anything-new": true,
		"house/llama-3.3": true, "house/llama-3.4": false, "house/qwen3:8b": true, "openrouter/anthropic/claude-x": true,
		"openrouter/openai/gpt-5": false, "nobody/x": false, "openai/": false, "openai": false, "": false,
	} {
		if _, ok := g.Find(name); ok != want {
			t.Errorf("%q: found %v, want %v", name, ok, want)
		}
	}
}

func TestListedModelsCarryWhatIsKnown(t *testing.T) {
	g := garden(t, "openai/gpt-5-mini", "openai/gpt-5", "second/*", "openai/brand-new", "house/*")
	if m, _ := g.Find("second/gpt-5-mini"); m.Provider != "second" || m.Input == nil || !m.Listed {
		t.Errorf("a model under another name: %+v", m)
	}
	if m, _ := g.Find("openai/gpt-5"); *m.Input != 99 {
		t.Errorf("the config's own price does not win: %v", *m.Input)
	}
	if m, _ := g.Find("openai/brand-new"); m == nil || m.Input != nil || !m.Listed {
		t.Errorf("an activated model that the catalog does not know: %+v", m)
	}
	if m, _ := g.Find("house/whatever"); m == nil || m.Listed {
		t.Errorf("a model that only a wildcard admits: %+v", m)
	}
	if !slices.IsSorted(g.Names()) || !slices.Contains(g.Names(), "second/gpt-4o") || slices.Contains(g.Names(), "openai/gpt-4o") {
		t.Errorf("names: %v", g.Names())
	}
}

func TestModelsBesideTheCatalogAreKnownByNameAndByPattern(t *testing.T) {
	extra := map[string][]*Model{"demo": {{Provider: "demo", ID: "echo", Title: "Repeats", Listed: true}}}
	for _, pattern := range []string{"try/echo", "try/*", "*/echo"} {
		g, err := NewGarden(Config{Providers: map[string]string{"try": "demo", "openai": "openai"}, Activate: []string{pattern}, Extra: extra})
		if err != nil {
			t.Fatal(err)
		}
		if m, ok := g.Find("try/echo"); !ok || m.Title != "Repeats" || m.Provider != "try" || !m.Listed {
			t.Errorf("%s: %+v", pattern, m)
		}
	}
	if extra["demo"][0].Provider != "demo" {
		t.Error("the garden changed what it was given")
	}
}

func TestTheBuiltInCatalogIsSorted(t *testing.T) {
	if !slices.IsSortedFunc(All(), func(a, b *Model) int { return strings.Compare(a.Name(), b.Name()) }) {
		t.Error("it is not")
	}
}

func TestGardenMistakesAreNamed(t *testing.T) {
	for pattern, says := range map[string]string{"gpt-5": "provider/model-id", "opnai/gpt-5": `no provider "opnai"`, "nobody/*": `no provider "nobody"`} {
		_, err := NewGarden(Config{Providers: map[string]string{"openai": "openai"}, Activate: []string{pattern}})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want it to say %s", pattern, err, says)
		}
	}
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"a/*", "a/b/c", true}, {"a/*", "a/", true}, {"a/*", "b/a/", false}, {"*/x", "a/x", true}, {"a*b*c", "aXbYc", true},
		{"a*b*c", "acb", false}, {"a/b", "a/b", true}, {"a/b", "a/bc", false}, {"*", "", true}, {"ab*ba", "aba", false},
	} {
		if got := match(c.pattern, c.name); got != c.want {
			t.Errorf("%q, %q: %v", c.pattern, c.name, got)
		}
	}
	if !MatchPattern("", "a/b") || !MatchPattern("b", "a/b") || MatchPattern("*b", "a/bc") {
		t.Error("a pattern of the command line is matched wrongly")
	}
}
