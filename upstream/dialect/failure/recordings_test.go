package failure

import (
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
)

// Real traffic: every error reply must be of a known class, and no event of a success may be
// taken for an error.
func TestRecordingsAreReadAsWhatTheyAre(t *testing.T) {
	failed, events := 0, 0
	for _, r := range fakellm.Recordings(t) {
		if r.Response.Code < 400 {
			events += noErrors(t, r.Name, r.Response.Body)
			continue
		}
		failed++
		if f := Read(r.Response.Code, r.Response.Headers, []byte(r.Response.Body), noon); f.Class == Unknown {
			t.Errorf("%s: %d is read as %+v\n%s", r.Name, r.Response.Code, f, r.Response.Body)
		}
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
