package demotraffic

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestTrafficGoesToAnExampleOnThisMachineOnly(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for origin, says := range map[string]string{
		"http://example.com":    "not this machine",
		"http://192.0.2.1:8080": "not this machine",
		"127.0.0.1:8080":        "no origin",
		gone.URL:                "start `make run` first",
		other.URL:               "not the example gateway",
	} {
		if s, err := Send(t.Context(), origin); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, %v, want it to say %q", origin, s, err, says)
		}
	}
}

// TestTrafficHasEveryKindOfRequest holds what the records are to be asked about.
func TestTrafficHasEveryKindOfRequest(t *testing.T) {
	kinds := map[string]int{}
	for i := range Requests {
		v := visitOf(i)
		kinds["tier "+string(v.tier)]++
		if v.stream {
			kinds["stream "+string(v.tier)]++
		}
		if v.refused {
			kinds["refused"]++
		}
		for _, f := range v.feedback("default") {
			kinds["feedback "+f.name]++
		}
	}
	for _, want := range []string{
		"tier enterprise", "tier unlucky", "tier basic", "stream enterprise", "stream unlucky", "stream basic",
		"refused", "feedback rating", "feedback thumb",
	} {
		if kinds[want] < 10 {
			t.Errorf("%s: %d times", want, kinds[want])
		}
	}
}
