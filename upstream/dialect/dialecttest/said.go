package dialecttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// Said is what an answer says to somebody who reads it, in whichever dialect.
type Said struct {
	Text, Thought string
	// Signatures are those of the thoughts.
	Signatures []string
	// Signature is that of the text.
	Signature string
	Calls     []Called
	// Finish is the finish reason in the hub's words.
	Finish string
	// Usage is as the hub counts.
	Prompt, Completion, Cached, CacheWrite, Reasoning int64
}

// Called is a call of a tool.
type Called struct {
	// ID is "" where the vendor gives none; the hub makes one up.
	ID, Name string
	// Input is the arguments as a JSON value.
	Input     any
	Signature string
}

// extra is where the signatures of Google's models travel.
type extra struct {
	Google struct {
		Signature string `json:"thought_signature"`
	}
}

// hubMessage is a message or a delta of chat.
type hubMessage struct {
	Role      string
	Content   any
	Refusal   string
	Reasoning string `json:"reasoning_content"`
	Details   []struct {
		Text      string
		Signature string
		Data      string
	} `json:"reasoning_details"`
	Calls []struct {
		Index    *int
		ID       string
		Function struct{ Name, Arguments string }
		Extra    extra `json:"extra_content"`
	} `json:"tool_calls"`
	Extra extra `json:"extra_content"`
}

// hubReply is a reply or a chunk of chat.
type hubReply struct {
	ID, Model, Object string
	Created           int64
	Choices           []struct {
		Index          int
		Delta, Message *hubMessage
		Finish         string `json:"finish_reason"`
	}
	Usage *struct {
		Prompt     int64 `json:"prompt_tokens"`
		Completion int64 `json:"completion_tokens"`
		Total      int64 `json:"total_tokens"`
		In         struct {
			Cached  int64 `json:"cached_tokens"`
			Written int64 `json:"cache_write_tokens"`
		} `json:"prompt_tokens_details"`
		Out struct {
			Reasoning int64 `json:"reasoning_tokens"`
		} `json:"completion_tokens_details"`
	}
}

// hearing gathers what a client of chat hears.
type hearing struct {
	said      Said
	arguments []string
}

// Hear reads a plain reply of chat as a client does.
func Hear(t T, reply []byte) Said {
	t.Helper()
	var h hearing
	h.add(t, decode[hubReply](t, reply))
	return h.whole(t)
}

// HearStream reads a stream of chat as a client does. It checks what every client counts on: see
// checkChunks.
func HearStream(t T, stream []byte) Said {
	t.Helper()
	var h hearing
	for _, c := range checkChunks(t, stream) {
		h.add(t, c)
	}
	return h.whole(t)
}

// add adds what a reply or a chunk says of its first choice.
func (h *hearing) add(t T, r hubReply) {
	t.Helper()
	s := &h.said
	for _, choice := range r.Choices {
		if choice.Finish != "" {
			s.Finish = choice.Finish
		}
		for _, m := range []*hubMessage{choice.Delta, choice.Message} {
			if m != nil {
				h.message(t, m)
			}
		}
	}
	if u := r.Usage; u != nil {
		s.Prompt, s.Completion, s.Cached, s.CacheWrite, s.Reasoning = u.Prompt, u.Completion, u.In.Cached, u.In.Written, u.Out.Reasoning
		if u.Total != u.Prompt+u.Completion {
			t.Errorf("a total of %d for %d and %d", u.Total, u.Prompt, u.Completion)
		}
	}
}

func (h *hearing) message(t T, m *hubMessage) {
	t.Helper()
	s := &h.said
	text, _ := m.Content.(string)
	s.Text += text
	s.Thought += m.Reasoning
	for _, d := range m.Details {
		if d.Signature != "" {
			s.Signatures = append(s.Signatures, d.Signature)
		}
	}
	if m.Extra.Google.Signature != "" {
		s.Signature = m.Extra.Google.Signature
	}
	for i, call := range m.Calls {
		if call.Index != nil {
			i = *call.Index
		}
		switch {
		case i == len(s.Calls):
			s.Calls = append(s.Calls, Called{ID: call.ID, Name: call.Function.Name})
			h.arguments = append(h.arguments, "")
		case i > len(s.Calls):
			t.Fatalf("call %d comes as index %d", len(s.Calls), i)
		}
		h.arguments[i] += call.Function.Arguments
		if call.Extra.Google.Signature != "" {
			s.Calls[i].Signature = call.Extra.Google.Signature
		}
	}
}

// whole returns what has been said, with the arguments read.
func (h *hearing) whole(t T) Said {
	t.Helper()
	for i := range h.said.Calls {
		h.said.Calls[i].Input = decode[any](t, []byte(h.arguments[i]))
	}
	return h.said
}

// checkChunks reads the chunks of a stream of chat, and checks what every client counts on: they
// are of one reply, each choice says its role first and ends once, the usage comes behind, and
// the mark of the end is the last.
func checkChunks(t T, stream []byte) (all []hubReply) {
	t.Helper()
	ended, done, began := map[int]bool{}, false, map[int]bool{}
	for _, e := range Events(stream) {
		if done {
			t.Errorf("behind the end: %s", e.Data)
		}
		if done = string(e.Data) == "[DONE]"; done {
			continue
		}
		c := decode[hubReply](t, e.Data)
		if len(all) > 0 && (c.ID != all[0].ID || c.Model != all[0].Model || c.Created != all[0].Created) || c.Object != "chat.completion.chunk" {
			t.Errorf("%s is of another stream", e.Data)
		}
		for _, choice := range c.Choices {
			if !began[choice.Index] && (choice.Delta == nil || choice.Delta.Role != "assistant") {
				t.Errorf("the first chunk of a choice is %s", e.Data)
			}
			if began[choice.Index] = true; ended[choice.Index] {
				t.Errorf("behind the finish: %s", e.Data)
			}
			ended[choice.Index] = choice.Finish != ""
		}
		if c.Usage != nil && (len(c.Choices) > 0 || len(ended) == 0) {
			t.Errorf("usage in %s", e.Data)
		}
		all = append(all, c)
	}
	for i := range began {
		if done && !ended[i] {
			t.Errorf("choice %d has no end", i)
		}
	}
	if !bytes.HasSuffix(stream, []byte("\n\n")) {
		t.Errorf("the stream ends within an event: %q", stream[max(0, len(stream)-40):])
	}
	return all
}

// decode reads JSON, and fails for what is none.
func decode[V any](t T, data []byte) (v V) {
	t.Helper()
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return v
}

// differ says how what was heard differs from what was said, "" if it does not. Ids that were
// made up have to be there, and to differ from each other.
func differ(said, heard Said) string {
	heard.Calls = slices.Clone(heard.Calls)
	ids := map[string]bool{}
	for i := range heard.Calls {
		c := &heard.Calls[i]
		if c.ID == "" || ids[c.ID] {
			return fmt.Sprintf("call %d has the id %q", i, c.ID)
		}
		ids[c.ID] = true
		if i < len(said.Calls) && said.Calls[i].ID == "" {
			c.ID = ""
		}
	}
	if reflect.DeepEqual(said, heard) {
		return ""
	}
	return fmt.Sprintf("heard %+v\nwant  %+v", heard, said)
}

// hear feeds events to a stream of a translator and reads what a client gets.
func hear(t T, to dialect.Translator, events []dialect.Event) Said {
	t.Helper()
	got, err := Feed(to.Stream(), events)
	if err != nil {
		t.Fatalf("%v behind %s", err, got)
	}
	if !bytes.HasSuffix(got, []byte("data: [DONE]\n\n")) {
		t.Errorf("the stream has no end: %s", got)
	}
	return HearStream(t, got)
}
