// Package azure knows how Azure OpenAI, which is a part of Microsoft Foundry, is reached and signed
// in to: which paths there are in which version of the API, which deployment a model is at, and
// how a token of Entra ID is had. It knows nothing of what is said there.
//
// Sources: https://learn.microsoft.com/en-us/azure/ai-foundry/openai/api-version-lifecycle,
// https://learn.microsoft.com/en-us/azure/ai-foundry/openai/reference (paths with a version),
// https://learn.microsoft.com/en-us/azure/ai-foundry/openai/latest (paths without).
package azure

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/mulligan-gateway/mulligan/llm"
)

// Config says what an account at Azure has. It shows nothing when it is printed.
type Config struct {
	// APIVersion is the version of the API, such as 2024-10-21, that deployments are asked in
	// below /openai/deployments. "", v1 and preview are the API below /openai/v1, which has no
	// such versions.
	APIVersion string
	// Deployments maps models' ids to the names of their deployments. A model that is not in it is
	// at the deployment of its own name.
	Deployments map[string]string
	// Entra says how the account signs in where no key does; nil for keys.
	Entra *Entra
}

// The names of the API that has no dated versions.
const (
	v1      = "v1"
	preview = "preview"
)

var dated = regexp.MustCompile(`^20\d\d-\d\d-\d\d(-preview)?$`)

// The first dated versions that have the Responses API, and stream_options.
const (
	responsesSince     = "2025-03-01"
	streamOptionsSince = "2024-09-01"
)

// Check checks the config, but for Entra.
func (c *Config) Check() error {
	if c.APIVersion != "" && c.APIVersion != v1 && c.APIVersion != preview && !dated.MatchString(c.APIVersion) {
		return fmt.Errorf("api_version %q is none of Azure's, such as 2024-10-21 or 2025-04-01-preview; without one the API below /openai/v1 is asked", c.APIVersion)
	}
	for _, model := range slices.Sorted(maps.Keys(c.Deployments)) {
		if model == "" || c.Deployments[model] == "" {
			return fmt.Errorf("deployment_of %q: a model's id and the name of its deployment must not be empty", model)
		}
	}
	return nil
}

// Root returns the base URL of a resource: what is before /openai, however much of the path was
// given.
func Root(base string) string {
	root := strings.TrimRight(base, "/")
	for _, end := range []string{"/v1", "/openai"} {
		if end == "/v1" && !strings.HasSuffix(root, "/openai/v1") {
			continue
		}
		root = strings.TrimRight(strings.TrimSuffix(root, end), "/")
	}
	return root
}

// Deployment returns the name of a model's deployment.
func (c *Config) Deployment(model string) string {
	if name, ok := c.Deployments[model]; ok {
		return name
	}
	return model
}

// versioned says whether the API with dated versions is asked.
func (c *Config) versioned() bool { return dated.MatchString(c.APIVersion) }

// Endpoints returns those that the API has.
func (c *Config) Endpoints() []llm.Endpoint {
	all := []llm.Endpoint{
		llm.Chat, llm.Completions, llm.Embeddings, llm.Images, llm.Speech, llm.Transcriptions, llm.Translations,
	}
	if !c.versioned() || c.APIVersion >= responsesSince {
		all = append(all, llm.Responses)
	}
	return all
}

// HasStreamOptions says whether the usage of a stream can be asked for.
func (c *Config) HasStreamOptions() bool { return !c.versioned() || c.APIVersion >= streamOptionsSince }

// Path returns where a deployment is asked at an endpoint, below the root.
func (c *Config) Path(e llm.Endpoint) func(deployment string, stream bool) (path, query string) {
	query := ""
	if c.APIVersion != "" {
		query = "api-version=" + url.QueryEscape(c.APIVersion)
	}
	switch {
	case !c.versioned():
		return fixed("/openai/v1"+e.Path(), query)
	case e == llm.Responses: // it has the deployment in the body
		return fixed("/openai"+e.Path(), query)
	}
	return func(deployment string, _ bool) (string, string) {
		return "/openai/deployments/" + segment(deployment) + e.Path(), query
	}
}

func fixed(path, query string) func(string, bool) (string, string) {
	return func(string, bool) (string, string) { return path, query }
}

// segment makes a name one segment of a path. One of dots alone must not be a step to another
// path.
func segment(name string) string {
	if strings.Trim(name, ".") == "" {
		return strings.ReplaceAll(name, ".", "%2E")
	}
	return url.PathEscape(name)
}

// ClaudePath is where Claude is asked, in Anthropic's own dialect, below the root.
const ClaudePath = "/anthropic/v1/messages"

// IsClaude says whether a model is Anthropic's.
func IsClaude(model string) bool { return strings.HasPrefix(model, "claude") }
