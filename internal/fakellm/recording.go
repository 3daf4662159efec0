package fakellm

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

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

// Recording is an exchange that a client and a provider really had.
type Recording struct {
	// Name is that of its file, below the folder and without its ending, and its number in it.
	Name string
	// URL is that of the request.
	URL *url.URL
	Interaction
}

// Recordings returns all the recorded provider traffic. It is not a part of the repository: it
// is in the folder that the environment variable MULLIGAN_RECORDINGS names, else in
// ../shared/recordings beside the repository's root. A test that needs it is skipped without.
func Recordings(t testing.TB) (all []Recording) {
	t.Helper()
	dir, ok := recordingsDir()
	if !ok {
		t.Skip("no recordings of provider traffic here")
	}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" {
			return err
		}
		interactions, err := LoadRecording(path)
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(path), filepath.ToSlash(dir)+"/"), ".yaml")
		for i, n := range interactions {
			u, err := url.Parse(n.Request.URL)
			if err != nil {
				return fmt.Errorf("parse recording %s: %w", path, err)
			}
			all = append(all, Recording{Name: fmt.Sprintf("%s#%d", name, i+1), URL: u, Interaction: n})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// recordingsDir returns the folder, and whether there is one.
func recordingsDir() (string, bool) {
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
