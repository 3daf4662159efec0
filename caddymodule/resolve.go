package caddymodule

import (
	"fmt"
	"strings"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/metrics"
)

// modelAsDeployment begins a body's model that names a deployment, for clients that cannot
// set a header.
const modelAsDeployment = "deployment/"

// resolve finds the deployment that the client names: by header, by a model that begins
// with deployment/, or the site's default. On a site with direct on, a client that names
// none may name an activated model instead.
func (x *exchange) resolve() error {
	key := x.namedKey()
	if key == "" && x.site.direct {
		if done, err := x.resolveDirect(); done || err != nil {
			return err
		}
	}
	if key == "" {
		key = x.site.fallbackKey
	}
	if key == "" {
		return llm.NewError(llm.CodeDeploymentRequired, fmt.Sprintf(
			"The request names no deployment. Name one in the header %s, or as the body's model, %sKEY. GET /v1/models lists them.",
			x.site.keyHeader, modelAsDeployment))
	}
	d, ok := x.site.app.Catalog().Lookup(key)
	if !ok || !x.site.serves(key) {
		return llm.NewError(llm.CodeDeploymentNotFound, fmt.Sprintf(
			"There is no deployment %q here. GET /v1/models lists those that there are, as %sKEY.", truncate(key), modelAsDeployment))
	}
	x.deployment = d
	x.account.Deployment, x.account.Domain = d.Key, d.Domain
	metrics.InFlight(d.Key, 1)
	return nil
}

func (x *exchange) namedKey() string {
	if x.invoked != nil {
		return x.invoked.Key
	}
	if values := x.r.Header[x.site.keyHeader]; len(values) > 0 && values[0] != "" {
		return strings.TrimPrefix(values[0], "Bearer ") // key_header may be Authorization
	}
	key, _ := strings.CutPrefix(x.request.Model, modelAsDeployment)
	if key == x.request.Model {
		return ""
	}
	return key
}

// resolveDirect makes the variant of a model that the client named itself. It returns false
// for a name that does not look like provider/model when the site has a default to answer.
func (x *exchange) resolveDirect() (bool, error) {
	if x.request.Model == "" {
		return false, nil
	}
	v, err := x.site.app.directVariant(x.request.Model)
	if err == nil {
		x.variant = v
		return true, nil
	}
	if x.site.fallbackKey != "" && !strings.Contains(x.request.Model, "/") {
		return false, nil
	}
	return false, llm.NewError(llm.CodeModelNotActivated, fmt.Sprintf(
		"The model %q is not activated here. GET /v1/models lists the models that are, as provider/model.",
		truncate(x.request.Model))).WithParam("model").WithCause(err)
}

// truncate shortens what a client sent before it is sent back.
func truncate(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
