package catalog

import (
	"fmt"
	"slices"
	"strings"
)

// Config is what a garden is made of.
type Config struct {
	// Providers maps the name of each provider in the config to its kind.
	Providers map[string]string
	// Activate lists patterns of "provider/model-id", in which * stands for any characters.
	Activate []string
	// Custom are the config's own models. They are activated, and win over the catalog's.
	Custom []*Model
	// Extra are models that a provider has beside those of the catalog, by kind.
	Extra map[string][]*Model
}

// Garden is the set of models that may be used. It is immutable.
type Garden struct {
	kinds    map[string]string
	models   []*Model // that are listed, sorted by name
	byName   map[string]*Model
	patterns []string // with a wildcard
}

// NewGarden returns the garden of a config. A pattern of a provider that is not there is an
// error.
func NewGarden(c Config) (*Garden, error) {
	g := &Garden{kinds: c.Providers, byName: make(map[string]*Model)}
	for _, m := range c.Custom {
		if _, ok := c.Providers[m.Provider]; !ok {
			return nil, fmt.Errorf("model %s: there is no provider %q", m.Name(), m.Provider)
		}
		m.Listed = true
		g.byName[m.Name()] = m
	}
	for _, pattern := range c.Activate {
		name, id, ok := strings.Cut(pattern, "/")
		if !ok || name == "" || id == "" {
			return nil, fmt.Errorf("activate %s: write provider/model-id, or provider/* for all of a provider's models", pattern)
		}
		if !strings.Contains(name, "*") {
			if _, ok := c.Providers[name]; !ok {
				return nil, fmt.Errorf("activate %s: there is no provider %q", pattern, name)
			}
		}
		if !strings.Contains(pattern, "*") {
			g.list(g.known(name, id, c.Extra))
			continue
		}
		g.patterns = append(g.patterns, pattern)
		for provider, kind := range c.Providers {
			for _, models := range [][]*Model{All(), c.Extra[kind]} {
				for _, m := range models {
					if m.Provider == kind && match(pattern, provider+"/"+m.ID) {
						g.list(m.at(provider))
					}
				}
			}
		}
	}
	for _, m := range g.byName {
		g.models = append(g.models, m)
	}
	slices.SortFunc(g.models, func(a, b *Model) int { return strings.Compare(a.Name(), b.Name()) })
	return g, nil
}

// list adds a model unless the config has its own of that name.
func (g *Garden) list(m *Model) {
	if _, ok := g.byName[m.Name()]; !ok {
		g.byName[m.Name()] = m
	}
}

// known returns a model as the catalog or extra has it, or one without prices and limits.
func (g *Garden) known(provider, id string, extra map[string][]*Model) *Model {
	kind := g.kinds[provider]
	if m, ok := Vendor(kind, id); ok {
		return m.at(provider)
	}
	for _, m := range extra[kind] {
		if m.ID == id {
			return m.at(provider)
		}
	}
	return &Model{Provider: provider, ID: id, Listed: true}
}

// at returns the model under the name that its provider has in the config.
func (m *Model) at(provider string) *Model {
	if m.Provider == provider {
		return m
	}
	c := *m
	c.Provider = provider
	return &c
}

// Find returns an activated model: one that is listed, or one that a wildcard admits even
// though the catalog does not know it.
func (g *Garden) Find(name string) (*Model, bool) {
	if m, ok := g.byName[name]; ok {
		return m, true
	}
	provider, id, ok := strings.Cut(name, "/")
	if !ok || id == "" {
		return nil, false
	}
	if _, ok := g.kinds[provider]; !ok {
		return nil, false
	}
	for _, pattern := range g.patterns {
		if match(pattern, name) {
			return &Model{Provider: provider, ID: id}, true
		}
	}
	return nil, false
}

// Models returns the listed models, sorted by name. The caller must not change them.
func (g *Garden) Models() []*Model { return g.models }

// Names returns the names of the listed models, sorted.
func (g *Garden) Names() []string {
	names := make([]string, len(g.models))
	for i, m := range g.models {
		names[i] = m.Name()
	}
	return names
}

// MatchPattern says whether a name holds the text given or, when that has a *, matches it as
// a pattern.
func MatchPattern(pattern, name string) bool {
	if strings.Contains(pattern, "*") {
		return match(pattern, name)
	}
	return strings.Contains(name, pattern)
}

// match says whether a name matches a pattern, in which each * stands for any characters.
func match(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	rest, ok := strings.CutPrefix(name, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}
