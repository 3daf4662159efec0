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

// pages returns the pages, by file name.
func pages() (map[string][]byte, error) {
	all, err := providerPages()
	if err != nil {
		return nil, err
	}
	all["metrics.md"] = metrics.Docs()
	all["providers.md"] = provider.Docs()
	all["rules.md"] = rules.Docs()
	return all, nil
}

func main() {
	if err := write(); err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(1)
	}
}

func write() error {
	all, err := pages()
	if err != nil {
		return err
	}
	for name, text := range all {
		file := filepath.Join("docs", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
