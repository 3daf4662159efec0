package cohere

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

var provider = dialecttest.Provider{
	Translator: underTest(""),
	New:        func(model string) dialect.Translator { return underTest(model) },
	Model:      "command-a-reasoning-08-2025",
	Dir:        "testdata/chat",
	Unsigned:   true,
	Budget:     dialecttest.Budget{Request: 17, Reply: 24, Stream: 26},
	Asked:      asked, Reply: nativeReply, Stream: nativeStream, ReplySays: replySays, StreamSays: streamSays,
	Speaks: func(u *url.URL) (bool, string) { return u.Host == "api.cohere.com", "" },
}

// underTest is a translator whose replies are all made at one time.
func underTest(model string) translator {
	return translator{model: model, now: func() time.Time { return time.Unix(1700000000, 0) }, newID: func() string { return "chatcmpl-1" }}
}

func TestContract(t *testing.T) { provider.Run(t) }

func TestTooManyCallsAreMalformed(t *testing.T) {
	dialecttest.TooManyCalls(t, provider.Translator.Stream, func(i int) dialect.Event {
		return dialect.Event{Data: fmt.Appendf(nil, `{"type":"tool-call-start","index":%d,"delta":{"message":{"tool_calls":{"id":"c%d","function":{"name":"f"}}}}}`, i, i)}
	})
}

func BenchmarkContract(b *testing.B) { provider.Bench(b) }

func FuzzRequest(f *testing.F) { provider.FuzzRequest(f) }
func FuzzReply(f *testing.F)   { provider.FuzzReply(f) }
func FuzzEvents(f *testing.F)  { provider.FuzzStream(f) }
