package dialecttest

import (
	"bytes"
	"net/url"
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// Recorded is an exchange that a client and a provider really had.
type Recorded struct {
	Name    string // of the file and the exchange in it, for messages
	URL     *url.URL
	Status  int
	Request []byte
	Body    []byte
	// Media is the media type of the reply, and Stream says whether it is server-sent events.
	Media  string
	Stream bool
}

// AllRecordings returns everything that has been recorded. It skips the test where there is no
// recorded traffic.
func AllRecordings(t *testing.T) (all []Recorded) {
	t.Helper()
	for _, r := range fakellm.Recordings(t) {
		media := r.Response.Headers.Get("Content-Type")
		all = append(all, Recorded{
			Name: r.Name, URL: r.URL, Status: r.Response.Code, Request: []byte(r.Request.Body), Body: []byte(r.Response.Body),
			Media: media, Stream: strings.HasPrefix(media, "text/event-stream"),
		})
	}
	return all
}

// Recordings returns the recorded successes of the endpoint whose path ends like that. It names
// those that were no success, and skips the test where there is no recorded traffic.
func Recordings(t *testing.T, endpoint string) (all []Recorded) {
	t.Helper()
	for _, r := range AllRecordings(t) {
		switch {
		case !strings.HasSuffix(r.URL.Path, endpoint):
		case r.Status != 200:
			t.Logf("left out: %s is no success, but a %d", r.Name, r.Status)
		default:
			all = append(all, r)
		}
	}
	if len(all) == 0 {
		t.Fatalf("no recording of %s", endpoint)
	}
	return all
}

// Recordings returns the recorded successes of the dialect, and names the others.
func (p Provider) Recordings(t *testing.T) (all []Recorded) {
	t.Helper()
	for _, r := range AllRecordings(t) {
		switch speaks, why := p.Speaks(r.URL); {
		case !speaks && why == "":
		case !speaks:
			t.Logf("left out: %s: %s", r.Name, why)
		case r.Status != 200:
			t.Logf("left out: %s is no success, but a %d", r.Name, r.Status)
		default:
			all = append(all, r)
		}
	}
	return all
}

// RecordedEvents returns the events of a recorded stream, nil for a plain reply.
func (p Provider) RecordedEvents(t T, r *Recorded) []dialect.Event {
	t.Helper()
	switch {
	case r.Stream:
		return Events(r.Body)
	case strings.Contains(r.Media, "eventstream"):
		return p.Events(t, r.Body)
	}
	return nil
}

// recordings replays what the vendor has really answered.
func (p Provider) recordings(t *testing.T) {
	all, passed, streams := p.Recordings(t), 0, 0
	for _, r := range all {
		if t.Run(r.Name, func(t *testing.T) {
			events := p.RecordedEvents(t, &r)
			if events != nil {
				streams++
				if d := differ(p.StreamSays(t, events), hear(t, p.Translator, events)); d != "" {
					t.Error(d)
				}
				return
			}
			reply, err := p.Translator.Reply(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			if d := differ(p.ReplySays(t, r.Body), Hear(t, reply)); d != "" {
				t.Error(d)
			}
		}) {
			passed++
		}
	}
	if len(all) == 0 {
		t.Skip("there is no recorded traffic of this dialect")
	}
	t.Logf("%d of %d recorded replies, %d of them streams, are heard as they were said", passed, len(all), streams)
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
