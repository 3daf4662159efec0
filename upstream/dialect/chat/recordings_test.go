package chat

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

// chunk is a reply or an event as a client reads it.
type chunk struct {
	ID      string `json:"id"`
	Model   string `json:"model"`
	Choices []struct {
		Delta, Message *part
		FinishReason   string `json:"finish_reason"`
	} `json:"choices"`
	Usage *tokens `json:"usage"`
}

type part struct {
	Content          string `json:"content"`
	Reasoning        string `json:"reasoning"`
	ReasoningContent string `json:"reasoning_content"`
	Refusal          string `json:"refusal"`
	ToolCalls        []struct {
		Function struct{ Arguments string }
	} `json:"tool_calls"`
	// Encrypted is reasoning that cannot be read but is sent back, among what can be read.
	Encrypted []json.RawMessage `json:"reasoning_details"`
}

type tokens struct {
	Prompt, Completion, Total int64
	Cached, Reasoning         int64
}

// UnmarshalJSON reads what a bill needs.
func (u *tokens) UnmarshalJSON(b []byte) error {
	var raw struct {
		Prompt     int64 `json:"prompt_tokens"`
		Completion int64 `json:"completion_tokens"`
		Total      int64 `json:"total_tokens"`
		In         struct {
			Cached int64 `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
		Out struct {
			Reasoning int64 `json:"reasoning_tokens"`
		} `json:"completion_tokens_details"`
	}
	err := json.Unmarshal(b, &raw)
	*u = tokens{raw.Prompt, raw.Completion, raw.Total, raw.In.Cached, raw.Out.Reasoning}
	return err
}

// said is what a client gathers of a whole recording.
type said struct {
	id, model, finish, text string
	usage                   *tokens
	begun                   bool
}

func (s *said) add(t *testing.T, data []byte) {
	t.Helper()
	var c chunk
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	if s.id == "" {
		s.id = c.ID
	}
	if s.model == "" {
		s.model = c.Model
	}
	if c.Usage != nil {
		s.usage = c.Usage
	}
	for _, choice := range c.Choices {
		if s.finish == "" {
			s.finish = choice.FinishReason
		}
		for _, p := range []*part{choice.Delta, choice.Message} {
			if p == nil {
				continue
			}
			s.text += p.Content + p.Reasoning + p.ReasoningContent + p.Refusal
			s.begun = s.begun || len(p.ToolCalls) > 0 || len(p.Encrypted) > 0
			for _, call := range p.ToolCalls {
				s.text += call.Function.Arguments
			}
		}
	}
	s.begun = s.begun || s.text != "" || s.finish != ""
}

// agrees checks the signs. Text is an estimate from JSON that may be escaped.
func (s *said) agrees(t *testing.T, name string, got *dialect.Signs) {
	t.Helper()
	if got.ID != s.id || got.Model != s.model || got.Finish != s.finish || !got.Whole || got.Finish == "" {
		t.Errorf("%s: %+v, want %q %q %q", name, got, s.id, s.model, s.finish)
	}
	if got.Text < len(s.text) || s.text == "" && got.Text > 0 {
		t.Errorf("%s: %d bytes of text, want at least %d", name, got.Text, len(s.text))
	}
	switch u := got.Usage; {
	case (s.usage != nil) != u.Known:
		t.Errorf("%s: usage %+v, want %+v", name, u, s.usage)
	case s.usage == nil:
	case u.Input != s.usage.Prompt || u.CachedInput != s.usage.Cached || u.Reasoning != s.usage.Reasoning:
		t.Errorf("%s: usage %+v, want %+v", name, u, s.usage)
	case u.Input+u.Output != s.usage.Total || u.Output != s.usage.Completion && u.Output != s.usage.Completion+s.usage.Reasoning:
		t.Errorf("%s: usage %+v does not sum up to that of %+v", name, u, s.usage)
	}
}

func TestRecordingsAreReadAsAClientReadsThem(t *testing.T) {
	replies, streams, events, dropped := map[string]int{}, map[string]int{}, 0, 0
	for _, r := range dialecttest.Recordings(t, "/chat/completions") {
		var want said
		if !r.Stream {
			replies[r.URL.Host]++
			w := NewWatcher(false)
			if err := w.Reply(r.Body); err != nil {
				t.Errorf("%s: %v", r.Name, err)
			}
			want.add(t, r.Body)
			want.agrees(t, r.Name, w.Signs())
			continue
		}
		streams[r.URL.Host]++
		plain, hidden, first := NewWatcher(false), NewWatcher(true), false
		for _, e := range dialecttest.Events(r.Body) {
			events++
			open := e
			if err := plain.Event(&open); err != nil {
				t.Errorf("%s: %s: %v", r.Name, e.Data, err)
			}
			if err := hidden.Event(&e); err != nil || open.Output != e.Output {
				t.Errorf("%s: %s: %v", r.Name, e.Data, err)
			}
			if string(e.Data) == "[DONE]" {
				continue
			}
			want.add(t, e.Data)
			if e.Drop {
				dropped++
			} else {
				checkHidden(t, dialecttest.Left(&e))
			}
			if first = first || e.Output; first != want.begun {
				t.Errorf("%s: output is %t at %s", r.Name, first, e.Data)
			}
		}
		want.agrees(t, r.Name, plain.Signs())
		want.agrees(t, r.Name, hidden.Signs())
		if !plain.Signs().Last {
			t.Errorf("%s: the stream is not over", r.Name)
		}
	}
	t.Logf("%d replies %v, %d streams %v with %d events, %d of them of usage alone",
		sum(replies), replies, sum(streams), streams, events, dropped)
}

// checkHidden checks that a client which did not ask for it sees no usage, and valid JSON.
func checkHidden(t *testing.T, data []byte) {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil || members["usage"] != nil {
		t.Errorf("the client sees %s: %v", data, err)
	}
}

func sum(m map[string]int) (n int) {
	for v := range maps.Values(m) {
		n += v
	}
	return n
}
