package messages

import (
	"encoding/base64"
	"encoding/binary"
	"strings"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

// What follows reads and writes messages with encoding/json, so that it shares nothing with the
// translation.

type nativeUsage struct {
	Input   *int64 `json:"input_tokens,omitempty"`
	Output  *int64 `json:"output_tokens,omitempty"`
	Read    *int64 `json:"cache_read_input_tokens,omitempty"`
	Created *int64 `json:"cache_creation_input_tokens,omitempty"`
}

type nativeBlock struct {
	Type      string `json:"type"`
	Text      string `json:"text,omitempty"`
	Thinking  string `json:"thinking,omitempty"`
	Signature string `json:"signature,omitempty"`
	ID        string `json:"id,omitempty"`
	Name      string `json:"name,omitempty"`
	Input     any    `json:"input,omitempty"`
	ToolUseID string `json:"tool_use_id,omitempty"`
	Content   any    `json:"content,omitempty"`
}

type nativeMessage struct {
	ID      string        `json:"id"`
	Model   string        `json:"model"`
	Role    string        `json:"role"`
	Content []nativeBlock `json:"content"`
	Stop    *string       `json:"stop_reason"`
	Usage   nativeUsage   `json:"usage"`
}

// asked reads the conversation in a request.
func asked(t dialecttest.T, body []byte) (turns []dialecttest.Turn) {
	t.Helper()
	q := dialecttest.Decode[struct {
		System   []nativeBlock
		Messages []nativeMessage
	}](t, body)
	for _, b := range q.System {
		turns = append(turns, dialecttest.Turn{Role: "system", Text: b.Text})
	}
	for _, m := range q.Messages {
		for _, b := range m.Content {
			turn := dialecttest.Turn{Role: m.Role, Text: b.Text}
			switch b.Type {
			case "thinking":
				turn = dialecttest.Turn{Role: "thought", Text: b.Thinking, ID: b.Signature}
			case "tool_use":
				turn.ID, turn.Name, turn.Arguments = b.ID, b.Name, b.Input
			case "tool_result":
				text, _ := b.Content.(string)
				turn = dialecttest.Turn{Role: "tool", ID: b.ToolUseID, Text: text}
			}
			turns = append(turns, turn)
		}
	}
	return turns
}

var stopReasons = map[string]string{"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens", "content_filter": "refusal"}

// blocks are the blocks that say s.
func blocks(s dialecttest.Said) (all []nativeBlock) {
	if s.Thought != "" {
		all = append(all, nativeBlock{Type: "thinking", Thinking: s.Thought, Signature: s.Signatures[0]})
	}
	if s.Text != "" {
		all = append(all, nativeBlock{Type: "text", Text: s.Text})
	}
	for _, c := range s.Calls {
		all = append(all, nativeBlock{Type: "tool_use", ID: c.ID, Name: c.Name, Input: c.Input})
	}
	return all
}

func nativeReply(s dialecttest.Said) []byte {
	stop := stopReasons[s.Finish]
	return dialecttest.JSON(nativeMessage{ID: "msg_1", Model: "m", Role: "assistant", Content: blocks(s), Stop: &stop, Usage: nativeUsage{Input: &s.Prompt, Output: &s.Completion}})
}

func nativeStream(s dialecttest.Said, cut func(string) []string) (events []dialect.Event) {
	event := func(kind string, v map[string]any) {
		v["type"] = kind
		events = append(events, dialect.Event{Name: []byte(kind), Data: dialecttest.JSON(v)})
	}
	event("message_start", map[string]any{"message": nativeMessage{ID: "msg_1", Model: "m", Role: "assistant", Content: []nativeBlock{}, Usage: nativeUsage{Input: &s.Prompt}}})
	for i, b := range blocks(s) {
		begin := map[string]any{"type": b.Type}
		pieces := map[string][]string{}
		switch b.Type {
		case "thinking":
			begin["thinking"], begin["signature"] = "", ""
			pieces["thinking"] = cut(b.Thinking)
		case "text":
			begin["text"] = ""
			pieces["text"] = cut(b.Text)
		case "tool_use":
			begin["id"], begin["name"], begin["input"] = b.ID, b.Name, map[string]any{}
			pieces["partial_json"] = cut(string(dialecttest.JSON(b.Input)))
		}
		event("content_block_start", map[string]any{"index": i, "content_block": begin})
		for name, all := range pieces {
			for _, piece := range all {
				event("content_block_delta", map[string]any{"index": i, "delta": map[string]any{"type": name + "_delta", name: piece}})
			}
		}
		if b.Signature != "" {
			event("content_block_delta", map[string]any{"index": i, "delta": map[string]any{"type": "signature_delta", "signature": b.Signature}})
		}
		event("content_block_stop", map[string]any{"index": i})
	}
	event("message_delta", map[string]any{"delta": map[string]any{"stop_reason": stopReasons[s.Finish]}, "usage": nativeUsage{Output: &s.Completion}})
	event("message_stop", map[string]any{})
	return events
}

// native is what has been read of an answer.
type native struct {
	message nativeMessage
	inputs  map[int]string // of blocks whose input comes in pieces
	usage   [4]int64
}

func (n *native) use(u *nativeUsage) {
	for i, v := range []*int64{u.Input, u.Output, u.Read, u.Created} {
		if v != nil {
			n.usage[i] = *v
		}
	}
}

func (n *native) event(t dialecttest.T, data []byte) {
	t.Helper()
	e := dialecttest.Decode[struct {
		Type         string
		Index        int
		Message      nativeMessage
		ContentBlock nativeBlock `json:"content_block"`
		Delta        struct {
			Text, Thinking, Signature string
			JSON                      string  `json:"partial_json"`
			Stop                      *string `json:"stop_reason"`
		}
		Usage nativeUsage
	}](t, data)
	switch e.Type {
	case "message_start":
		n.use(&e.Message.Usage)
	case "content_block_start":
		n.message.Content = append(n.message.Content, e.ContentBlock)
	case "content_block_delta":
		b := &n.message.Content[e.Index]
		b.Text += e.Delta.Text
		b.Thinking += e.Delta.Thinking
		b.Signature += e.Delta.Signature
		n.inputs[e.Index] += e.Delta.JSON
	case "message_delta":
		n.message.Stop = e.Delta.Stop
		n.use(&e.Usage)
	}
}

func (n *native) said(t dialecttest.T) (s dialecttest.Said) {
	t.Helper()
	for i, b := range n.message.Content {
		s.Text += b.Text
		s.Thought += b.Thinking
		if b.Signature != "" {
			s.Signatures = append(s.Signatures, b.Signature)
		}
		if b.Type == "tool_use" {
			if n.inputs[i] != "" {
				b.Input = dialecttest.Decode[any](t, []byte(n.inputs[i]))
			}
			s.Calls = append(s.Calls, dialecttest.Called{ID: b.ID, Name: b.Name, Input: b.Input})
		}
	}
	if n.message.Stop != nil {
		for hub, stop := range stopReasons {
			if stop == *n.message.Stop {
				s.Finish = hub
			}
		}
	}
	s.Prompt, s.Completion = n.usage[0]+n.usage[2]+n.usage[3], n.usage[1]
	s.Cached, s.CacheWrite = n.usage[2], n.usage[3]
	return s
}

func replySays(t dialecttest.T, body []byte) dialecttest.Said {
	t.Helper()
	n := native{message: dialecttest.Decode[nativeMessage](t, body)}
	n.use(&n.message.Usage)
	return n.said(t)
}

func streamSays(t dialecttest.T, events []dialect.Event) dialecttest.Said {
	t.Helper()
	n := native{inputs: make(map[int]string)}
	for _, e := range events {
		n.event(t, e.Data)
	}
	return n.said(t)
}

// frames reads AWS's event stream, in which Bedrock wraps Anthropic's events: a length, the
// headers' length, a checksum, the headers, {"bytes":"…"}, a checksum.
func frames(t dialecttest.T, b []byte) (events []dialect.Event) {
	t.Helper()
	for len(b) > 0 {
		n, headers := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
		payload := dialecttest.Decode[struct{ Bytes string }](t, b[12+headers:n-4])
		data, err := base64.StdEncoding.DecodeString(payload.Bytes)
		if err != nil {
			t.Fatalf("%v", err)
		}
		events = append(events, dialect.Event{Data: data})
		b = b[n:]
	}
	return events
}

// sameRequest is a request without what the hub leaves out, texts alone as lists.
func sameRequest(t dialecttest.T, body []byte) string {
	t.Helper()
	all, kept := dialecttest.Decode[map[string]any](t, body), map[string]any{}
	for _, name := range []string{"system", "messages", "tools", "max_tokens"} {
		kept[name] = plain(all[name])
	}
	return string(dialecttest.JSON(kept))
}

func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "cache_control")
		for name := range v {
			v[name] = plain(v[name])
		}
		if list, ok := v["content"].([]any); ok && v["type"] == "tool_result" {
			var all strings.Builder
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
