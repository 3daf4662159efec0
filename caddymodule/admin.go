package caddymodule

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/caddyserver/caddy/v2"

	"github.com/mulligan-gateway/mulligan/llm"
)

func init() {
	caddy.RegisterModule(admin{})
}

// admin serves /llm_gateway/ on Caddy's admin endpoint:
//
//	POST /llm_gateway/explain/{key}              what a deployment would do with the request in the body
//	GET  /llm_gateway/targets[/{provider/model}] which targets rest, and why
//	POST /llm_gateway/targets/{provider/model}   puts a target to rest, or wakes it
//	GET  /llm_gateway/records[/…]                what was recorded: see serveRecords
type admin struct{}

// CaddyModule returns the module's id.
func (admin) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.llm_gateway", New: func() caddy.Module { return new(admin) }}
}

const adminExplain = "/llm_gateway/explain/"

// Routes implements caddy.AdminRouter.
func (a *admin) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{
		{Pattern: adminExplain, Handler: caddy.AdminHandlerFunc(a.serveExplain)},
		{Pattern: adminTargets, Handler: caddy.AdminHandlerFunc(a.serveTargets)},
		{Pattern: adminTargets + "/", Handler: caddy.AdminHandlerFunc(a.serveTargets)},
		{Pattern: adminRecords, Handler: caddy.AdminHandlerFunc(a.serveRecords)},
		{Pattern: adminRecords + "/", Handler: caddy.AdminHandlerFunc(a.serveRecords)},
	}
}

func (*admin) serveExplain(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return badMethod(adminExplain, http.MethodPost, r.Method)
	}
	app := running.current()
	if app == nil {
		return noApp()
	}
	key := strings.TrimPrefix(r.URL.Path, adminExplain)
	d, ok := app.Catalog().Lookup(key)
	if !ok {
		writeError(w, llm.NewError(llm.CodeDeploymentNotFound, fmt.Sprintf("There is no deployment %q%s.",
			truncate(key), didYouMean(key, app.Catalog().Keys()))))
		return nil
	}
	e, err := explainHTTP(app, d, r, defaultMaxBody)
	if err != nil {
		writeError(w, asError(err))
		return nil
	}
	writeValue(w, e)
	return nil
}

func badMethod(path, takes, got string) error {
	return caddy.APIError{HTTPStatus: http.StatusMethodNotAllowed, Err: fmt.Errorf("%s takes %s requests, not %s", path, takes, got)}
}

func noApp() error {
	return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: errors.New("the running config has no llm_gateway")}
}

// runningApps knows which app serves now. Caddy builds its admin routes before the apps
// and keeps no link between the two, so the apps report here when they start and stop.
// While a config is replaced two are here; the one that started last is current, and when
// it fails to start it leaves again and the one before it is current once more.
type runningApps struct {
	mu   sync.Mutex
	apps []*App
}

var running runningApps

func (r *runningApps) started(a *App) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.apps = append(r.apps, a)
}

func (r *runningApps) stopped(a *App) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.apps = slices.DeleteFunc(r.apps, func(other *App) bool { return other == a })
}

func (r *runningApps) current() *App {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.apps) == 0 {
		return nil
	}
	return r.apps[len(r.apps)-1]
}

// Interface guard.
var _ caddy.AdminRouter = (*admin)(nil)
