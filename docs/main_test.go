package main

import (
	"os"
	"strings"
	"testing"
)

func TestPagesAreWhatTheCodeSays(t *testing.T) {
	for name, text := range pages {
		committed, err := os.ReadFile(name)
		if err != nil {
			t.Error(err)
			continue
		}
		// git may have given the file the line ends of Windows.
		if got := strings.ReplaceAll(string(committed), "\r\n", "\n"); got != string(text()) {
			t.Errorf("docs/%s is not what the code says: run `make docs`", name)
		}
	}
}
