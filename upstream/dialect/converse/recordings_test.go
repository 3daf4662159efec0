package converse

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/messages"
)

// recorded is an exchange with Bedrock.
type recorded struct {
	name, action string // the action is the last segment of the URL: converse, invoke, …
	status       int
	body         string
}

func recordings(t *testing.T) (all []recorded) {
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
		for i := range interactions {
			u, err := url.Parse(interactions[i].Request.URL)
			if err != nil {
				return err
			}
			if strings.HasPrefix(u.Host, "bedrock-runtime.") {
				response := &interactions[i].Response
				all = append(all, recorded{fmt.Sprintf("%s #%d", strings.TrimPrefix(path, dir), i), u.Path[strings.LastIndexByte(u.Path, '/')+1:], response.Code, response.Body})
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// native reads what Bedrock sent, whole or in events, in its own way.
type native struct {
	heard
	stop string
}

type nativeUsage struct{ InputTokens, OutputTokens, CacheReadInputTokens, CacheWriteInputTokens int64 }

func (n *native) end(stop string, u nativeUsage) {
	n.Finish = map[string]string{"end_turn": "stop", "stop_sequence": "stop", "tool_use": "tool_calls", "max_tokens": "length", "guardrail_intervened": "content_filter"}[stop]
	n.Prompt, n.Completion, n.Cached = u.InputTokens+u.CacheReadInputTokens+u.CacheWriteInputTokens, u.OutputTokens, u.CacheReadInputTokens
}

func (n *native) reply(t *testing.T, body []byte) {
	t.Helper()
	var r struct {
		Output struct {
			Message struct {
				Content []struct {
					Text             string
					ReasoningContent struct {
						ReasoningText struct{ Text, Signature string }
					}
					ToolUse *struct {
						ToolUseID string `json:"toolUseId"`
						Name      string
						Input     json.RawMessage
					}
				}
			}
		}
		StopReason string
		Usage      nativeUsage
	}
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Output.Message.Content {
		n.Text += c.Text
		n.thought(c.ReasoningContent.ReasoningText.Text, c.ReasoningContent.ReasoningText.Signature)
		if u := c.ToolUse; u != nil {
			n.IDs, n.Names, n.Arguments = append(n.IDs, u.ToolUseID), append(n.Names, u.Name), append(n.Arguments, string(u.Input))
		}
	}
	n.end(r.StopReason, r.Usage)
}

func (n *native) thought(text, signature string) {
	n.Thought += text
	if signature != "" {
		n.Signatures = append(n.Signatures, signature)
	}
}

func (n *native) event(t *testing.T, data []byte) {
	t.Helper()
	var e struct {
		Start struct {
			ToolUse *struct {
				ToolUseID string `json:"toolUseId"`
				Name      string
			}
		}
		Delta struct {
			Text             string
			ToolUse          struct{ Input string }
			ReasoningContent struct{ Text, Signature string }
		}
		StopReason string
		Usage      *nativeUsage
	}
	if err := json.Unmarshal(data, &e); err != nil {
		t.Fatal(err)
	}
	if u := e.Start.ToolUse; u != nil {
		n.IDs, n.Names, n.Arguments = append(n.IDs, u.ToolUseID), append(n.Names, u.Name), append(n.Arguments, "")
	}
	n.Text += e.Delta.Text
	n.thought(e.Delta.ReasoningContent.Text, e.Delta.ReasoningContent.Signature)
	if input := e.Delta.ToolUse.Input; input != "" {
		n.Arguments[len(n.Arguments)-1] += input
	}
	if e.StopReason != "" {
		n.stop = e.StopReason
	}
	if e.Usage != nil {
		n.end(n.stop, *e.Usage)
	}
}

// values are arguments as JSON values, none as an empty object.
func values(t *testing.T, h heard) (all []any) {
	t.Helper()
	for _, text := range h.Arguments {
		var v any
		if text == "" {
			text = "{}"
		}
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		all = append(all, v)
	}
	return all
}

func TestRecordingsAreHeardAsTheyWereSaid(t *testing.T) {
	passed, total := 0, 0
	for _, r := range recordings(t) {
		if r.status != 200 || !strings.HasPrefix(r.action, "converse") {
			t.Logf("%s is left out: %s, status %d", r.name, r.action, r.status)
			continue
		}
		total++
		var want native
		var got heard
		if r.action == "converse" {
			want.reply(t, []byte(r.body))
			reply, err := New().Reply([]byte(r.body))
			if err != nil {
				t.Errorf("%s: %v", r.name, err)
				continue
			}
			got.add(t, reply)
		} else {
			events, err := all(strings.NewReader(r.body))
			if !errors.Is(err, io.EOF) {
				t.Errorf("%s: %v", r.name, err)
			}
			for _, e := range events {
				want.event(t, e.Data)
			}
			hear(t, &got, New().Stream(), events)
		}
		wanted, heardOf := values(t, want.heard), values(t, got)
		want.Arguments, got.Arguments = nil, nil
		if !reflect.DeepEqual(want.heard, got) || !reflect.DeepEqual(wanted, heardOf) {
			t.Errorf("%s: heard %+v %v, want %+v %v", r.name, got, heardOf, want.heard, wanted)
			continue
		}
		passed++
	}
	t.Logf("%d of %d recorded replies of Converse are heard as they were said", passed, total)
}

// hear gives events to a stream, and what comes of them to a client.
func hear(t *testing.T, h *heard, s dialect.Stream, events []dialect.Event) {
	t.Helper()
	stream, err := feed(s, events)
	if err != nil {
		t.Error(err)
	}
	done := false
	for _, e := range dialecttest.Events(stream) {
		if done = string(e.Data) == "[DONE]"; !done {
			h.add(t, e.Data)
		}
	}
	if !done {
		t.Error("the stream has no end")
	}
}

// InvokeModelWithResponseStream frames Anthropic's events in the same way, so that its
// recordings are real frames, too: they must all be read, and say a whole answer.
func TestRecordedFramesAreRead(t *testing.T) {
	streams, frames := 0, 0
	for _, r := range recordings(t) {
		if r.action != "invoke-with-response-stream" || r.status != 200 {
			continue
		}
		chunks, err := all(strings.NewReader(r.body))
		if !errors.Is(err, io.EOF) || len(chunks) == 0 {
			t.Errorf("%s: %d frames and %v", r.name, len(chunks), err)
			continue
		}
		var events []dialect.Event
		for _, c := range chunks {
			data, err := Chunk(c.Data)
			if err != nil || string(c.Name) != "chunk" {
				t.Errorf("%s: %s %s: %v", r.name, c.Name, c.Data, err)
			}
			events = append(events, dialect.Event{Data: data})
		}
		var h heard
		hear(t, &h, messages.New().Stream(), events)
		values(t, h)
		if h.Finish == "" || h.Prompt == 0 || h.Completion == 0 || h.Text == "" && len(h.IDs) == 0 {
			t.Errorf("%s: heard %+v", r.name, h)
		}
		streams++
		frames += len(chunks)
	}
	t.Logf("%d streams of InvokeModel, %d frames", streams, frames)
}
