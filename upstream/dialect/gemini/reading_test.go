package gemini

import (
	"encoding/json"
	"strings"

	"pgregory.net/rapid"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// What follows reads Google's JSON and the hub's with encoding/json, so that it shares nothing
// with the translation.

// googleChunk is a reply of Google's or an event of a stream.
type googleChunk struct {
	Candidates []struct {
		Content      googleContent
		FinishReason string
	}
	UsageMetadata struct {
		PromptTokenCount, CandidatesTokenCount, ThoughtsTokenCount, CachedContentTokenCount, TotalTokenCount int64
	}
	ModelVersion, ResponseID, CreateTime string
}

type googleContent struct {
	Role  string
	Parts []googlePart
}

type googlePart struct {
	Text             *string
	Thought          bool
	ThoughtSignature string
	InlineData       *struct{ MimeType, Data string }
	FunctionCall     *struct {
		ID, Name string
		Args     map[string]any
	}
	FunctionResponse *struct {
		ID, Name string
		Response map[string]any
	}
}

// googleRequest is a request of Google's.
type googleRequest struct {
	Contents          []googleContent
	SystemInstruction googleContent
	Tools             []struct {
		FunctionDeclarations []struct {
			Name, Description                string
			Parameters, ParametersJSONSchema any
		}
	}
	ToolConfig       any
	GenerationConfig map[string]any
}

// hubChunk is a reply of the hub or a chunk of a stream.
type hubChunk struct {
	ID, Model, Object string
	Created           int64
	Choices           []struct {
		Message, Delta *hubMessage
		FinishReason   *string `json:"finish_reason"`
	}
	Usage *struct {
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
}

type hubMessage struct {
	Role         string           `json:"role,omitempty"`
	Content      any              `json:"content,omitempty"`
	Reasoning    string           `json:"reasoning_content,omitempty"`
	Details      []map[string]any `json:"reasoning_details,omitempty"`
	ToolCalls    []hubCall        `json:"tool_calls,omitempty"`
	ToolCallID   string           `json:"tool_call_id,omitempty"`
	ExtraContent *hubExtra        `json:"extra_content,omitempty"`
}

type hubCall struct {
	Index    int    `json:"index"`
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
	ExtraContent *hubExtra `json:"extra_content,omitempty"`
}

type hubExtra struct {
	Google struct {
		ThoughtSignature string `json:"thought_signature"`
	} `json:"google"`
}

// signature is the signature in an extra_content that may not be there.
func (e *hubExtra) signature() string {
	if e == nil {
		return ""
	}
	return e.Google.ThoughtSignature
}

// text is the text of a message, "" for null.
func (m *hubMessage) text() string {
	s, _ := m.Content.(string)
	return s
}

func decode[T any](t rapid.TB, data []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return v
}

// gathered is a stream as a client gathers it.
type gathered struct {
	message hubMessage
	finish  []string
	usage   []hubChunk
	first   hubChunk
	done    int
}

// gather reads a stream of the hub, and checks what every client of OpenAI counts on.
func gather(t rapid.TB, stream string) (g gathered) {
	t.Helper()
	for event := range strings.SplitSeq(strings.TrimSuffix(stream, "\n\n"), "\n\n") {
		data, ok := strings.CutPrefix(event, "data: ")
		if !ok || g.done > 0 {
			t.Fatalf("%q is no event, or behind the end", event)
		}
		if data == "[DONE]" {
			g.done++
			continue
		}
		c := decode[hubChunk](t, []byte(data))
		if g.first.ID == "" {
			g.first = c
			if len(c.Choices) != 1 || c.Choices[0].Delta.Role != "assistant" {
				t.Errorf("the first chunk is %s", data)
			}
		}
		if c.ID != g.first.ID || c.Created != g.first.Created || c.Model != g.first.Model || c.Object != "chat.completion.chunk" {
			t.Errorf("%s is of another stream than %+v", data, g.first)
		}
		if c.Usage != nil {
			if len(c.Choices) > 0 || len(g.finish) == 0 {
				t.Errorf("usage in %s", data)
			}
			g.usage = append(g.usage, c)
		}
		for _, choice := range c.Choices {
			if len(g.finish) > 0 {
				t.Errorf("behind the finish: %s", data)
			}
			g.message.add(t, choice.Delta)
			if choice.FinishReason != nil {
				g.finish = append(g.finish, *choice.FinishReason)
			}
		}
	}
	return g
}

// add adds a delta to a message.
func (m *hubMessage) add(t rapid.TB, d *hubMessage) {
	t.Helper()
	if d.Role != "" {
		m.Role = d.Role
	}
	m.Content = m.text() + d.text()
	m.Reasoning += d.Reasoning
	m.Details = append(m.Details, d.Details...)
	if d.ExtraContent != nil {
		m.ExtraContent = d.ExtraContent
	}
	for _, call := range d.ToolCalls {
		if call.Index != len(m.ToolCalls) {
			t.Errorf("call %d comes as index %d", len(m.ToolCalls), call.Index)
		}
		m.ToolCalls = append(m.ToolCalls, call)
	}
}

// translate sends the events through a stream of the dialect.
func translate(t rapid.TB, events [][]byte) string {
	t.Helper()
	s := New().Stream()
	var out []byte
	var err error
	for _, data := range events {
		if out, err = s.Event(out, nil, data); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
	}
	return string(s.End(out))
}

// ask translates a request.
func ask(t rapid.TB, model string, body any) (googleRequest, dialect.Translated) {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	got, err := New().Request(dialect.Question{Body: raw, Model: model})
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return decode[googleRequest](t, got.Body), got
}
