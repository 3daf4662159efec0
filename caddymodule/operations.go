package caddymodule

import (
	"net/http"
	"strings"

	"github.com/mulligan-gateway/mulligan/llm"
)

// operation serves one path of the HTTP API.
type operation struct {
	method string
	serve  func(s *site, w http.ResponseWriter, r *http.Request)
}

// operations are the paths that are known word for word; those with a variable part are
// found by lookupOperation.
var operations = func() map[string]operation {
	ops := map[string]operation{
		"/v1/models":                 {http.MethodGet, (*site).listModels},
		"/v2/deployments":            {http.MethodGet, (*site).listDeployments},
		"/v2/deployments/invoke":     {http.MethodPost, (*site).serveInvoke},
		"/v2/deployments/stream":     {http.MethodPost, (*site).serveInvokeStream},
		"/v2/deployments/get_config": {http.MethodPost, (*site).serveGetConfig},
	}
	for _, e := range llm.Endpoints() {
		ops["/v1"+e.Path()] = operation{http.MethodPost, func(s *site, w http.ResponseWriter, r *http.Request) {
			s.serveEndpoint(w, r, e)
		}}
	}
	for path, method := range laterPaths {
		ops[path] = operation{method, (*site).notAvailable}
	}
	return ops
}()

// laterPaths belong to Mulligan's API but not to this build. They are answered rather than
// handed on, so that a client learns why instead of getting somebody else's 404.
var laterPaths = map[string]string{
	"/v1/feedback":        http.MethodPost,
	"/v2/feedback":        http.MethodPost,
	"/v2/feedback/remove": http.MethodPost,
}

const (
	modelPrefix   = "/v1/models/"
	explainPrefix = "/v1/deployments/"
	explainSuffix = "/explain"
	// What a later build serves: POST /v2/deployments/{id}/metrics.
	deploymentPrefix = "/v2/deployments/"
	metricsSuffix    = "/metrics"
)

// lookupOperation returns the operation that serves a path, and false for a path that is
// not Mulligan's.
func lookupOperation(path string) (operation, bool) {
	if op, ok := operations[path]; ok {
		return op, true
	}
	switch {
	case strings.HasPrefix(path, modelPrefix) && len(path) > len(modelPrefix):
		return operation{http.MethodGet, (*site).showModel}, true
	case strings.HasPrefix(path, deploymentPrefix) && strings.HasSuffix(path, metricsSuffix):
		return operation{http.MethodPost, (*site).notAvailable}, true
	case explainKey(path) != "":
		return operation{http.MethodPost, (*site).serveExplain}, true
	default:
		return operation{}, false
	}
}

// explainKey returns the deployment's key of a path /v1/deployments/{key}/explain, or "".
func explainKey(path string) string {
	key, ok := strings.CutPrefix(path, explainPrefix)
	if !ok {
		return ""
	}
	if key, ok = strings.CutSuffix(key, explainSuffix); !ok {
		return ""
	}
	return key
}

func (s *site) notAvailable(w http.ResponseWriter, r *http.Request) {
	writeError(w, llm.NewError(llm.CodeNotAvailable,
		r.URL.Path+" is not available in this build of Mulligan."))
}
