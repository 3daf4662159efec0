package caddymodule

// Handler serves the LLM gateway's API on a site: the paths of an OpenAI-compatible API,
// the list of models, and explanations. Every other request is handed on to the next
// handler. The gateway itself is the app llm_gateway.
type Handler struct {
	// KeyHeader is the request header that names the deployment. It must not hold
	// underscores or dots, because Caddy drops such request headers.
	// Default: X-Deployment-Key.
	KeyHeader string `json:"key_header,omitempty"`

	// Deployments lists the deployments that this site serves, as globs. Default: all.
	Deployments []string `json:"deployments,omitempty"`

	// Default is the key of the deployment that answers a client that names none.
	// Default: none.
	Default string `json:"default,omitempty"`

	// Direct says that a client that names no deployment may name an activated
	// provider/model itself. Default: false.
	Direct bool `json:"direct,omitempty"`

	// MaxBody is the largest request body, in bytes. Default: 33554432 (32 MiB).
	MaxBody int64 `json:"max_body,omitempty"`

	// Explain says that the site answers explain requests, which show prompts and rules to
	// whoever asks. Default: false.
	Explain bool `json:"explain,omitempty"`

	// ResponseHeaders says that answers carry all of the X-Deployment-* headers; otherwise
	// they carry the trace id alone. Default: true.
	ResponseHeaders *bool `json:"response_headers,omitempty"`

	// Position says where in the Caddyfile the directive was written, such as
	// "Caddyfile:50". The Caddyfile adapter fills it in, and it is read only to say where an
	// error is. Default: none.
	Position string `json:"position,omitempty"`

	site *site
}
