package converse

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/messages"
)

var provider = dialecttest.Provider{
	Translator: translator{
		model: "m", now: func() time.Time { return time.Unix(1700000000, 0) }, newID: func() string { return "chatcmpl-1" },
	},
	Model:  "anthropic.claude-opus-4-6-v1",
	Dir:    "testdata",
	Budget: dialecttest.Budget{Request: 19, Reply: 15, Stream: 22},
	Asked:  asked, Reply: nativeReply, Stream: nativeStream, ReplySays: replySays, StreamSays: streamSays,
	Speaks: speaks, Events: recordedFrames,
}

func TestContract(t *testing.T) { provider.Run(t) }

func TestTooManyOpenBlocksAreMalformed(t *testing.T) {
	dialecttest.TooManyCalls(t, provider.Translator.Stream, func(i int) dialect.Event {
		return dialect.Event{Name: []byte("contentBlockStart"), Data: fmt.Appendf(nil, `{"contentBlockIndex":%d,"start":{"toolUse":{"toolUseId":"c%d","name":"f"}}}`, i, i)}
	})
	dialecttest.TooManyCalls(t, provider.Translator.Stream, func(i int) dialect.Event {
		return dialect.Event{Name: []byte("contentBlockDelta"), Data: fmt.Appendf(nil, `{"contentBlockIndex":%d,"delta":{"reasoningContent":{"text":"x"}}}`, i)}
	})
}

func BenchmarkContract(b *testing.B) { provider.Bench(b) }

func FuzzRequest(f *testing.F) {
	provider.FuzzRequest(f, "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "amazon.nova-2-lite-v1:0", "mistral.mistral-large-2407-v1:0", "meta.llama3")
}
func FuzzReply(f *testing.F) { provider.FuzzReply(f) }
func FuzzEvent(f *testing.F) { provider.FuzzStream(f) }

func speaks(u *url.URL) (is bool, why string) {
	if !strings.HasPrefix(u.Host, "bedrock-runtime.") {
		return false, ""
	}
	if action := u.Path[strings.LastIndexByte(u.Path, '/')+1:]; !strings.HasPrefix(action, "converse") {
		return false, "it is of Bedrock's " + action + ", where models speak their own dialects"
	}
	return true, ""
}

func recordedFrames(t dialecttest.T, body []byte) []dialect.Event {
	t.Helper()
	events, err := all(strings.NewReader(string(body)))
	if !errors.Is(err, io.EOF) {
		t.Errorf("the stream ends with %v", err)
	}
	return events
}

// InvokeModelWithResponseStream frames Anthropic's events in the same way, so that its
// recordings are real frames, too: they must all be read, and say a whole answer.
func TestRecordedFramesAreRead(t *testing.T) {
	streams, frames := 0, 0
	for _, r := range dialecttest.AllRecordings(t) {
		if !strings.HasPrefix(r.URL.Host, "bedrock-runtime.") || !strings.HasSuffix(r.URL.Path, "/invoke-with-response-stream") {
			continue
		}
		if r.Status != 200 {
			t.Logf("left out: %s is no success, but a %d", r.Name, r.Status)
			continue
		}
		chunks := recordedFrames(t, r.Body)
		var events []dialect.Event
		for _, c := range chunks {
			data, err := Chunk(c.Data)
			if err != nil || string(c.Name) != "chunk" {
				t.Errorf("%s: %s %s: %v", r.Name, c.Name, c.Data, err)
			}
			events = append(events, dialect.Event{Data: data})
		}
		stream, err := dialecttest.Feed(messages.New().Stream(), events)
		if err != nil {
			t.Errorf("%s: %v", r.Name, err)
			continue
		}
		s := dialecttest.HearStream(t, stream)
		if s.Finish == "" || s.Prompt == 0 || s.Completion == 0 || s.Text == "" && len(s.Calls) == 0 {
			t.Errorf("%s: heard %+v", r.Name, s)
		}
		streams++
		frames += len(chunks)
	}
	t.Logf("%d streams of InvokeModel, %d frames", streams, frames)
}
