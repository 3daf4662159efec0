package messages

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

// called is a call of a tool, its input as a value.
type called struct {
	ID, Name string
	Input    any
}

// said is what somebody who reads a reply knows of it.
type said struct {
	Text, Thought, Finish                  string
	Signatures                             []string
	Calls                                  []called
	Prompt, Completion, Cached, CacheWrite int64
}

type nativeUsage struct {
	Input   *int64 `json:"input_tokens"`
	Output  *int64 `json:"output_tokens"`
	Read    *int64 `json:"cache_read_input_tokens"`
	Created *int64 `json:"cache_creation_input_tokens"`
}

type nativeBlock struct {
	Type, Text, Thinking, Signature, ID, Name string
	Input                                     json.RawMessage
}

// native reads what Anthropic sent, whole or in events, in its own way.
type native struct {
	blocks []nativeBlock
	inputs map[int]string
	stop   string
	usage  [4]int64
}

func (n *native) use(u *nativeUsage) {
	for i, v := range []*int64{u.Input, u.Output, u.Read, u.Created} {
		if v != nil {
			n.usage[i] = *v
		}
	}
}

func (n *native) event(t *testing.T, data []byte) {
	t.Helper()
	var e struct {
		Type         string
		Index        int
		Message      struct{ Usage nativeUsage }
		ContentBlock nativeBlock `json:"content_block"`
		Delta        struct {
			Text, Thinking, Signature string
			JSON                      string `json:"partial_json"`
			Stop                      string `json:"stop_reason"`
		}
		Usage nativeUsage
	}
	if err := json.Unmarshal(data, &e); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	switch e.Type {
	case "message_start":
		n.use(&e.Message.Usage)
	case "content_block_start":
		n.blocks = append(n.blocks, e.ContentBlock)
	case "content_block_delta":
		b := &n.blocks[e.Index]
		b.Text += e.Delta.Text
		b.Thinking += e.Delta.Thinking
		b.Signature += e.Delta.Signature
		n.inputs[e.Index] += e.Delta.JSON
	case "message_delta":
		n.stop = e.Delta.Stop
		n.use(&e.Usage)
	}
}

func (n *native) said(t *testing.T) (s said) {
	t.Helper()
	for i, b := range n.blocks {
		s.Text += b.Text
		s.Thought += b.Thinking
		if b.Signature != "" {
			s.Signatures = append(s.Signatures, b.Signature)
		}
		if b.Type == "tool_use" {
			raw := []byte(n.inputs[i])
			if len(raw) == 0 {
				raw = b.Input
			}
			s.Calls = append(s.Calls, called{b.ID, b.Name, value(t, raw)})
		}
	}
	s.Finish = map[string]string{"end_turn": "stop", "tool_use": "tool_calls", "max_tokens": "length"}[n.stop]
	s.Prompt, s.Completion = n.usage[0]+n.usage[2]+n.usage[3], n.usage[1]
	s.Cached, s.CacheWrite = n.usage[2], n.usage[3]
	return s
}

func value(t *testing.T, raw []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return v
}

// heard gathers what a client of chat reads.
type heard struct {
	said
	arguments []string
	done      bool
}

func (h *heard) add(t *testing.T, data []byte) {
	t.Helper()
	type message struct {
		Content   string
		Reasoning string                       `json:"reasoning_content"`
		More      []struct{ Signature string } `json:"reasoning_details"`
		Calls     []struct {
			Index    *int
			ID       string
			Function struct{ Name, Arguments string }
		} `json:"tool_calls"`
	}
	var c struct {
		Choices []struct {
			Delta, Message message
			Finish         string `json:"finish_reason"`
		}
		Usage *struct {
			Prompt     int64 `json:"prompt_tokens"`
			Completion int64 `json:"completion_tokens"`
			Details    struct {
				Cached  int64 `json:"cached_tokens"`
				Written int64 `json:"cache_write_tokens"`
			} `json:"prompt_tokens_details"`
		}
	}
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	for _, choice := range c.Choices {
		if choice.Finish != "" {
			h.Finish = choice.Finish
		}
		for _, m := range []message{choice.Delta, choice.Message} {
			h.Text += m.Content
			h.Thought += m.Reasoning
			for _, d := range m.More {
				if d.Signature != "" {
					h.Signatures = append(h.Signatures, d.Signature)
				}
			}
			for i, call := range m.Calls {
				if call.Index != nil {
					i = *call.Index
				}
				if i == len(h.Calls) {
					h.Calls, h.arguments = append(h.Calls, called{call.ID, call.Function.Name, nil}), append(h.arguments, "")
				}
				h.arguments[i] += call.Function.Arguments
			}
		}
	}
	if u := c.Usage; u != nil {
		h.Prompt, h.Completion, h.Cached, h.CacheWrite = u.Prompt, u.Completion, u.Details.Cached, u.Details.Written
	}
}

func (h *heard) whole(t *testing.T) said {
	t.Helper()
	for i := range h.Calls {
		h.Calls[i].Input = value(t, []byte(h.arguments[i]))
	}
	return h.said
}

// recorded is an exchange with an endpoint that speaks messages.
type recorded struct {
	name          string
	request, body []byte
	events        []dialect.Event // nil for a plain reply
}

// speaksMessages says whether an address is Anthropic's, or Claude's on Bedrock or Vertex AI.
func speaksMessages(u *url.URL) bool {
	return strings.HasSuffix(u.Path, "/v1/messages") && u.Host == "api.anthropic.com" ||
		strings.Contains(u.Path, "/publishers/anthropic/") || strings.Contains(u.Path, "anthropic.claude") && strings.Contains(u.Path, "/invoke")
}

// recordings loads what there is; failed counts the exchanges that were no success.
func recordings(t *testing.T) (all []recorded, failed int) {
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
			request, response := &interactions[i].Request, &interactions[i].Response
			u, err := url.Parse(request.URL)
			if err != nil {
				return err
			}
			if !speaksMessages(u) {
				continue
			}
			if response.Code != 200 {
				failed++
				continue
			}
			r := recorded{name: fmt.Sprintf("%s #%d", strings.TrimPrefix(path, dir), i), request: []byte(request.Body), body: []byte(response.Body)}
			switch kind := response.Headers.Get("Content-Type"); {
			case strings.HasPrefix(kind, "text/event-stream"):
				r.events = dialecttest.Events(r.body)
			case strings.Contains(kind, "eventstream"):
				r.events = frames(t, r.body)
			}
			all = append(all, r)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, failed
}

// frames reads AWS's event stream, in which Bedrock wraps Anthropic's events: a length, the
// headers' length, a checksum, the headers, {"bytes":"…"}, a checksum.
func frames(t *testing.T, b []byte) (events []dialect.Event) {
	t.Helper()
	for len(b) > 0 {
		n, headers := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
		var payload struct{ Bytes string }
		if err := json.Unmarshal(b[12+headers:n-4], &payload); err != nil {
			t.Fatal(err)
		}
		data, err := base64.StdEncoding.DecodeString(payload.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, dialect.Event{Data: data})
		b = b[n:]
	}
	return events
}

func TestRecordingsAreHeardAsTheyWereSaid(t *testing.T) {
	all, failed := recordings(t)
	passed, calls, count := 0, 0, 0
	for _, r := range all {
		n := native{inputs: make(map[int]string)}
		var h heard
		if r.events == nil {
			var body struct {
				Content []nativeBlock
				Stop    string `json:"stop_reason"`
				Usage   nativeUsage
			}
			if err := json.Unmarshal(r.body, &body); err != nil {
				t.Fatal(err)
			}
			n.blocks, n.stop = body.Content, body.Stop
			n.use(&body.Usage)
			got, err := New().Reply(r.body)
			if err != nil {
				t.Errorf("%s: %v", r.name, err)
				continue
			}
			h.add(t, got)
			h.done = true
		} else {
			s := New().Stream()
			for _, e := range r.events {
				count++
				n.event(t, e.Data)
				got, err := s.Event(nil, e.Name, e.Data)
				if err != nil {
					t.Errorf("%s: %s: %v", r.name, e.Data, err)
				}
				for _, chunk := range dialecttest.Events(got) {
					if string(chunk.Data) == "[DONE]" {
						h.done = true
					} else {
						h.add(t, chunk.Data)
					}
				}
			}
			if end := s.End(nil); len(end) > 0 {
				t.Errorf("%s: the end lacks %q", r.name, end)
			}
		}
		want, got := n.said(t), h.whole(t)
		calls += len(want.Calls)
		if !reflect.DeepEqual(want, got) || !h.done || got.Finish == "" {
			t.Errorf("%s: heard %+v, want %+v", r.name, got, want)
			continue
		}
		passed++
	}
	t.Logf("%d of %d recorded replies are heard as they were said (%d events of streams, %d calls of tools); %d that were no success are left out",
		passed, len(all), count, calls, failed)
}

// What clients of messages really sent goes to the hub and back, and says the same.
func TestRecordedRequestsSurviveTheHub(t *testing.T) {
	all, _ := recordings(t)
	passed, refused := 0, make(map[string]int)
	for _, r := range all {
		hub, err := NewFrontDoor().Question(r.request)
		if err != nil {
			refused[err.Error()]++
			continue
		}
		back, err := New().Request(dialect.Question{Body: hub.Body, Model: "claude-sonnet-4-20250514"})
		if err != nil {
			t.Errorf("%s: %v", r.name, err)
			continue
		}
		want, got := conversation(t, r.request), conversation(t, back.Body)
		if !reflect.DeepEqual(want, got) {
			t.Errorf("%s: got\n%v\nwant\n%v", r.name, got, want)
			continue
		}
		passed++
	}
	t.Logf("%d of %d recorded requests say the same behind the hub; refused: %v", passed, len(all), refused)
}

// conversation is a request without what the hub leaves out, texts alone as lists.
func conversation(t *testing.T, body []byte) map[string]any {
	t.Helper()
	all, ok := value(t, body).(map[string]any)
	if !ok {
		t.Fatalf("%s is no object", body)
	}
	kept := make(map[string]any)
	for _, name := range []string{"system", "messages", "tools", "max_tokens"} {
		kept[name] = plain(all[name])
	}
	return kept
}

func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "cache_control")
		for name := range v {
			v[name] = plain(v[name])
		}
		if list, ok := v["content"].([]any); ok && v["type"] == "tool_result" {
			var all bytes.Buffer
			for _, part := range list {
				text, isText := part.(map[string]any)["text"].(string)
				if !isText {
					return v
				}
				all.WriteString(text)
			}
			v["content"] = all.String()
		}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	}
	return v
}
