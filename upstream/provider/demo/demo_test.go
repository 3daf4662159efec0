package demo

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/tidwall/gjson"
	"pgregory.net/rapid"

	_ "github.com/mulligan-gateway/mulligan/internal/rapidseed" // the same inputs in each run
	"github.com/mulligan-gateway/mulligan/llm"
)

// ask sends a JSON body to an endpoint.
func ask(t testing.TB, e llm.Endpoint, body string) *http.Response {
	t.Helper()
	res, err := send(t.Context(), e, body)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func send(ctx context.Context, e llm.Endpoint, body string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://demo.example.com/v1"+e.Path(), strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	return New().RoundTrip(r)
}

func read(t testing.TB, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// chatBody is a question to a model; stream is true or false.
func chatBody(model, stream string) string {
	return `{"model":"` + model + `","stream":` + stream + `,"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Where is my parcel?"}]}`
}

const asked = "Where is my parcel?"

// answerText is the text of a chat completion, plain or streamed.
func answerText(t testing.TB, res *http.Response) string {
	t.Helper()
	if res.Header.Get("Content-Type") != "text/event-stream" {
		return gjson.Get(read(t, res), "choices.0.message.content").String()
	}
	var text strings.Builder
	for _, e := range parseEvents(t, read(t, res)) {
		text.WriteString(gjson.Get(e.data, "choices.0.delta.content").String())
	}
	return text.String()
}

func TestEveryModelDoesWhatTheTableSays(t *testing.T) {
	texts := map[string]string{
		"assistant": "This is assistant of the built-in demo. You said: " + asked,
		"anything":  "This is anything of the built-in demo. You said: " + asked,
		"tools":     "This is tools of the built-in demo. You said: " + asked, // there is no tool to call
		"echo":      asked,
		"empty":     "",
	}
	statuses := map[string]int{
		"fail-503": 503, "fail-400": 400, "fail-429": 429, "fail-599": 599, "rate-limit": 429,
		"fail-399": 404, "fail-600": 404, "fail-now": 404, "fail-": 404, "slow-ly": 404, "slow-": 404,
	}
	elsewhere := []string{"slow", "hang", "reset", "cut", "stream-error"} // have a test each below
	for _, m := range Models() {
		_, says := texts[m.ID]
		_, fails := statuses[m.ID]
		if !says && !fails && !slices.Contains(elsewhere, m.ID) {
			t.Errorf("nobody tests the model %s", m.ID)
		}
		if m.Usage == "" || m.Title == "" || m.Does == "" || strings.HasSuffix(m.Does, ".") {
			t.Errorf("the row of %s is not whole: %+v", m.ID, m)
		}
	}
	for _, stream := range []string{"false", "true"} {
		for model, want := range texts {
			if got := answerText(t, ask(t, llm.Chat, chatBody(model, stream))); got != want {
				t.Errorf("%s, stream %s: got %q, want %q", model, stream, got, want)
			}
		}
		for model, want := range statuses {
			res := ask(t, llm.Chat, chatBody(model, stream))
			body := read(t, res)
			if res.StatusCode != want || gjson.Get(body, "error.message").String() == "" || res.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s, stream %s: got %d %s, want %d", model, stream, res.StatusCode, body, want)
			}
			if after := res.Header.Get("Retry-After"); (after == "1") != (model == "rate-limit") {
				t.Errorf("%s, stream %s: Retry-After is %q", model, stream, after)
			}
		}
	}
}

func TestSlowModelsWaitAsLongAsTheySay(t *testing.T) {
	for model, want := range map[string]time.Duration{"slow": 2 * time.Second, "slow-500ms": 500 * time.Millisecond, "slow-1h": time.Hour, "slowpoke": 0} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			for _, stream := range []string{"false", "true"} {
				if got := answerText(t, ask(t, llm.Chat, chatBody(model, stream))); !strings.HasSuffix(got, asked) {
					t.Errorf("%s says %q", model, got)
				}
			}
			if got := time.Since(start); got != 2*want {
				t.Errorf("%s took %v for two requests, want %v", model, got, 2*want)
			}
		})
	}
}

func TestSlowAndHangEndWithTheirContext(t *testing.T) {
	gone := errors.New("the client has gone")
	for _, model := range []string{"slow", "slow-1h", "hang"} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			ended := make(chan error)
			go func() {
				_, err := send(ctx, llm.Chat, chatBody(model, "true"))
				ended <- err
			}()
			synctest.Wait() // until it waits itself
			start := time.Now()
			cancel(gone)
			if err := <-ended; !errors.Is(err, gone) {
				t.Errorf("%s: got %v", model, err)
			}
			if waited := time.Since(start); waited != 0 {
				t.Errorf("%s went on for %v", model, waited)
			}
		})
	}
}

func TestResetGivesNoAnswer(t *testing.T) {
	for _, stream := range []string{"false", "true"} {
		if res, err := send(t.Context(), llm.Chat, chatBody("reset", stream)); err == nil {
			t.Errorf("stream %s: got %d", stream, res.StatusCode)
		}
	}
}

func TestCutBreaksOffInTheMiddle(t *testing.T) {
	for _, e := range []llm.Endpoint{llm.Chat, llm.Completions, llm.Responses} {
		for _, stream := range []string{"false", "true"} {
			body := strings.Replace(chatBody("cut", stream), `"messages"`, `"prompt":"p","input":"i","messages"`, 1)
			res := ask(t, e, body)
			got, err := io.ReadAll(res.Body)
			if !errors.Is(err, io.ErrUnexpectedEOF) || res.StatusCode != 200 {
				t.Errorf("%s, stream %s: %d, ended with %v", e, stream, res.StatusCode, err)
			}
			// The whole answer is that of another model of as many letters.
			whole := strings.ReplaceAll(read(t, ask(t, e, strings.Replace(body, `"cut"`, `"cat"`, 1))), "cat", "cut")
			if len(got) != len(whole)/2 || !strings.HasPrefix(whole, string(got)) {
				t.Errorf("%s, stream %s: %d of %d bytes", e, stream, len(got), len(whole))
			}
			if stream == "true" && !bytes.Contains(got, []byte("delta")) && e != llm.Completions {
				t.Errorf("%s: the stream breaks before its first output", e)
			}
		}
	}
	if _, err := io.ReadAll(ask(t, llm.Embeddings, `{"model":"cut","input":"x"}`).Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("embeddings ended with %v", err)
	}
}

func TestStreamErrorComesBeforeAnyOutput(t *testing.T) {
	for _, e := range []llm.Endpoint{llm.Chat, llm.Completions, llm.Responses} {
		res := ask(t, e, chatBody("stream-error", "true"))
		got := parseEvents(t, read(t, res))
		message := gjson.Get(got[0].data, "error.message").String() + gjson.Get(got[0].data, "message").String()
		if res.StatusCode != 200 || len(got) != 1 || message != asAsked {
			t.Errorf("%s: %d %+v", e, res.StatusCode, got)
		}
	}
	for _, e := range llm.Endpoints() {
		stream := "false"
		if e == llm.Embeddings {
			stream = "true" // which the endpoint does not have
		}
		if res := ask(t, e, chatBody("stream-error", stream)); res.StatusCode != 500 {
			t.Errorf("%s: %d", e, res.StatusCode)
		}
	}
}

// A reader of any pace gets the same bytes, and the same end.
func TestAnswersMayBeReadInAnyChunks(t *testing.T) {
	type answer struct {
		body string
		end  error
	}
	want := map[string]answer{}
	for _, model := range []string{"assistant", "cut"} {
		b, err := io.ReadAll(ask(t, llm.Chat, chatBody(model, "true")).Body)
		want[model] = answer{string(b), err}
	}
	rapid.Check(t, func(r *rapid.T) {
		model := rapid.SampledFrom([]string{"assistant", "cut"}).Draw(r, "model")
		sizes := rapid.SliceOfN(rapid.IntRange(0, 300), 1, 8).Draw(r, "sizes")
		sizes = append(sizes, 1) // so that it ends
		body := ask(t, llm.Chat, chatBody(model, "true")).Body
		var got []byte
		for i := 0; ; i++ {
			buf := make([]byte, sizes[i%len(sizes)])
			n, err := body.Read(buf)
			got = append(got, buf[:n]...)
			if err == nil {
				continue
			}
			if errors.Is(err, io.EOF) {
				err = nil
			}
			if string(got) != want[model].body || !errors.Is(err, want[model].end) {
				r.Fatalf("got %d bytes and %v, want %d and %v", len(got), err, len(want[model].body), want[model].end)
			}
			return
		}
	})
	if err := iotest.TestReader(ask(t, llm.Chat, chatBody("assistant", "true")).Body, []byte(want["assistant"].body)); err != nil {
		t.Error(err)
	}
}

func TestTheSameRequestHasTheSameAnswer(t *testing.T) {
	for _, e := range llm.Endpoints() {
		for _, stream := range []string{"false", "true"} {
			body := strings.Replace(chatBody("assistant", stream), `"messages"`,
				`"prompt":"p","input":["a","b"],"query":"q","documents":["q","r"],"stream_options":{"include_usage":true},"messages"`, 1)
			first := read(t, ask(t, e, body))
			for range 5 {
				if again := read(t, ask(t, e, body)); again != first {
					t.Fatalf("%s, stream %s:\n%s\n%s", e, stream, first, again)
				}
			}
		}
	}
}
