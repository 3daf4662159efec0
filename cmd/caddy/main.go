// Command caddy is Caddy with Mulligan and the standard modules built in, for working on
// Mulligan and for trying it: `go run ./cmd/caddy run --config Caddyfile.example`.
// To build Mulligan into a Caddy of your own, see xcaddy.md.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/mulligan-gateway/mulligan"
)

func main() {
	caddycmd.Main()
}
