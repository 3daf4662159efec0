package gemini

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

var provider = dialecttest.Provider{
	Translator: New(), Model: "gemini-2.5-flash", Dir: "testdata",
	Budget: dialecttest.Budget{Request: 13, Reply: 25, Stream: 41},
	Asked:  asked, Reply: nativeReply, Stream: nativeStream, ReplySays: replySays, StreamSays: streamSays,
	Speaks: speaks,
}

func TestContract(t *testing.T) { provider.Run(t) }

func BenchmarkContract(b *testing.B) { provider.Bench(b) }

func FuzzRequest(f *testing.F) {
	provider.FuzzRequest(f, "gemini-2.5-pro", "gemini-3-pro-preview", "gemini-flash-latest", "gemma")
}
func FuzzReply(f *testing.F) { provider.FuzzReply(f) }
func FuzzEvent(f *testing.F) { provider.FuzzStream(f) }

func question(body []byte) dialect.Question {
	return dialect.Question{Body: body, Model: provider.Model}
}

var endpoint = regexp.MustCompile(`/publishers/google/models/([^:]+):|generativelanguage.*/models/([^:]+):`)

func speaks(u *url.URL) (is bool, why string) {
	switch {
	case !strings.HasSuffix(u.Host, "googleapis.com"):
		return false, ""
	case !endpoint.MatchString(u.Host + u.Path):
		return false, "it is not of this dialect: " + u.Path[strings.LastIndexByte(u.Path, '/')+1:]
	}
	return true, ""
}
