package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/caddyserver/caddy/v2"

	"github.com/mulligan-gateway/mulligan/metrics"
	"github.com/mulligan-gateway/mulligan/upstream/provider"
)

// buildProviders builds every provider from its guest module.
func (a *App) buildProviders(ctx caddy.Context) error {
	a.providers = make(map[string]*provider.Provider, len(a.Providers))
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(a.Providers)) {
		p, err := a.buildProvider(ctx, name)
		if err != nil {
			wrong = append(wrong, located(within(err, "provider %q", name), a.at(providerPosition(name))))
			continue
		}
		a.providers[name] = p
	}
	return errors.Join(wrong...)
}

// providerSlot is where Caddy loads a provider's guest module from.
type providerSlot struct {
	Raw json.RawMessage `caddy:"namespace=llm_gateway.providers inline_key=kind"`
}

func (a *App) buildProvider(ctx caddy.Context, name string) (*provider.Provider, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	slot := providerSlot{Raw: a.Providers[name]}
	kind, err := kindOf(slot.Raw)
	if err != nil {
		return nil, err
	}
	if _, err := newProviderModule(kind); err != nil {
		return nil, err
	}
	module, err := ctx.LoadModule(&slot, "Raw")
	if err != nil {
		return nil, err
	}
	guest, ok := module.(ProviderModule)
	if !ok {
		return nil, fmt.Errorf("the module of kind %s builds no provider", kind)
	}
	return guest.BuildProvider(ctx, ProviderOptions{Name: name, Offline: a.withoutSecrets, Transport: a.transport, Shared: a.sharedSignIn})
}

func kindOf(raw json.RawMessage) (string, error) {
	var config struct {
		Kind string `json:"kind"`
	}
	if err := json.Unmarshal(raw, &config); err != nil {
		return "", fmt.Errorf("read it: %w", err)
	}
	if config.Kind == "" {
		return "", errors.New("it has no kind, such as openai or openai_compatible")
	}
	return config.Kind, nil
}

// metricLabels lists the values that labels may have: what the config names.
func (a *App) metricLabels() metrics.Labels {
	l := metrics.Labels{
		Deployments: make(map[string][]string),
		Providers:   make(map[string]string, len(a.providers)),
		Healthy:     a.state.Healthy,
		Feedback:    a.feedbackNames(),
	}
	for _, m := range a.garden.Models() {
		l.Targets = append(l.Targets, metrics.Target{Provider: m.Provider, Model: m.ID})
	}
	for _, key := range a.catalog.Keys() {
		d, _ := a.catalog.Lookup(key)
		l.Deployments[key] = nil
		for _, v := range d.Variants {
			l.Deployments[key] = append(l.Deployments[key], v.Name)
			for _, t := range v.Route.Targets {
				l.Targets = append(l.Targets, metrics.Target{Provider: t.Provider.Name(), Model: t.Model})
			}
		}
	}
	for name, p := range a.providers {
		l.Providers[name] = p.GenAIName()
	}
	return l
}
