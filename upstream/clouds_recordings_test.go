package upstream

import (
	"encoding/json"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/converse"
	"github.com/mulligan-gateway/mulligan/upstream/provider"
	"github.com/mulligan-gateway/mulligan/upstream/provider/azure"
	"github.com/mulligan-gateway/mulligan/upstream/provider/bedrock"
	"github.com/mulligan-gateway/mulligan/upstream/provider/vertex"
)

// recordedCall is what a client must ask to make the request of a recording, and of whom.
type recordedCall struct {
	config   provider.Config
	model    string
	endpoint llm.Endpoint
	stream   bool
}

// cloudOf returns how the request of a recording is made, false when its host is no cloud's or
// its body is not in a dialect that clients speak.
func cloudOf(u *url.URL) (c recordedCall, ok bool) {
	segments := strings.Split(u.EscapedPath(), "/")
	last := segments[len(segments)-1]
	switch {
	case strings.HasPrefix(u.Host, "bedrock-runtime.") && strings.HasPrefix(last, "invoke"):
		model, err := url.PathUnescape(segments[2])
		return recordedCall{
			config: provider.Config{Name: "cloud", Kind: provider.KindBedrock, Keys: []string{"key"}, AWS: &bedrock.Config{Region: "us-east-1"}},
			model:  model, endpoint: llm.Messages, stream: last != "invoke",
		}, err == nil
	case strings.HasSuffix(u.Host, "aiplatform.googleapis.com") && strings.Contains(u.Path, "/publishers/anthropic/"):
		model, action, _ := strings.Cut(last, ":")
		return recordedCall{
			config: provider.Config{Name: "cloud", Kind: provider.KindVertex, Keys: []string{"key"}, Google: &vertex.Config{Project: segments[3], Location: segments[5]}},
			model:  model, endpoint: llm.Messages, stream: action == "streamRawPredict",
		}, true
	case strings.HasSuffix(u.Host, ".openai.azure.com") && strings.HasPrefix(u.Path, "/openai/v1/"):
		endpoint := llm.Chat
		if last == "responses" {
			endpoint = llm.Responses
		}
		return recordedCall{
			config: provider.Config{Name: "cloud", Kind: provider.KindAzure, Keys: []string{"key"}, Azure: new(azure.Config)}, endpoint: endpoint,
		}, true
	default:
		return c, false
	}
}

// Clouds are asked as real clients ask them, to the last member of the body, and what they really
// answer reaches a client of the same dialect as it is.
func TestRecordedTrafficOfTheCloudsPasses(t *testing.T) {
	n := map[string]int{}
	for _, r := range fakellm.Recordings(t) {
		if c, ok := cloudOf(r.URL); ok && r.Response.Code == 200 {
			n[c.config.Kind]++
			t.Run(r.Name, func(t *testing.T) { c.replay(t, r) })
		}
	}
	for _, kind := range []string{provider.KindAzure, provider.KindBedrock, provider.KindVertex} {
		if n[kind] == 0 {
			t.Errorf("no recording of %s", kind)
		}
	}
	t.Logf("recordings: %v", n)
}

func (c *recordedCall) replay(t *testing.T, was fakellm.Recording) {
	asked := was.Request.Body
	if c.model == "" {
		c.model, c.stream = gjson.Get(asked, "model").Str, gjson.Get(asked, "stream").Bool()
	} else {
		var err error
		if asked, err = sjson.Set(asked, "model", "m"); err == nil && c.stream {
			asked, err = sjson.Set(asked, "stream", true)
		}
		if err == nil {
			asked, err = sjson.Delete(asked, "anthropic_version")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s := fakellm.Start(t, fakellm.Replay(was.Interaction))
	b := newBed(t, quick())
	c.config.BaseURL = s.URL
	if c.config.Kind == provider.KindVertex {
		c.config.BaseURL += "/v1"
	}
	b.addModel(c.config, c.model, nil)
	o := b.wanting(t, c.endpoint, asked)
	if o.err != nil || !o.exchange.Usage.Known || o.exchange.FinishReason == "" {
		t.Fatalf("got %v, %+v", o.err, o.exchange)
	}
	if r := s.Await(1); r.Path != was.URL.Path || !sameJSON(t, string(r.Body), was.Request.Body) {
		t.Errorf("the provider got %s %s, want %s %s", r.Path, r.Body, was.URL.Path, was.Request.Body)
	}
	if got, want := dataOf(o.body), sentIn(t, was.Interaction); got != want {
		t.Errorf("the client got\n%.2000s\nwant\n%.2000s", got, want)
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var left, right any
	if err := json.Unmarshal([]byte(a), &left); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(b), &right); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(left, right)
}

// dataOf returns what the lines of data of a stream hold, or a plain reply as it is.
func dataOf(body string) string {
	if !strings.Contains(body, "data:") || strings.HasPrefix(body, "{") {
		return body
	}
	var all strings.Builder
	for line := range strings.Lines(body) {
		if data, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "data:"); ok {
			all.WriteString(strings.TrimPrefix(data, " ") + "\n")
		}
	}
	return all.String()
}

// sentIn returns what the provider of a recording has sent, out of its frames.
func sentIn(t *testing.T, i fakellm.Interaction) string {
	t.Helper()
	if i.Response.Headers.Get("Content-Type") != converse.ContentType {
		return dataOf(i.Response.Body)
	}
	var all strings.Builder
	for frames := converse.NewFrames(strings.NewReader(i.Response.Body)); ; {
		_, payload, err := frames.Next()
		if err != nil {
			return all.String()
		}
		data, err := converse.Chunk(payload)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(string(data) + "\n")
	}
}
