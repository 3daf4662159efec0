package catalog

import (
	"bufio"
	"bytes"
	_ "embed" // for models.jsonl
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

//go:generate go run ./gen -in ../../../shared/catalog/models.dev.json -out models.jsonl

// models.jsonl is made by gen: a line that says where it is from, and then a line a model.
//
//go:embed models.jsonl
var embedded []byte

// Source says where the built-in catalog is from.
type Source struct {
	Source  string `json:"source"`  // models.dev
	Licence string `json:"licence"` // MIT
	Commit  string `json:"commit"`  // of its repository
	Date    string `json:"date"`    // of that commit, YYYY-MM-DD
}

// Row is a model as it is written in models.jsonl.
type Row struct {
	Provider      string    `json:"p"`
	ID            string    `json:"id"`
	Title         string    `json:"name,omitempty"`
	Released      string    `json:"date,omitempty"`
	Prices        *RowPrice `json:"usd,omitempty"`
	Tiers         []RowTier `json:"tiers,omitempty"`
	ContextWindow int64     `json:"ctx,omitempty"`
	MaxOutput     int64     `json:"out,omitempty"`
	Abilities     string    `json:"can,omitempty"` // t: tools, r: reasoning, s: structured output
	InputKinds    []string  `json:"in,omitempty"`  // beside text
}

// RowPrice is Prices as they are written in models.jsonl.
type RowPrice struct {
	Input       *float64 `json:"in,omitempty"`
	Output      *float64 `json:"out,omitempty"`
	CachedInput *float64 `json:"cached,omitempty"`
	CacheWrite  *float64 `json:"write,omitempty"`
	Reasoning   *float64 `json:"reasoning,omitempty"`
	InputAudio  *float64 `json:"audio_in,omitempty"`
	OutputAudio *float64 `json:"audio_out,omitempty"`
}

// RowTier is Tier as it is written in models.jsonl.
type RowTier struct {
	Above int64 `json:"above"`
	RowPrice
}

func (p *RowPrice) prices() Prices {
	if p == nil {
		return Prices{}
	}
	return Prices{
		Input: p.Input, Output: p.Output, CachedInput: p.CachedInput, CacheWrite: p.CacheWrite,
		ReasoningOutput: p.Reasoning, InputAudio: p.InputAudio, OutputAudio: p.OutputAudio,
	}
}

func (r *Row) model() *Model {
	m := &Model{
		Provider: r.Provider, ID: r.ID, Title: r.Title, Prices: r.Prices.prices(),
		ContextWindow: r.ContextWindow, MaxOutput: r.MaxOutput, InputKinds: append([]string{"text"}, r.InputKinds...),
		Listed: true,
	}
	for _, layout := range []string{time.DateOnly, "2006-01", "2006"} {
		if t, err := time.Parse(layout, r.Released); err == nil {
			m.Released = t
			break
		}
	}
	for _, c := range r.Abilities {
		m.Tools = m.Tools || c == 't'
		m.Reasoning = m.Reasoning || c == 'r'
		m.StructuredOutput = m.StructuredOutput || c == 's'
	}
	for _, t := range r.Tiers {
		m.Tiers = append(m.Tiers, Tier{Above: t.Above, Prices: t.prices()})
	}
	return m
}

// builtIn is the parsed catalog, read when it is first asked for.
type builtIn struct {
	source Source
	models []*Model // sorted by name
	byName map[string]*Model
}

var load = sync.OnceValue(func() *builtIn {
	b, err := parse(embedded)
	if err != nil {
		panic("the built-in model catalog is damaged: " + err.Error()) // a test reads it
	}
	return b
})

func parse(lines []byte) (*builtIn, error) {
	b := &builtIn{byName: make(map[string]*Model)}
	s := bufio.NewScanner(bytes.NewReader(lines))
	if !s.Scan() {
		return nil, fmt.Errorf("it is empty")
	}
	if err := json.Unmarshal(s.Bytes(), &b.source); err != nil {
		return nil, fmt.Errorf("read its source: %w", err)
	}
	for s.Scan() {
		var r Row
		if err := json.Unmarshal(s.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("read %q: %w", s.Bytes(), err)
		}
		m := r.model()
		b.models = append(b.models, m)
		b.byName[m.Name()] = m
	}
	return b, s.Err()
}

// Info says where the built-in catalog is from.
func Info() Source { return load().source }

// All returns the built-in catalog, sorted by name; the provider of each model is its kind.
// The caller must not change it.
func All() []*Model { return load().models }

// Vendor returns what the built-in catalog knows of a model at a kind of provider.
func Vendor(kind, id string) (*Model, bool) {
	m, ok := load().byName[kind+"/"+id]
	return m, ok
}
