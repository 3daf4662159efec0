// Package caddymodule is Mulligan inside Caddy, and the only package that knows Caddy: the
// app llm_gateway with its Caddyfile (config*.go, caddyfile*.go), what is built of them when
// a config is loaded (build*.go, providers*.go) and what outlives a reload (state.go), the
// HTTP handler (handler.go, and the path of one request in serve.go), the admin endpoint and
// the command line. Everything else it leaves to the packages beside it.
package caddymodule

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/mulligan-gateway/mulligan/deployment"
	"github.com/mulligan-gateway/mulligan/metrics"
	"github.com/mulligan-gateway/mulligan/upstream"
	"github.com/mulligan-gateway/mulligan/upstream/catalog"
	"github.com/mulligan-gateway/mulligan/upstream/provider"
)

func init() {
	caddy.RegisterModule(new(App))
}

// CaddyModule returns the module's id.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: appName, New: func() caddy.Module { return new(App) }}
}

// runtime is what an App's config was built into. But for direct, which is a cache, it is
// immutable once Provision has returned, so exchanges share it without locks.
type runtime struct {
	hold

	state     *upstream.State
	providers map[string]*provider.Provider
	garden    *catalog.Garden
	catalog   *deployment.Catalog
	labels    metrics.Labels

	// What is recorded: how each deployment's exchanges are, and those of none; and where, which
	// is nil when nothing is.
	settings      *StoreSettings
	store         *Store
	plan          *recordPlan
	plans         map[string]*recordPlan
	recording     *recording
	configVersion string

	direct sync.Map  // provider/model → *deployment.Variant
	since  time.Time // when the config was loaded

	provisioned, started bool
}

// Catalog returns the deployments.
func (r *runtime) Catalog() *deployment.Catalog { return r.catalog }

// Garden returns the models that may be used.
func (r *runtime) Garden() *catalog.Garden { return r.garden }

// Provider returns the provider of that name in the config.
func (r *runtime) Provider(name string) (*provider.Provider, bool) {
	p, ok := r.providers[name]
	return p, ok
}

// State returns what is known about providers and targets, which outlives the config.
func (r *runtime) State() *upstream.State { return r.state }

// healthy says whether a provider or a provider/model is awake, as rules ask for it.
func (r *runtime) healthy(target string) bool { return r.state.Healthy(target) }

// Provision builds the gateway of the config. It calls nobody and starts nothing. Its error
// holds all that is wrong with one part of the config, a line for each, with where it was
// written.
func (a *App) Provision(ctx caddy.Context) error {
	a.users.Add(1)
	a.since = time.Now()
	a.state = a.sharedState()
	for _, build := range []func(caddy.Context) error{
		a.buildProviders, a.buildGarden, a.buildCatalog, a.checkExpectations, a.buildRecording, a.buildFeedback,
	} {
		if err := build(ctx); err != nil {
			return err
		}
	}
	if err := metrics.Register(ctx.GetMetricsRegistry()); err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	a.labels = a.metricLabels()
	a.provisioned = true
	// The http app may serve before this one is started, so the labels must be there now.
	metrics.Allow(a.labels)
	return nil
}

// Start begins to write records, and makes the app the one that Caddy's admin endpoint asks.
func (a *App) Start() error {
	if err := a.startRecording(); err != nil {
		return err
	}
	a.started = true
	a.state.Serve(slices.Collect(maps.Values(a.providers)))
	running.started(a)
	return nil
}

// Stop makes it the one no longer. Exchanges that have begun go on to their end.
func (a *App) Stop() error {
	running.stopped(a)
	giveLabelsBack()
	return nil
}

// giveLabelsBack makes the names of the running config the labels again, after another one
// was refused.
func giveLabelsBack() {
	if current := running.current(); current != nil {
		metrics.Allow(current.labels)
	}
}

// Cleanup gives back what the app keeps over reloads, once the last exchange has ended.
func (a *App) Cleanup() error {
	if a.users.Load() == 0 {
		return nil // Provision was never called
	}
	if a.provisioned && !a.started {
		giveLabelsBack()
	}
	lease{&a.hold}.release()
	return nil
}

// Interface guards.
var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
