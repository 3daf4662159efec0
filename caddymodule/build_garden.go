package caddymodule

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/mulligan-gateway/mulligan/upstream/catalog"
	"github.com/mulligan-gateway/mulligan/upstream/provider"
	"github.com/mulligan-gateway/mulligan/upstream/provider/demo"
)

// splitModel splits provider/model; a model's id may hold slashes itself.
func splitModel(name string) (providerName, id string, err error) {
	providerName, id, ok := strings.Cut(name, "/")
	if !ok || providerName == "" || id == "" {
		return "", "", fmt.Errorf("%q is not a model's name; write provider/model", name)
	}
	return providerName, id, nil
}

// checkProvider refuses a provider that the config does not have.
func (a *App) checkProvider(name string) error {
	if _, ok := a.providers[name]; ok {
		return nil
	}
	known := slices.Sorted(maps.Keys(a.providers))
	hint := didYouMean(name, known)
	if hint == "" {
		hint = "; the providers are " + list(known)
	}
	return fmt.Errorf("there is no provider %q%s", name, hint)
}

// buildGarden builds the model garden.
func (a *App) buildGarden(ctx caddy.Context) error {
	models := a.Models
	if models == nil {
		models = new(Models)
	}
	config := catalog.Config{
		Providers: make(map[string]string, len(a.providers)),
		Activate:  models.Activate,
		Extra:     map[string][]*catalog.Model{provider.KindDemo: demoModels()},
	}
	for name, p := range a.providers {
		config.Providers[name] = p.Kind()
	}
	var wrong []error
	for _, pattern := range models.Activate {
		if err := a.checkPattern(pattern); err != nil {
			wrong = append(wrong, located(within(err, "models: activate"), a.at(activatePosition(pattern))))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(models.Custom)) {
		m, err := a.customEntry(name, models.Custom[name])
		if err != nil {
			wrong = append(wrong, located(within(err, "models: model %s", name), a.at(modelPosition(name))))
			continue
		}
		config.Custom = append(config.Custom, m)
	}
	if len(wrong) > 0 {
		return errors.Join(wrong...)
	}
	var err error
	if a.garden, err = catalog.NewGarden(config); err != nil {
		return within(err, "models")
	}
	a.warnOfUnknown(ctx.Logger(), models.Activate)
	return nil
}

// demoModels are the models of the built-in provider, which the catalog of vendors does not
// have.
func demoModels() []*catalog.Model {
	var all []*catalog.Model
	for _, m := range demo.Models() {
		all = append(all, &catalog.Model{Provider: provider.KindDemo, ID: m.ID, Title: m.Title, Listed: true})
	}
	return all
}

// warnOfUnknown warns of models that the catalog does not have although it knows their
// vendor. They may be newer than the catalog, or misspelt.
func (a *App) warnOfUnknown(log *zap.Logger, activate []string) {
	for _, pattern := range activate {
		providerName, id, err := splitModel(pattern)
		if err != nil || strings.Contains(pattern, "*") {
			continue
		}
		if m, ok := a.garden.Find(pattern); ok && (m.Input != nil || m.Output != nil) {
			continue // its price is known, from the catalog or the config
		}
		var known []string
		for _, m := range catalog.All() {
			if m.Provider == a.providers[providerName].Kind() {
				known = append(known, m.ID)
			}
		}
		if len(known) > 0 && !slices.Contains(known, id) {
			log.Warn("the built-in catalog does not have this model"+didYouMean(id, known)+
				"; unless a model block says its price, what it costs is not known",
				zap.String("model", pattern), zap.String("at", a.at(activatePosition(pattern))))
		}
	}
}

// checkPattern refuses patterns that could not match any model of the config.
func (a *App) checkPattern(pattern string) error {
	providerName, _, ok := strings.Cut(pattern, "/")
	switch {
	case strings.Contains(providerName, "*"):
		return nil
	case !ok:
		return fmt.Errorf("%q is not a model's name; write provider/model, or provider/* for all of a provider's", pattern)
	default:
		return a.checkProvider(providerName)
	}
}

// customEntry returns the garden's entry of a model whose prices and limits the config knows.
func (a *App) customEntry(name string, m *ModelConfig) (*catalog.Model, error) {
	providerName, id, err := splitModel(name)
	if err != nil {
		return nil, err
	}
	if err := a.checkProvider(providerName); err != nil {
		return nil, err
	}
	if m == nil {
		m = new(ModelConfig)
	}
	return &catalog.Model{
		Provider: providerName, ID: id,
		Prices: catalog.Prices{
			Input: m.Input, CachedInput: m.CachedInput, CacheWrite: m.CacheWrite, CacheHour: m.CacheHour,
			Output: m.Output, ReasoningOutput: m.ReasoningOutput,
			InputAudio: m.InputAudio, OutputAudio: m.OutputAudio,
		},
		ContextWindow: m.ContextWindow, MaxOutput: m.MaxOutput,
	}, nil
}
