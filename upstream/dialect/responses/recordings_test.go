package responses

import (
	"encoding/json"
	"testing"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

// response is a response as a client reads it.
type response struct {
	ID     string `json:"id"`
	Model  string `json:"model"`
	Status string `json:"status"`
	Output []struct {
		Type      string
		Arguments string
		Content   []struct{ Text string }
	} `json:"output"`
	Usage struct {
		Input   int64 `json:"input_tokens"`
		Output  int64 `json:"output_tokens"`
		Details struct {
			Cached int64 `json:"cached_tokens"`
		} `json:"input_tokens_details"`
		OutputDetails struct {
			Reasoning int64 `json:"reasoning_tokens"`
		} `json:"output_tokens_details"`
	} `json:"usage"`
}

// text is the length of the text and the arguments.
func (r *response) text() (n int) {
	for _, item := range r.Output {
		n += len(item.Arguments)
		for _, part := range item.Content {
			n += len(part.Text)
		}
	}
	return n
}

func (r *response) finish() string {
	if r.Status == "incomplete" {
		return "length"
	}
	for _, item := range r.Output {
		if item.Type == "function_call" {
			return "tool_calls"
		}
	}
	return "stop"
}

// agrees checks the signs of a recording. Text is an estimate from JSON that may be escaped.
func (r *response) agrees(t *testing.T, name string, got *dialect.Signs) {
	t.Helper()
	u := &r.Usage
	want := dialect.Signs{
		ID: r.ID, Model: r.Model, Finish: r.finish(), Whole: true, Last: got.Last, Text: got.Text,
		Usage: llm.Usage{Known: true, Input: u.Input, Output: u.Output, CachedInput: u.Details.Cached, Reasoning: u.OutputDetails.Reasoning},
	}
	if *got != want || r.ID == "" || u.Output == 0 {
		t.Errorf("%s: %+v, want %+v", name, *got, want)
	}
	if got.Text < r.text() || r.text() == 0 {
		t.Errorf("%s: %d bytes of text, want at least %d", name, got.Text, r.text())
	}
}

func TestRecordingsAreReadAsAClientReadsThem(t *testing.T) {
	replies, streams, events := 0, 0, 0
	for _, r := range dialecttest.Recordings(t, "/responses") {
		w := NewWatcher()
		if !r.Stream {
			replies++
			var want response
			if err := json.Unmarshal(r.Body, &want); err != nil {
				t.Fatal(err)
			}
			if err := w.Reply(r.Body); err != nil {
				t.Errorf("%s: %v", r.Name, err)
			}
			want.agrees(t, r.Name, w.Signs())
			continue
		}
		streams++
		output := false
		for _, e := range dialecttest.Events(r.Body) {
			events++
			var got struct {
				Type     string
				Response response
				Delta    json.RawMessage
			}
			if err := json.Unmarshal(e.Data, &got); err != nil {
				t.Fatal(err)
			}
			if err := w.Event(&e); err != nil {
				t.Errorf("%s: %s: %v", r.Name, e.Data, err)
			}
			if e.Drop || e.CutFrom != e.CutTo {
				t.Errorf("%s: %s is changed", r.Name, e.Data)
			}
			if len(got.Delta) > 2 && !e.Output {
				t.Errorf("%s: no output in %s", r.Name, e.Data)
			}
			output = output || e.Output
			if w.Signs().Whole {
				got.Response.agrees(t, r.Name, w.Signs())
			}
		}
		if s := w.Signs(); !output || !s.Whole || !s.Last {
			t.Errorf("%s: output %t, %+v", r.Name, output, s)
		}
	}
	t.Logf("%d replies, %d streams with %d events", replies, streams, events)
}
