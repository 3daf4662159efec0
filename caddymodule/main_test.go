package caddymodule

import (
	"fmt"
	"os"
	"testing"
)

// TestMain keeps the records of configs that name no place for them out of the data folder of
// whoever runs the tests.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "mulligan-caddymodule-*")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		os.Setenv("XDG_DATA_HOME", dir)
		os.Setenv("XDG_CONFIG_HOME", dir)
		return m.Run()
	}())
}
