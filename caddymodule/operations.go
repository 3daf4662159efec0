package caddymodule

import (
	"net/http"
	"strings"

	"github.com/mulligan-gateway/mulligan/llm"
)

// operation serves one path of the HTTP API.
type operation struct {
	method string // two are parted by ", "
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
		"/v1/feedback":               {http.MethodPost + ", " + http.MethodDelete, (*site).serveFeedback},
		"/v2/feedback":               {http.MethodPost, (*site).serveSDKFeedback},
		"/v2/feedback/remove":        {http.MethodPost, (*site).serveSDKRemoval},
	}
	for _, e := range llm.Endpoints() {
		ops["/v1"+e.Path()] = operation{http.MethodPost, func(s *site, w http.ResponseWriter, r *http.Request) {
			s.serveEndpoint(w, r, e)
		}}
	}
	return ops
}()

// takes says whether the operation serves a method.
func (o operation) takes(method string) bool {
	first, second, _ := strings.Cut(o.method, ", ")
	return method == first || second != "" && method == second
}

const (
	modelPrefix   = "/v1/models/"
	explainPrefix = "/v1/deployments/"
	explainSuffix = "/explain"
	// POST /v2/deployments/{id}/metrics.
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
	case strings.HasPrefix(path, deploymentPrefix) && strings.HasSuffix(path, metricsSuffix) && len(path) > len(deploymentPrefix)+len(metricsSuffix):
		return operation{http.MethodPost, (*site).serveMetrics}, true
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
