// Package mulligan is Mulligan, an LLM gateway that lives inside Caddy. Importing it
// registers its modules with Caddy, so that xcaddy can build it in:
//
//	xcaddy build --with github.com/mulligan-gateway/mulligan
//
// It registers the app llm_gateway, the HTTP handler http.handlers.llm_gateway with its
// Caddyfile directive llm_gateway, the providers llm_gateway.providers.*, the admin routes
// below /llm_gateway/ and the command `caddy llm`. The code begins in the folder
// caddymodule; docs/architecture.md says what the other folders are.
package mulligan

import (
	_ "github.com/mulligan-gateway/mulligan/caddymodule" // registers the modules
)
