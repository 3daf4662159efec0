package fakellm

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Interaction is one request and its answer, as a recording has them.
type Interaction struct {
	Request struct {
		Method  string      `yaml:"method"`
		URL     string      `yaml:"url"`
		Body    string      `yaml:"body"`
		Headers http.Header `yaml:"headers"`
	} `yaml:"request"`
	Response struct {
		Code    int         `yaml:"code"`
		Body    string      `yaml:"body"`
		Headers http.Header `yaml:"headers"`
	} `yaml:"response"`
}

// RecordingsDir returns the folder of recorded provider traffic and whether there is one.
// It is not a part of the repository: it is the folder that the environment variable
// MULLIGAN_RECORDINGS names, else ../shared/recordings beside the repository's root. A test
// that needs it says what happens without:
//
//	dir, ok := fakellm.RecordingsDir()
//	if !ok {
//		t.Skip("no recordings of provider traffic here")
//	}
func RecordingsDir() (string, bool) {
	dir := os.Getenv("MULLIGAN_RECORDINGS")
	if dir == "" {
		root, ok := repositoryRoot()
		if !ok {
			return "", false
		}
		dir = filepath.Join(root, "..", "shared", "recordings")
	}
	info, err := os.Stat(dir)
	return dir, err == nil && info.IsDir()
}

// repositoryRoot is the nearest folder above the working directory that has a go.mod.
func repositoryRoot() (string, bool) {
	dir, err := os.Getwd()
	if err != nil {
		return "", false
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, true
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", false
		}
		dir = up
	}
}

// LoadRecording reads a recording: a cassette of go-vcr, format version 2
// (https://github.com/dnaeon/go-vcr).
func LoadRecording(path string) ([]Interaction, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("load recording: %w", err)
	}
	var cassette struct {
		Version      int           `yaml:"version"`
		Interactions []Interaction `yaml:"interactions"`
	}
	if err := yaml.Unmarshal(raw, &cassette); err != nil {
		return nil, fmt.Errorf("parse recording %s: %w", path, err)
	}
	if cassette.Version != 2 || len(cassette.Interactions) == 0 {
		return nil, fmt.Errorf("parse recording %s: not a go-vcr cassette of version 2", path)
	}
	return cassette.Interactions, nil
}

// Replay answers as the recording did: its status, its headers but those of the connection,
// and its body, a stream event by event.
func Replay(i Interaction) Step {
	return func(c *Call) {
		h := c.w.Header()
		for name, values := range i.Response.Headers {
			switch http.CanonicalHeaderKey(name) {
			case "Content-Length", "Content-Encoding", "Transfer-Encoding", "Connection", "Date":
			default:
				h[http.CanonicalHeaderKey(name)] = values
			}
		}
		body := i.Response.Body
		if !strings.HasPrefix(h.Get("Content-Type"), "text/event-stream") {
			c.whole(i.Response.Code, h.Get("Content-Type"), []byte(body))
			return
		}
		Status(i.Response.Code)(c)
		for body != "" {
			event, rest := cutEvent(body)
			c.Write([]byte(event))
			body = rest
		}
	}
}

// cutEvent returns the first event of a stream with the blank line that ends it.
func cutEvent(stream string) (event, rest string) {
	end := len(stream)
	for _, blank := range []string{"\n\n", "\r\n\r\n"} {
		if i := strings.Index(stream, blank); i >= 0 {
			end = min(end, i+len(blank))
		}
	}
	return stream[:end], stream[end:]
}
