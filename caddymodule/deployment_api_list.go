package caddymodule

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/invoke"
)

// How many deployments a page of the list has.
const (
	defaultListed = 10
	mostListed    = 50
)

// deploymentNamespace is the namespace of deployments' ids (RFC 9562, section 5.5).
var deploymentNamespace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://github.com/mulligan-gateway/mulligan/deployment"))

// deploymentID returns the id of a deployment in the list: the same for one key, for ever.
func deploymentID(key string) string {
	return uuid.NewSHA1(deploymentNamespace, []byte(key)).String()
}

// deploymentVersion returns the version of a deployment: a digest of what the config says of it.
func (a *App) deploymentVersion(key string) string {
	said, err := json.Marshal(a.Deployments[key])
	if err != nil {
		return "unknown" // what was read from JSON can be written
	}
	digest := sha256.Sum256(said)
	return hex.EncodeToString(digest[:6])
}

// listDeployments answers GET /v2/deployments?limit&starting_after&ending_before with the
// deployments that the site serves, in the order of their keys.
func (s *site) listDeployments(w http.ResponseWriter, r *http.Request) {
	keys := slices.DeleteFunc(slices.Clone(s.app.Catalog().Keys()), func(key string) bool { return !s.serves(key) })
	page, more, err := pageOf(keys, r.URL.Query())
	if err != nil {
		writeJSON(w, err.Status, invoke.AppendError(nil, err))
		return
	}
	b := []byte(`{"object":"list","data":[`)
	for i, key := range page {
		if i > 0 {
			b = append(b, ',')
		}
		b = invoke.AppendListed(b, s.app.listed(key))
	}
	b = append(b, `],"has_more":`...)
	writeJSON(w, http.StatusOK, append(strconv.AppendBool(b, more), '}'))
}

// pageOf returns the keys of one page, and whether there are more in its direction.
func pageOf(keys []string, query map[string][]string) (page []string, more bool, _ *llm.Error) {
	get := func(name string) string {
		if v := query[name]; len(v) > 0 {
			return v[0]
		}
		return ""
	}
	limit := defaultListed
	if text := get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > mostListed {
			return nil, false, llm.NewError(llm.CodeInvalidContext, fmt.Sprintf("limit is not a number from 1 to %d.", mostListed)).WithParam("limit")
		}
		limit = n
	}
	after, before := get("starting_after"), get("ending_before")
	if after != "" && before != "" {
		return nil, false, llm.NewError(llm.CodeInvalidContext, "starting_after and ending_before exclude each other: send one of them.").WithParam("ending_before")
	}
	at := func(param, id string) (int, *llm.Error) {
		i := slices.IndexFunc(keys, func(key string) bool { return deploymentID(key) == id })
		if i < 0 {
			return 0, llm.NewError(llm.CodeInvalidContext, param+" is the id of no deployment here. Take an id from a page of the list.").WithParam(param)
		}
		return i, nil
	}
	switch {
	case after != "":
		i, err := at("starting_after", after)
		if err != nil {
			return nil, false, err
		}
		keys = keys[i+1:]
	case before != "":
		i, err := at("ending_before", before)
		if err != nil {
			return nil, false, err
		}
		keys = keys[:i]
		first := max(len(keys)-limit, 0)
		return keys[first:], first > 0, nil
	}
	return keys[:min(limit, len(keys))], len(keys) > limit, nil
}

// listed returns a deployment as the list has it: what its last variant says, which is the
// default where there is one.
func (a *App) listed(key string) *invoke.Listed {
	config := a.Deployments[key]
	v := config.Variants[len(config.Variants)-1]
	l := &invoke.Listed{
		ID: deploymentID(key), Key: key, Since: a.since.UTC().Format(time.RFC3339), Version: a.deploymentVersion(key), Body: unrendered(v),
	}
	if name, model, err := splitModel(v.Model); err == nil {
		l.Model = model
		if p, ok := a.Provider(name); ok {
			l.Provider = p.Kind()
		}
	}
	return l
}

// unrendered returns the hub's request as a variant's config says it.
func unrendered(v *VariantConfig) []byte {
	type message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	messages := []message{}
	if v.System != "" {
		messages = append(messages, message{"system", v.System})
	}
	for _, m := range v.Messages {
		messages = append(messages, message{m.Role, m.Text})
	}
	body := map[string]any{"messages": messages}
	for name, value := range v.Params {
		body[name] = value
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return []byte("{}") // params were checked to be JSON when the config was loaded
	}
	return raw
}
