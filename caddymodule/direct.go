package caddymodule

import (
	"fmt"

	"github.com/mulligan-gateway/mulligan/deployment"
	"github.com/mulligan-gateway/mulligan/rewrite"
	"github.com/mulligan-gateway/mulligan/upstream"
)

// directVariant returns the variant that answers a client that names an activated model
// itself: that model, the default policy, and no edits but the model's id. Variants are
// kept, since building one costs more than a request; the garden bounds how many there are
// but for wildcards, so those that only a wildcard admits are built anew each time.
func (a *App) directVariant(model string) (*deployment.Variant, error) {
	if v, ok := a.direct.Load(model); ok {
		return v.(*deployment.Variant), nil
	}
	entry, ok := a.Garden().Find(model)
	if !ok {
		return nil, fmt.Errorf("model %q is not activated", model)
	}
	p, ok := a.Provider(entry.Provider)
	if !ok {
		return nil, fmt.Errorf("model %q: there is no provider %q", model, entry.Provider)
	}
	newTarget := upstream.NewPassingTarget
	if entry.Listed {
		newTarget = upstream.NewTarget
	}
	target := newTarget(a.State(), p, entry.ID, entry)
	edit, err := compileEdits(target, rewrite.Config{})
	if err != nil {
		return nil, err
	}
	v := &deployment.Variant{
		Route: &upstream.Route{Targets: []*upstream.Target{target}, Policy: upstream.DefaultPolicy()},
		Edits: []*rewrite.Edit{edit},
	}
	if entry.Listed {
		a.direct.Store(model, v)
	}
	return v, nil
}
