package messages

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

// provider is the side of messages that providers speak.
var provider = dialecttest.Provider{
	Translator: translator{func() time.Time { return time.Unix(1700000000, 0) }},
	Model:      "claude-opus-4-6",
	Dir:        "testdata/provider",
	Asked:      asked, Reply: nativeReply, Stream: nativeStream, ReplySays: replySays, StreamSays: streamSays,
	Speaks: speaks, Events: frames,
	Budget: dialecttest.Budget{Request: 16, Reply: 16, Stream: 25},
}

// door is the side that clients speak. Thoughts come with a signature, be it empty.
var door = dialecttest.Door{
	Door: NewFrontDoor(), Dir: "testdata/door", ReplySays: replySays, StreamSays: streamSays,
	Heard: func(s dialecttest.Said) dialecttest.Said { return s },
}

func TestProviders(t *testing.T) { provider.Run(t) }
func TestClients(t *testing.T)   { door.Run(t) }

func BenchmarkProviders(b *testing.B) { provider.Bench(b) }

func FuzzRequest(f *testing.F) {
	provider.FuzzRequest(f, "claude-sonnet-4-5", "claude-opus-5-5", "claude-3-haiku-20240307")
}
func FuzzReply(f *testing.F)    { provider.FuzzReply(f) }
func FuzzStream(f *testing.F)   { provider.FuzzStream(f) }
func FuzzQuestion(f *testing.F) { door.FuzzQuestion(f) }
func FuzzAnswer(f *testing.F)   { door.FuzzAnswer(f) }
func FuzzEvents(f *testing.F)   { door.FuzzEvents(f) }

// speaks says whether an address is Anthropic's, or Claude's on Bedrock or Vertex AI.
func speaks(u *url.URL) (is bool, why string) {
	switch {
	case u.Host == "api.anthropic.com" && !strings.HasSuffix(u.Path, "/v1/messages"):
		return false, "it asks for " + u.Path
	case u.Host == "api.anthropic.com", strings.Contains(u.Path, "/publishers/anthropic/"):
		return true, ""
	}
	return strings.Contains(u.Path, "anthropic.claude") && strings.Contains(u.Path, "/invoke"), ""
}

// What clients of messages really sent goes to the hub and back, and says the same.
func TestRecordedRequestsSurviveTheHub(t *testing.T) {
	all, passed := provider.Recordings(t), 0
	for _, r := range all {
		hub, err := NewFrontDoor().Question(r.Request)
		if err != nil {
			t.Logf("left out: %s is refused: %v", r.Name, err)
			continue
		}
		back, err := New().Request(dialect.Question{Body: hub.Body, Model: "claude-sonnet-4-20250514"})
		if err != nil {
			t.Errorf("%s: %v", r.Name, err)
			continue
		}
		if want, got := sameRequest(t, r.Request), sameRequest(t, back.Body); want != got {
			t.Errorf("%s: got\n%v\nwant\n%v", r.Name, got, want)
			continue
		}
		passed++
	}
	t.Logf("%d of %d recorded requests say the same behind the hub", passed, len(all))
}
