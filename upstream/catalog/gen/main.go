// Command gen writes the built-in model catalog from models.dev's data (MIT), condensed to
// one JSON file:
//
//	go run ./upstream/catalog/gen -in models.dev.json -out upstream/catalog/models.jsonl
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/mulligan-gateway/mulligan/upstream/catalog"
)

// kinds maps the names of models.dev's providers to ours where they differ.
var kinds = map[string]string{
	"amazon-bedrock": "bedrock",
	"fireworks-ai":   "fireworks",
	"google-vertex":  "vertex",
	"moonshotai":     "moonshot",
	"novita-ai":      "novita",
	"togetherai":     "together",
	// Claude on Vertex is served by the same provider as Gemini on Vertex, and some of its
	// models are listed under both names.
	"google-vertex-anthropic": "vertex",
}

type (
	file struct {
		catalog.Source
		Unit      string `json:"unit"`
		Providers map[string]struct {
			Models map[string]model `json:"models"`
		} `json:"providers"`
	}
	model struct {
		Name             string `json:"name"`
		ReleaseDate      string `json:"release_date"`
		Cost             *cost  `json:"cost"`
		ToolCall         bool   `json:"tool_call"`
		Reasoning        bool   `json:"reasoning"`
		StructuredOutput bool   `json:"structured_output"`
		Limit            struct {
			Context int64 `json:"context"`
			Output  int64 `json:"output"`
		} `json:"limit"`
		Modalities struct {
			Input []string `json:"input"`
		} `json:"modalities"`
	}
	cost struct {
		Input       *float64 `json:"input"`
		Output      *float64 `json:"output"`
		CacheRead   *float64 `json:"cache_read"`
		CacheWrite  *float64 `json:"cache_write"`
		CachedInput *float64 `json:"cached_input"` // cache_read under another name
		Reasoning   *float64 `json:"reasoning"`
		InputAudio  *float64 `json:"input_audio"`
		OutputAudio *float64 `json:"output_audio"`
		Tiers       []struct {
			cost
			Tier struct {
				Size int64 `json:"size"`
			} `json:"tier"`
		} `json:"tiers"`
	}
)

func main() {
	log.SetFlags(0)
	in := flag.String("in", "", "models.dev's data, a JSON `file`")
	out := flag.String("out", "", "the catalog, a `file` of JSON lines")
	flag.Parse()
	if err := run(*in, *out); err != nil {
		log.Fatalf("gen: %v", err)
	}
}

func run(in, out string) error {
	raw, err := os.ReadFile(in)
	if err != nil {
		return err
	}
	var f file
	if err := json.Unmarshal(raw, &f); err != nil {
		return fmt.Errorf("read %s: %w", in, err)
	}
	if f.Unit != "USD per million tokens" {
		return fmt.Errorf("prices are in %q, want USD per million tokens", f.Unit)
	}
	var rows []catalog.Row
	for _, name := range slices.Sorted(maps.Keys(f.Providers)) {
		p, kind := f.Providers[name], name
		if ours, ok := kinds[name]; ok {
			kind = ours
		}
		for id, m := range p.Models {
			rows = append(rows, m.row(kind, id))
		}
	}
	slices.SortStableFunc(rows, func(a, b catalog.Row) int {
		return strings.Compare(a.Provider+"/"+a.ID, b.Provider+"/"+b.ID)
	})
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(f.Source); err != nil {
		return err
	}
	for i, r := range rows {
		if i > 0 && rows[i-1].Provider == r.Provider && rows[i-1].ID == r.ID {
			continue
		}
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	return os.WriteFile(out, b.Bytes(), 0o644)
}

func (m *model) row(kind, id string) catalog.Row {
	r := catalog.Row{
		Provider: kind, ID: id, Title: m.Name, Released: m.ReleaseDate,
		ContextWindow: m.Limit.Context, MaxOutput: m.Limit.Output,
	}
	for _, a := range []struct {
		can  bool
		mark string
	}{{m.ToolCall, "t"}, {m.Reasoning, "r"}, {m.StructuredOutput, "s"}} {
		if a.can {
			r.Abilities += a.mark
		}
	}
	for _, k := range m.Modalities.Input {
		if k != "text" {
			r.InputKinds = append(r.InputKinds, k)
		}
	}
	if m.Cost == nil {
		return r
	}
	p := m.Cost.price()
	r.Prices = &p
	for _, t := range m.Cost.Tiers {
		r.Tiers = append(r.Tiers, catalog.RowTier{Above: t.Tier.Size, RowPrice: t.price()})
	}
	slices.SortFunc(r.Tiers, func(a, b catalog.RowTier) int { return int(a.Above - b.Above) })
	return r
}

func (c *cost) price() catalog.RowPrice {
	cached := c.CacheRead
	if cached == nil {
		cached = c.CachedInput
	}
	return catalog.RowPrice{
		Input: c.Input, Output: c.Output, CachedInput: cached, CacheWrite: c.CacheWrite,
		Reasoning: c.Reasoning, InputAudio: c.InputAudio, OutputAudio: c.OutputAudio,
	}
}
