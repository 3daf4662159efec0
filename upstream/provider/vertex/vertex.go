// Package vertex knows how Vertex AI is reached and signed in to: which URL a publisher's model
// has in a project and a location, and how a token is had for a service account, by workload
// identity or from the metadata server. It knows nothing of what is said there.
//
// Sources: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/learn/locations (hosts),
// https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference (Gemini),
// https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude.
package vertex

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Global is the location that is everywhere.
const Global = "global"

// multiRegions are locations that have several regions, and hosts of another kind.
var multiRegions = []string{"us", "eu"}

// Place returns the API's base URL and what stands in every path behind it: the project and the
// location. An account that a key signs in to needs neither, since the key belongs to a project
// (source: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/start/api-keys). One that
// is never called need not know its project, which may be in the credentials.
func (c *Config) Place(keyed, offline bool) (base, path string, err error) {
	switch project := c.project(); {
	case keyed && project == "" && c.Location == "":
		return baseOf(Global), "", nil
	case c.Location == "":
		return "", "", errors.New("a provider of kind vertex needs a location, such as us-east5 or global")
	case !isName(c.Location, ""):
		return "", "", fmt.Errorf("%q is no location of Google Cloud, such as us-east5 or global", c.Location)
	case project == "" && !offline:
		return "", "", errors.New("a provider of kind vertex needs a project: its id, such as my-project-123456")
	case !isName(project, ".:") && project != "":
		return "", "", fmt.Errorf("%q is no id of a project of Google Cloud, such as my-project-123456", project)
	default:
		return baseOf(c.Location), "/projects/" + project + "/locations/" + c.Location, nil
	}
}

// baseOf returns the base URL of a location.
func baseOf(location string) string {
	host := location + "-aiplatform.googleapis.com"
	if location == Global {
		host = "aiplatform.googleapis.com"
	}
	for _, region := range multiRegions {
		if location == region {
			host = "aiplatform." + region + ".rep.googleapis.com"
		}
	}
	return "https://" + host + "/v1"
}

// isName says whether a name has lower-case letters, digits and hyphens alone, and those that
// may be in it beside them.
func isName(name, beside string) bool {
	bad := strings.IndexFunc(name, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && !strings.ContainsRune(beside, c)
	})
	return bad < 0 && name != "" && name != "." && name != ".."
}

// The publishers whose models are asked in a way of their own.
const (
	google    = "google/"
	anthropic = "anthropic/"
	mistral   = "mistralai/"
	// tuned is before the id of an endpoint that a tuned model is at.
	tuned = "endpoints/"
)

// Bare returns a model's id without the publisher before it.
func Bare(model string) string {
	model = strings.TrimPrefix(model, "publishers/")
	for _, publisher := range []string{google, anthropic, mistral} {
		model = strings.TrimPrefix(model, publisher)
	}
	return strings.TrimPrefix(model, "models/")
}

// IsClaude says whether a model is Anthropic's.
func IsClaude(model string) bool {
	model = strings.TrimPrefix(model, "publishers/")
	return strings.HasPrefix(model, anthropic) || strings.HasPrefix(model, "claude")
}

// IsMistral says whether a model is Mistral AI's.
func IsMistral(model string) bool {
	return strings.HasPrefix(strings.TrimPrefix(model, "publishers/"), mistral)
}

// IsOpen says whether a model is asked in OpenAI's dialect: those are written
// publisher/model, as they are there. Google's own have no publisher before them, or google.
func IsOpen(model string) bool {
	bare := Bare(model)
	return strings.Contains(bare, "/") && !strings.HasPrefix(bare, tuned)
}

// Gemini returns where a model of Google's is asked, or a tuned one, which is written
// endpoints/ID.
func Gemini(model string, stream bool) (path, query string) {
	path = "/publishers/google/models/"
	if id, ok := strings.CutPrefix(model, tuned); ok {
		model, path = id, "/endpoints/"
	}
	path += url.PathEscape(model)
	if stream {
		return path + ":streamGenerateContent", "alt=sse"
	}
	return path + ":generateContent", ""
}

// Claude returns where a model of Anthropic's is asked.
func Claude(model string, stream bool) (path, query string) { return raw(anthropic, model, stream) }

// Mistral returns where a model of Mistral AI's is asked.
func Mistral(model string, stream bool) (path, query string) { return raw(mistral, model, stream) }

// raw returns where a publisher's model is asked in its publisher's own dialect.
func raw(publisher, model string, stream bool) (path, query string) {
	path = "/publishers/" + publisher + "models/" + url.PathEscape(model)
	if stream {
		return path + ":streamRawPredict", ""
	}
	return path + ":rawPredict", ""
}
