package caddymodule

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/mulligan-gateway/mulligan/llm"
)

// ownedByMulligan is the owned_by of a deployment in the list of models.
const ownedByMulligan = "mulligan"

// listedModel is one entry of GET /v1/models
// (source: https://platform.openai.com/docs/api-reference/models/object).
type listedModel struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

// models returns the deployments that the site serves and the activated models.
func (s *site) models() []listedModel {
	list := []listedModel{}
	for _, key := range s.app.Catalog().Keys() {
		if s.serves(key) {
			list = append(list, listedModel{ID: modelAsDeployment + key, Object: "model", OwnedBy: ownedByMulligan})
		}
	}
	for _, m := range s.app.Garden().Models() {
		list = append(list, listedModel{
			ID: m.Name(), Object: "model", Created: m.Released.Unix(), OwnedBy: m.Provider,
		})
	}
	return list
}

// listModels answers GET /v1/models.
func (s *site) listModels(w http.ResponseWriter, _ *http.Request) {
	writeValue(w, struct {
		Object string        `json:"object"`
		Data   []listedModel `json:"data"`
	}{"list", s.models()})
}

// showModel answers GET /v1/models/{id}.
func (s *site) showModel(w http.ResponseWriter, r *http.Request) {
	id := strings.TrimPrefix(r.URL.Path, modelPrefix)
	for _, m := range s.models() {
		if m.ID == id {
			writeValue(w, m)
			return
		}
	}
	writeError(w, llm.NewError(llm.CodeModelNotFound,
		fmt.Sprintf("There is no model %q here. GET /v1/models lists those that there are.", truncate(id))).WithParam("model"))
}
