package failure

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
)

// Real traffic: every error reply must be of a known class, and no event of a success may be
// taken for an error.
func TestRecordingsAreReadAsWhatTheyAre(t *testing.T) {
	dir, ok := fakellm.RecordingsDir()
	if !ok {
		t.Skip("no recordings of provider traffic here")
	}
	failed, events := 0, 0
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" {
			return err
		}
		interactions, err := fakellm.LoadRecording(path)
		if err != nil {
			return err
		}
		for _, i := range interactions {
			name := strings.TrimPrefix(path, dir)
			if i.Response.Code >= 400 {
				failed++
				if f := Read(i.Response.Code, i.Response.Headers, []byte(i.Response.Body), noon); f.Class == Unknown {
					t.Errorf("%s: %d is read as %+v\n%s", name, i.Response.Code, f, i.Response.Body)
				}
				continue
			}
			events += noErrors(t, name, i.Response.Body)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d error replies; %d events and bodies of successes", failed, events)
	if events == 0 {
		t.Error("no traffic in the recordings")
	}
}

// noErrors checks the events of a body, or the body itself, and counts them.
func noErrors(t *testing.T, name, body string) (events int) {
	t.Helper()
	for line := range strings.Lines(body) {
		data, ok := strings.CutPrefix(line, "data:")
		if !ok {
			continue
		}
		events++
		if f, ok := ReadEvent([]byte(data)); ok {
			t.Errorf("%s: %s is read as %+v", name, data, f)
		}
	}
	if events > 0 {
		return events
	}
	if f, ok := ReadEvent([]byte(body)); ok {
		t.Errorf("%s: %s is read as %+v", name, body, f)
	}
	return 1
}
