package responses

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

var door = dialecttest.Door{
	Door: NewFrontDoor(), Dir: "testdata/door", ReplySays: replySays, StreamSays: streamSays,
	Heard: func(s dialecttest.Said) dialecttest.Said { return s },
}

func TestClients(t *testing.T) { door.Run(t) }

func TestTooManyCallsAreMalformed(t *testing.T) {
	dialecttest.TooManyCalls(t, door.Door.Events, func(i int) dialect.Event {
		return dialect.Event{Data: fmt.Appendf(nil, `{"id":"1","choices":[{"index":0,"delta":{"tool_calls":[{"index":%d,"id":"c%d","function":{"name":"f"}}]}}]}`, i, i)}
	})
	var calls []byte
	for i := range 10 * hub.MaxCalls {
		calls = fmt.Appendf(hub.Comma(calls), `{"index":%d}`, i)
	}
	event := fmt.Appendf(nil, `{"id":"1","choices":[{"index":0,"delta":{"tool_calls":[%s]}}]}`, calls)
	if _, err := door.Door.Events().Event(nil, nil, event); !errors.Is(err, dialect.ErrMalformed) {
		t.Errorf("too many calls in one event: %v", err)
	}
}

func FuzzQuestion(f *testing.F) { door.FuzzQuestion(f) }
func FuzzAnswer(f *testing.F)   { door.FuzzAnswer(f) }
func FuzzEvents(f *testing.F)   { door.FuzzEvents(f) }

// replySays reads a response by encoding/json. The signature of a thought is sealed.
func replySays(t dialecttest.T, body []byte) (s dialecttest.Said) {
	t.Helper()
	r := dialecttest.Decode[struct {
		Status     string
		Incomplete struct{ Reason string } `json:"incomplete_details"`
		Output     []struct {
			Type, Name, Arguments string
			CallID                string `json:"call_id"`
			Sealed                string `json:"encrypted_content"`
			Summary, Content      []struct{ Text string }
		}
		Usage struct {
			Input  int64 `json:"input_tokens"`
			Output int64 `json:"output_tokens"`
			In     struct {
				Cached int64 `json:"cached_tokens"`
			} `json:"input_tokens_details"`
		}
	}](t, body)
	for _, item := range r.Output {
		for _, part := range item.Content {
			s.Text += part.Text
		}
		for _, part := range item.Summary {
			s.Thought += part.Text
		}
		if item.Sealed != "" {
			s.Signatures = append(s.Signatures, dialecttest.Decode[struct{ Signature string }](t, []byte(item.Sealed)).Signature)
		}
		if item.Type == "function_call" {
			s.Calls = append(s.Calls, dialecttest.Called{ID: item.CallID, Name: item.Name, Input: dialecttest.Decode[any](t, []byte(item.Arguments))})
		}
	}
	switch {
	case r.Status == "incomplete":
		s.Finish = map[string]string{"max_output_tokens": "length", "content_filter": "content_filter"}[r.Incomplete.Reason]
	case len(s.Calls) > 0:
		s.Finish = "tool_calls"
	case r.Status == "completed":
		s.Finish = "stop"
	}
	s.Prompt, s.Completion, s.Cached = r.Usage.Input, r.Usage.Output, r.Usage.In.Cached
	return s
}

// streamSays reads the response at the end of a stream, and checks that the deltas before it say
// the same.
func streamSays(t dialecttest.T, events []dialect.Event) dialecttest.Said {
	t.Helper()
	type event struct {
		Type, Delta string
		Response    json.RawMessage
	}
	said := map[string]string{}
	for _, e := range events {
		v := dialecttest.Decode[event](t, e.Data)
		said[v.Type] += v.Delta
	}
	s := replySays(t, dialecttest.Decode[event](t, events[len(events)-1].Data).Response)
	if said["response.output_text.delta"] != s.Text || said["response.reasoning_summary_text.delta"] != s.Thought {
		t.Errorf("the deltas say %q, and the response %+v", said, s)
	}
	return s
}
