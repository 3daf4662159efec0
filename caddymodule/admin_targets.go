package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/mulligan-gateway/mulligan/upstream"
)

const adminTargets = "/llm_gateway/targets"

// restRequest is the body of POST /llm_gateway/targets/{provider/model}.
type restRequest struct {
	// Rest is how long the target is left alone, such as "10m"; "0s" wakes it.
	Rest string `json:"rest"`
}

// serveTargets shows the targets of the running config, and puts them to rest or wakes them.
func (*admin) serveTargets(w http.ResponseWriter, r *http.Request) error {
	app := running.current()
	if app == nil {
		return noApp()
	}
	name, _ := strings.CutPrefix(strings.TrimPrefix(r.URL.Path, adminTargets), "/")
	targets := app.targets()
	if name == "" {
		if r.Method != http.MethodGet {
			return badMethod(adminTargets, http.MethodGet, r.Method)
		}
		all := make([]upstream.TargetStatus, len(targets))
		for i, t := range targets {
			all[i] = app.State().Status(t)
		}
		writeValue(w, map[string]any{"targets": all})
		return nil
	}
	i := slices.IndexFunc(targets, func(t *upstream.Target) bool { return t.Name() == name })
	if i < 0 {
		return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: fmt.Errorf("there is no target %q in the running config%s",
			truncate(name), didYouMean(name, targetNames(targets)))}
	}
	switch r.Method {
	case http.MethodGet:
	case http.MethodPost:
		if err := app.rest(name, r.Body); err != nil {
			return caddy.APIError{HTTPStatus: http.StatusBadRequest, Err: err}
		}
	default:
		return badMethod(adminTargets+"/"+name, "GET and POST", r.Method)
	}
	writeValue(w, app.State().Status(targets[i]))
	return nil
}

// rest reads how long a target is to rest, and sees to it.
func (a *App) rest(target string, body io.Reader) error {
	var q restRequest
	dec := json.NewDecoder(io.LimitReader(body, maxHeaderObject))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&q); err != nil {
		return fmt.Errorf(`the body cannot be read; send {"rest":"10m"}, or {"rest":"0s"} to wake the target: %w`, err)
	}
	d, err := caddy.ParseDuration(q.Rest)
	if err != nil || d < 0 {
		return errors.New(`rest is not a duration; write one such as "10m", or "0s" to wake the target`)
	}
	a.State().SetRest(target, d)
	return nil
}

// targets returns the targets of all variants, each once, sorted by name.
func (a *App) targets() []*upstream.Target {
	byName := make(map[string]*upstream.Target)
	for _, key := range a.catalog.Keys() {
		d, _ := a.catalog.Lookup(key)
		for _, v := range d.Variants {
			for _, t := range v.Route.Targets {
				byName[t.Name()] = t
			}
		}
	}
	all := make([]*upstream.Target, 0, len(byName))
	for _, t := range byName {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b *upstream.Target) int { return strings.Compare(a.Name(), b.Name()) })
	return all
}

func targetNames(targets []*upstream.Target) []string {
	names := make([]string, len(targets))
	for i, t := range targets {
		names[i] = t.Name()
	}
	return names
}
