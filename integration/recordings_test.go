package integration

import (
	"encoding/base64"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/llm"
)

// recorded is one answer that a provider has really given.
type recorded struct {
	name     string // of the file, and which of its answers
	dialect  *recordedDialect
	stream   bool
	replayed fakellm.Interaction

	got   answer
	heard said // by the client
}

// said is what an answer says, whatever the dialect: what a client acts on, and what is paid.
type said struct {
	Text, Finish string
	Calls        []called
	Usage        usage
}

// called is a call of a function.
type called struct {
	Name      string
	Arguments any // a JSON value
}

// usage counts as OpenAI does: what was cached is in the input, and reasoning in the output.
type usage struct{ Input, Output, Cached, Reasoning int64 }

// recordedDialect is how answers of a dialect are replayed.
type recordedDialect struct {
	name string
	// speaks says whether a path is one of the dialect's.
	speaks func(path string) bool
	// deployment and path are what the client asks.
	deployment, path string
	// request is the request of an OpenAI client for the one that was recorded.
	request func(*testing.T, *recorded) string
	// native reads a recorded answer: its JSON, or the JSON of each event.
	native func(all []gjson.Result) said
	// heard reads what the client gets in the same way.
	heard func(all []gjson.Result) said
}

func endsWith(suffix string) func(string) bool {
	return func(path string) bool { return strings.HasSuffix(path, suffix) }
}

func asRecorded(_ *testing.T, r *recorded) string { return r.replayed.Request.Body }

// recordedDialects are the dialects that there are recordings of and that Mulligan speaks.
var recordedDialects = []*recordedDialect{
	{"chat", endsWith("/chat/completions"), "chat", "/chat/completions", asRecorded, saidInChat, saidInChat},
	{"responses", endsWith("/responses"), "chat", "/responses", asRecorded, saidInResponses, saidInResponses},
	// Claude at Vertex AI says the same, apart from where and how it is asked.
	{"messages", func(path string) bool {
		return strings.HasSuffix(path, "/messages") || strings.HasSuffix(strings.ToLower(path), "rawpredict")
	}, "messages", "/chat/completions", chatOfMessages, saidInMessages, saidInChat},
	// Bedrock's InvokeModel, Claude's own dialect in AWS's frames, is for Anthropic's clients; those
	// of OpenAI's get Converse, of which there is no recording.
	{"invoke", func(path string) bool { return strings.Contains(path, "/invoke") }, "bedrock", "/messages",
		messagesOfInvoke, saidInMessages, saidInMessages},
	{"gemini", func(path string) bool { return strings.HasSuffix(path, "enerateContent") }, "gemini", "/chat/completions",
		chatOfGemini, saidInGemini, saidInChat},
}

const recordingsCaddyfile = `{
	{$Global}
	llm_gateway {
		provider bedrock {
			base_url {$Provider}
			api_key unused
			region us-east-1
		}
		provider chat openai_compatible {
			base_url {$Provider}/v1
		}
		provider messages anthropic {
			base_url {$Provider}/v1
			api_key unused
		}
		provider gemini google {
			base_url {$Provider}/v1beta
			api_key unused
		}
		models {
			activate chat/m messages/m gemini/m bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0
		}
		deployment bedrock {
			retries 0
			variant default {
				model bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0
			}
		}
		deployment chat {
			retries 0
			variant default {
				model chat/m
			}
		}
		deployment messages {
			retries 0
			variant default {
				model messages/m
			}
		}
		deployment gemini {
			retries 0
			variant default {
				model gemini/m
			}
		}
	}
}
{$Site} {
	log
	llm_gateway
}
`

// TestRecordingsReplayThroughTheGateway has a client ask what somebody has asked a vendor,
// and the vendor answer what it has answered then. The client must hear what the vendor said, and
// the account must have what the vendor counted.
func TestRecordingsReplayThroughTheGateway(t *testing.T) {
	all, left := findRecordings(t)
	provider := fakellm.Start(t)
	g := startGateway(t, recordingsCaddyfile, map[string]string{"Provider": provider.URL})
	for i := range all {
		r := &all[i]
		provider.Always(fakellm.Replay(r.replayed))
		r.got = g.ask(r.dialect.path, r.dialect.deployment, r.dialect.request(t, r))
		r.heard = r.dialect.heard(documents(r.got.Body))
	}
	// An exchange is in the log when it is over.
	g.accessLog(all[len(all)-1].got.Header.Get("X-Deployment-Trace-Id"))
	lines := make(map[string]gjson.Result)
	for line := range strings.Lines(g.log()) {
		if strings.Contains(line, `"logger":"http.log.access`) {
			account := gjson.Get(line, "llm")
			lines[account.Get("trace_id").String()] = account
		}
	}

	passed, streamed, counts := 0, 0, make(map[string]int)
	for i := range all {
		r := &all[i]
		if !t.Run(r.name, func(t *testing.T) { r.check(t, lines[r.got.Header.Get("X-Deployment-Trace-Id")]) }) {
			continue
		}
		passed++
		counts[r.dialect.name]++
		if r.stream {
			streamed++
		}
	}
	t.Logf("%d of %d recorded answers reach the client as they were given, %d of them streamed: %v", passed, len(all), streamed, counts)
	for _, why := range slices.Sorted(maps.Keys(left)) {
		t.Logf("left out, as %s: %s", why, strings.Join(left[why], ", "))
	}
}

// findRecordings returns the answers to replay, and those that are left out, by why.
func findRecordings(t *testing.T) (all []recorded, left map[string][]string) {
	t.Helper()
	left = make(map[string][]string)
	for _, i := range fakellm.Recordings(t) {
		r := recorded{name: i.Name, replayed: i.Interaction}
		if why := r.place(i.URL.Path); why != "" {
			left[why] = append(left[why], r.name)
			continue
		}
		all = append(all, r)
	}
	return all, left
}

// place finds the dialect of an answer by its path, or says why there is none.
func (r *recorded) place(path string) string {
	response := &r.replayed.Response
	if response.Code != 200 {
		return fmt.Sprintf("it is an error with status %d", response.Code)
	}
	for _, d := range recordedDialects {
		if d.speaks(path) {
			r.dialect, r.stream = d, !strings.HasPrefix(response.Headers.Get("Content-Type"), "application/json")
			return ""
		}
	}
	return "Mulligan does not speak the dialect of " + path[strings.LastIndexByte(path, '/'):]
}

// check compares what the client has heard and what the account has with what was recorded.
func (r *recorded) check(t *testing.T, account gjson.Result) {
	if r.got.Status != 200 || r.got.Err != nil {
		t.Fatalf("got %d %s, %v", r.got.Status, r.got.Body, r.got.Err)
	}
	want := r.dialect.native(documents(r.replayed.Response.Body))
	if want.Finish == "" || want.Text == "" && len(want.Calls) == 0 {
		t.Fatalf("the recording is not understood: %+v", want)
	}
	if !reflect.DeepEqual(r.heard, want) {
		t.Errorf("the client has heard %+v, want %+v", r.heard, want)
	}
	got := usage{
		account.Get("input_tokens").Int(), account.Get("output_tokens").Int(),
		account.Get("cached_tokens").Int(), account.Get("reasoning_tokens").Int(),
	}
	if got != want.Usage || account.Get("estimated").Bool() || account.Get("outcome").String() != string(llm.OutcomeOK) {
		t.Errorf("the account is %s, want %+v", account, want.Usage)
	}
}

// documents returns the JSON of a plain answer, or of each event of a stream, which AWS wraps.
func documents(body string) (all []gjson.Result) {
	if strings.HasPrefix(body, "\x00") {
		for r := strings.NewReader(body); r.Len() > 0; {
			frame, err := eventstream.NewDecoder().Decode(r, nil)
			if err != nil {
				return nil
			}
			event, err := base64.StdEncoding.DecodeString(gjson.GetBytes(frame.Payload, "bytes").String())
			if err != nil {
				return nil
			}
			all = append(all, gjson.ParseBytes(event))
		}
		return all
	}
	if trimmed := strings.TrimSpace(body); strings.HasPrefix(trimmed, "{") {
		return []gjson.Result{gjson.Parse(trimmed)}
	}
	for line := range strings.Lines(body) {
		if data, ok := strings.CutPrefix(line, "data:"); ok && gjson.Valid(data) {
			all = append(all, gjson.Parse(data))
		}
	}
	return all
}
