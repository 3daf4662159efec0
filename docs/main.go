// Command docs writes the pages of documentation that come from tables in the code: `make
// docs` runs `go run ./docs` in the repository's root. A test beside it fails when a
// committed page is not what the code says. failover.md is not among them: the table that it
// is printed from is that of a test, integration's TestFailoverPage, which `make docs` runs too.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/mulligan-gateway/mulligan/metrics"
	"github.com/mulligan-gateway/mulligan/rules"
	"github.com/mulligan-gateway/mulligan/upstream/provider"
)

// pages holds what makes each page, by file name.
var pages = map[string]func() []byte{
	"metrics.md":   metrics.Docs,
	"providers.md": provider.Docs,
	"rules.md":     rules.Docs,
}

func main() {
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join("docs", name), text(), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "docs:", err)
			os.Exit(1)
		}
	}
}
