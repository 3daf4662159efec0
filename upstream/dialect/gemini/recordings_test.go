package gemini

import (
	"encoding/json"
	"io/fs"
	"net/url"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
)

// recording is a conversation that was really had.
type recording struct {
	name, model  string
	interactions []fakellm.Interaction
}

var endpoint = regexp.MustCompile(`/publishers/google/models/([^:]+):|generativelanguage.*/models/([^:]+):`)

// recordings returns the conversations with Gemini, and names those with Google that are not.
func recordings(t *testing.T) (all []recording) {
	t.Helper()
	dir, ok := fakellm.RecordingsDir()
	if !ok {
		t.Skip("no recordings of provider traffic here")
	}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" {
			return err
		}
		interactions, err := fakellm.LoadRecording(path)
		if err != nil {
			return err
		}
		u, err := url.Parse(interactions[0].Request.URL)
		if err != nil || !strings.HasSuffix(u.Host, "googleapis.com") {
			return err
		}
		name := strings.TrimPrefix(path, dir+string(filepath.Separator))
		m := endpoint.FindStringSubmatch(u.Host + u.Path)
		if m == nil {
			t.Logf("left out: %s is not of this dialect: %s", name, u.Path[strings.LastIndexByte(u.Path, '/')+1:])
			return nil
		}
		all = append(all, recording{name: name, model: m[1] + m[2], interactions: interactions})
		return nil
	})
	if err != nil || len(all) == 0 {
		t.Fatal("no recordings of Gemini", err)
	}
	return all
}

// events returns the data of a recorded stream's events.
func events(body string) (all [][]byte) {
	for event := range strings.SplitSeq(strings.ReplaceAll(body, "\r\n", "\n"), "\n\n") {
		if data, ok := strings.CutPrefix(event, "data: "); ok {
			all = append(all, []byte(data))
		}
	}
	return all
}

// replied is what a recorded reply came to, in Google's words, and what it was translated to.
type replied struct {
	parts   []googlePart
	last    googleChunk // with the usage and the finish
	message hubMessage
	finish  string
	reply   hubChunk // with the usage
}

func reply(t *testing.T, i *fakellm.Interaction) (r replied) {
	t.Helper()
	body := i.Response.Body
	if !strings.HasPrefix(i.Response.Headers.Get("Content-Type"), "text/event-stream") {
		r.last = decode[googleChunk](t, []byte(body))
		r.parts = r.last.Candidates[0].Content.Parts
		got, err := New().Reply([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		r.reply = decode[hubChunk](t, got)
		r.message, r.finish = *r.reply.Choices[0].Message, *r.reply.Choices[0].FinishReason
		return r
	}
	for _, data := range events(body) {
		c := decode[googleChunk](t, data)
		for _, candidate := range c.Candidates {
			r.parts = append(r.parts, candidate.Content.Parts...)
		}
		if c.UsageMetadata.PromptTokenCount > 0 {
			r.last = c
		}
	}
	g := gather(t, translate(t, events(body)))
	if len(g.finish) != 1 || len(g.usage) != 1 || g.done != 1 {
		t.Fatalf("finish %q, %d usages, %d ends", g.finish, len(g.usage), g.done)
	}
	r.message, r.finish, r.reply = g.message, g.finish[0], g.usage[0]
	return r
}

// check compares what was translated with what Google said.
func (r *replied) check(t *testing.T) {
	t.Helper()
	var want hubMessage
	var text, signature, finish string
	for _, p := range r.parts {
		switch {
		case p.FunctionCall != nil:
			got := r.message.ToolCalls[len(want.ToolCalls)]
			if args := decode[map[string]any](t, []byte(got.Function.Arguments)); !reflect.DeepEqual(args, p.FunctionCall.Args) {
				t.Errorf("arguments %v, want %v", args, p.FunctionCall.Args)
			}
			if got.Function.Name != p.FunctionCall.Name || got.Type != "function" || got.ExtraContent.signature() != p.ThoughtSignature {
				t.Errorf("call %+v, want %+v", got, p)
			}
			if id := p.FunctionCall.ID; got.ID == "" || id != "" && got.ID != id {
				t.Errorf("id %q, want %q", got.ID, id)
			}
			for _, other := range want.ToolCalls {
				if other.ID == got.ID {
					t.Errorf("the id %q comes twice", got.ID)
				}
			}
			want.ToolCalls = append(want.ToolCalls, got)
		case p.Thought:
			want.Reasoning += *p.Text
		case p.Text != nil:
			text += *p.Text
			if p.ThoughtSignature != "" {
				signature = p.ThoughtSignature
			}
		}
	}
	finish = "stop"
	if len(want.ToolCalls) > 0 {
		finish = "tool_calls"
	}
	m := &r.message
	if m.Role != "assistant" || m.text() != text || m.Reasoning != want.Reasoning || len(m.ToolCalls) != len(want.ToolCalls) ||
		m.ExtraContent.signature() != signature || r.finish != finish {
		t.Errorf("got %+v %q, want %q, %q, %q, %d calls, %q", m, r.finish, text, want.Reasoning, signature, len(want.ToolCalls), finish)
	}
	u, got := r.last.UsageMetadata, r.reply.Usage
	if got.Prompt != u.PromptTokenCount || got.Completion != u.CandidatesTokenCount+u.ThoughtsTokenCount || got.Total != u.TotalTokenCount ||
		got.Out.Reasoning != u.ThoughtsTokenCount || got.In.Cached != u.CachedContentTokenCount {
		t.Errorf("usage %+v, want %+v", got, u)
	}
	if r.reply.ID != r.last.ResponseID || r.reply.Model != r.last.ModelVersion {
		t.Errorf("it is %q of %q, want %q of %q", r.reply.ID, r.reply.Model, r.last.ResponseID, r.last.ModelVersion)
	}
	at := time.Unix(r.reply.Created, 0)
	if stated, err := time.Parse(time.RFC3339, r.last.CreateTime); err == nil && stated.Unix() != at.Unix() || at.Year() != 2026 {
		t.Errorf("created %v, want %q", at, r.last.CreateTime)
	}
}

func TestRecordedRepliesAreReadAsGoogleMeantThem(t *testing.T) {
	passed, all := 0, 0
	for _, r := range recordings(t) {
		for i := range r.interactions {
			all++
			if t.Run(r.name, func(t *testing.T) {
				got := reply(t, &r.interactions[i])
				got.check(t)
			}) {
				passed++
			}
		}
	}
	t.Logf("%d of %d recorded replies", passed, all)
}

// The recorded client had its answers from Google's own dialect. Through the hub and back, what
// it sent next must come out the same: texts, calls, results and signatures at their parts.
func TestRecordedConversationsGoBackAsTheyCame(t *testing.T) {
	passed, all := 0, 0
	for _, r := range recordings(t) {
		all++
		if t.Run(r.name, func(t *testing.T) { r.converse(t) }) {
			passed++
		}
	}
	t.Logf("%d of %d recorded conversations", passed, all)
}

func (r *recording) converse(t *testing.T) {
	var messages []hubMessage
	for i := range r.interactions {
		interaction := &r.interactions[i]
		recorded := decode[googleRequest](t, []byte(interaction.Request.Body))
		if i == 0 {
			for _, p := range recorded.SystemInstruction.Parts {
				messages = append(messages, hubMessage{Role: "system", Content: *p.Text})
			}
		}
		last := recorded.Contents[len(recorded.Contents)-1]
		calls := []hubCall(nil)
		if i > 0 {
			calls = messages[len(messages)-1].ToolCalls
		}
		for n, p := range last.Parts {
			switch {
			case p.FunctionResponse != nil:
				text, _ := p.FunctionResponse.Response["result"].(string)
				messages = append(messages, hubMessage{Role: "tool", ToolCallID: calls[n].ID, Content: text})
			case p.InlineData != nil:
				uri := "data:" + p.InlineData.MimeType + ";base64," + p.InlineData.Data
				messages = append(messages, hubMessage{Role: "user", Content: []any{
					map[string]any{"type": "image_url", "image_url": map[string]any{"url": uri}},
				}})
			case p.Text != nil:
				messages = append(messages, hubMessage{Role: "user", Content: *p.Text})
			default:
				t.Fatalf("a part of another kind: %+v", p)
			}
		}
		got, _ := ask(t, r.model, map[string]any{
			"messages": messages, "tools": r.tools(recorded), "max_tokens": recorded.GenerationConfig["maxOutputTokens"],
			"tool_choice": choiceOf(recorded), "response_format": formatOf(recorded), "google": map[string]any{"thinking_config": recorded.GenerationConfig["thinkingConfig"]},
		})
		compare(t, got, recorded)
		next := reply(t, interaction)
		messages = append(messages, next.message)
	}
}

// tools are the hub's tools for those of a recorded request, in JSON Schema's words.
func (r *recording) tools(g googleRequest) (tools []any) {
	for _, t := range g.Tools {
		for _, f := range t.FunctionDeclarations {
			tools = append(tools, map[string]any{"type": "function", "function": map[string]any{
				"name": f.Name, "description": f.Description, "parameters": lower(f.Parameters),
			}})
		}
	}
	return tools
}

// lower is a schema of Google's with the types as JSON Schema writes them.
func lower(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := make(map[string]any, len(m))
	for name, value := range m {
		if s, ok := value.(string); ok && name == "type" {
			value = strings.ToLower(s)
		}
		out[name] = lower(value)
	}
	return out
}

func choiceOf(g googleRequest) any {
	if g.ToolConfig == nil {
		return nil
	}
	return "auto" // as all recordings have it
}

func formatOf(g googleRequest) any {
	schema, ok := g.GenerationConfig["responseJsonSchema"]
	if !ok {
		return nil
	}
	return map[string]any{"type": "json_schema", "json_schema": map[string]any{"name": "x", "schema": schema}}
}

// compare compares a request with the recorded one. Where both are right in their own way, it
// is the meaning that counts: the key of a result that is no object, made-up ids, and the two
// ways to write a schema.
func compare(t *testing.T, got, want googleRequest) {
	t.Helper()
	for _, g := range []*googleRequest{&got, &want} {
		g.SystemInstruction.Role = ""
		for _, tool := range g.Tools {
			for i := range tool.FunctionDeclarations {
				if f := &tool.FunctionDeclarations[i]; f.ParametersJSONSchema == nil {
					f.Parameters, f.ParametersJSONSchema = nil, lower(f.Parameters)
				}
			}
		}
		for i := range g.Contents {
			for j := range g.Contents[i].Parts {
				p := &g.Contents[i].Parts[j]
				if p.FunctionCall != nil {
					p.FunctionCall.ID = ""
				}
				if f := p.FunctionResponse; f != nil {
					f.ID = ""
					if text, ok := f.Response["output"]; ok {
						f.Response = map[string]any{"result": text}
					}
				}
			}
		}
	}
	if !reflect.DeepEqual(got, want) {
		a, _ := json.MarshalIndent(got, "", " ")
		b, _ := json.MarshalIndent(want, "", " ")
		t.Errorf("the request is\n%s\nwant\n%s", a, b)
	}
}
