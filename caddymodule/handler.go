package caddymodule

import (
	"errors"
	"fmt"
	"net/http"
	"path"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/mulligan-gateway/mulligan/llm"
)

func init() {
	caddy.RegisterModule(Handler{})
}

// CaddyModule returns the module's id.
func (Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.llm_gateway",
		New: func() caddy.Module { return new(Handler) },
	}
}

const (
	defaultKeyHeader = "X-Deployment-Key"
	defaultMaxBody   = 32 << 20
)

// site is the running form of a Handler: what one site serves, and the app behind it. It
// is immutable, so requests share it without locks.
type site struct {
	app      *App
	log      *zap.Logger
	patterns []string // deployments that the site serves; none means all

	keyHeader   string
	fallbackKey string // the deployment of a client that names none, or ""
	direct      bool
	explain     bool
	maxBody     int64
	healthy     func(target string) bool
	fullHeaders bool // send all of the X-Deployment-* headers, not the trace id alone
}

// Provision finds the app and checks what the site says about it.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := ctx.AppIfConfigured("llm_gateway")
	if errors.Is(err, caddy.ErrNotConfigured) {
		return errors.New("llm_gateway: there is no llm_gateway block in the global options: add one with providers, models and deployments")
	}
	if err != nil {
		return err
	}
	s := &site{
		app:         app.(*App),
		log:         ctx.Logger(),
		patterns:    h.Deployments,
		keyHeader:   http.CanonicalHeaderKey(defaultKeyHeader),
		fallbackKey: h.Default,
		direct:      h.Direct,
		explain:     h.Explain,
		maxBody:     defaultMaxBody,
		healthy:     app.(*App).healthy,
		fullHeaders: h.ResponseHeaders == nil || *h.ResponseHeaders,
	}
	if h.KeyHeader != "" {
		s.keyHeader = http.CanonicalHeaderKey(h.KeyHeader)
	}
	if h.MaxBody > 0 {
		s.maxBody = h.MaxBody
	}
	if err := s.check(); err != nil {
		return fmt.Errorf("llm_gateway directive: %w", err)
	}
	h.site = s
	endExchangesAtExit(ctx)
	return nil
}

func (s *site) check() error {
	for _, p := range s.patterns {
		if _, err := path.Match(p, ""); err != nil {
			return fmt.Errorf("deployments pattern %q: %w", p, err)
		}
	}
	if s.fallbackKey == "" {
		return nil
	}
	if _, ok := s.app.Catalog().Lookup(s.fallbackKey); !ok {
		return fmt.Errorf("default %q: there is no such deployment%s", s.fallbackKey,
			didYouMean(s.fallbackKey, s.app.Catalog().Keys()))
	}
	if !s.serves(s.fallbackKey) {
		return fmt.Errorf("default %q: the site's own deployments patterns leave it out", s.fallbackKey)
	}
	return nil
}

// serves says whether the site offers the deployment.
func (s *site) serves(key string) bool {
	if len(s.patterns) == 0 {
		return true
	}
	for _, p := range s.patterns {
		if ok, _ := path.Match(p, key); ok {
			return true
		}
	}
	return false
}

// ServeHTTP serves Mulligan's API paths and hands every other request on.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	op, ok := lookupOperation(r.URL.Path)
	if !ok {
		return next.ServeHTTP(w, r)
	}
	if !op.takes(r.Method) {
		w.Header().Set("Allow", op.method)
		writeError(w, llm.NewError(llm.CodeMethodNotAllowed,
			fmt.Sprintf("%s takes %s requests, not %s.", r.URL.Path, op.method, r.Method)))
		return nil
	}
	op.serve(h.site, w, r)
	return nil
}

// Interface guards.
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
