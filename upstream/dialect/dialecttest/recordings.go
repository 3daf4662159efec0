package dialecttest

import (
	"bytes"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// Recorded is a reply that a provider really sent.
type Recorded struct {
	Name   string // of the file, for messages
	Host   string
	Stream bool
	Body   []byte
}

// Recordings returns the recorded successes of the endpoint whose path ends like that. It
// skips the test where there is no recorded traffic.
func Recordings(t *testing.T, endpoint string) []Recorded {
	t.Helper()
	dir, ok := fakellm.RecordingsDir()
	if !ok {
		t.Skip("no recordings of provider traffic here")
	}
	var all []Recorded
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" {
			return err
		}
		interactions, err := fakellm.LoadRecording(path)
		if err != nil {
			return err
		}
		for i := range interactions {
			request, response := &interactions[i].Request, &interactions[i].Response
			u, err := url.Parse(request.URL)
			if err != nil {
				return err
			}
			if response.Code == 200 && strings.HasSuffix(u.Path, endpoint) {
				all = append(all, Recorded{
					Name: strings.TrimPrefix(path, dir), Host: u.Host, Body: []byte(response.Body),
					Stream: strings.HasPrefix(response.Headers.Get("Content-Type"), "text/event-stream"),
				})
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatalf("no recording of %s in %s", endpoint, dir)
	}
	return all
}

// Events returns the events of a stream that have data. It is for tests: it takes lines that
// end with LF or CR LF, and joins the lines of data.
func Events(stream []byte) []dialect.Event {
	var all []dialect.Event
	stream = bytes.ReplaceAll(stream, []byte("\r\n"), []byte("\n"))
	for block := range bytes.SplitSeq(stream, []byte("\n\n")) {
		var e dialect.Event
		var data [][]byte
		for line := range bytes.SplitSeq(block, []byte("\n")) {
			name, value, _ := bytes.Cut(line, []byte(":"))
			value = bytes.TrimPrefix(value, []byte(" "))
			switch string(name) {
			case "event":
				e.Name = value
			case "data":
				data = append(data, value)
			}
		}
		if len(data) > 0 {
			e.Data = bytes.Join(data, []byte("\n"))
			all = append(all, e)
		}
	}
	return all
}
