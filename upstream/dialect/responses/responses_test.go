package responses

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

var contract = dialecttest.Dialect{
	New: func() dialect.Watcher { return NewWatcher() },
	Plain: `{"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"m","incomplete_details":null,` +
		`"output":[{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"output_text","text":"Hello","annotations":[]}]}],` +
		`"usage":{"input_tokens":9,"input_tokens_details":{"cached_tokens":4},"output_tokens":2,"output_tokens_details":{"reasoning_tokens":1},"total_tokens":11}}`,
	Stream: []string{
		`{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","status":"in_progress","model":"m","error":null,"output":[],"usage":null}}`,
		`{"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":{"id":"msg_1","type":"message","status":"in_progress","content":[]}}`,
		`{"type":"response.output_text.delta","sequence_number":2,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"Hello"}`,
		`{"type":"response.output_text.done","sequence_number":3,"item_id":"msg_1","output_index":0,"content_index":0,"text":"Hello"}`,
		`{"type":"response.completed","sequence_number":4,"response":{"id":"resp_1","object":"response","status":"completed","model":"m","error":null,"output":[],` +
			`"usage":{"input_tokens":9,"input_tokens_details":{"cached_tokens":4},"output_tokens":2,"output_tokens_details":{"reasoning_tokens":1}}}}`,
	},
}

func TestContract(t *testing.T) { contract.Run(t) }

func FuzzReply(f *testing.F) { contract.FuzzReply(f) }

func FuzzEvent(f *testing.F) { contract.FuzzEvent(f) }

// event reads one event.
func event(t *testing.T, w *Watcher, data string) dialect.Event {
	t.Helper()
	e := dialect.Event{Data: []byte(data)}
	if err := w.Event(&e); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return e
}

func TestWhatIsMeaningfulOutput(t *testing.T) {
	for data, want := range map[string]bool{
		// preambles and signs of life
		`{"type":"response.created","response":{"id":"r"}}`:                                               false,
		`{"type":"response.in_progress","response":{"id":"r"}}`:                                           false,
		`{"type":"response.queued","response":{"id":"r"}}`:                                                false,
		`{"type":"response.output_item.added","item":{"type":"function_call","name":"f","arguments":""}}`: false,
		`{"type":"response.content_part.added","part":{"type":"output_text","text":""}}`:                  false,
		`{"type":"response.reasoning_summary_part.added","part":{"type":"summary_text","text":""}}`:       false,
		`{"type":"ping"}`:      false,
		`{"type":"keepalive"}`: false,
		`{"type":"response.output_text.delta","delta":""}`:              false,
		`{"type":"response.function_call_arguments.delta","delta":""}`:  false,
		`{"type":"response.reasoning_summary_text.delta","delta":null}`: false,
		// of the answer
		`{"type":"response.output_text.delta","delta":"Hi"}`:                                                    true,
		`{"type":"response.refusal.delta","delta":"No"}`:                                                        true,
		`{"type":"response.reasoning_summary_text.delta","delta":"Hm"}`:                                         true,
		`{"type":"response.reasoning_text.delta","delta":"Hm"}`:                                                 true,
		`{"type":"response.function_call_arguments.delta","delta":"{"}`:                                         true,
		`{"type":"response.audio.delta","delta":"UklGRg=="}`:                                                    true,
		`{"type":"response.function_call_arguments.done","arguments":"{}"}`:                                     true,
		`{"type":"response.output_item.done","item":{"type":"function_call","name":"f","arguments":"{}"}}`:      true,
		`{"type":"response.web_search_call.searching","output_index":0}`:                                        true,
		`{"type":"response.image_generation_call.partial_image","partial_image_b64":"aGk="}`:                    true,
		`{"type":"response.web_search_call.failed","output_index":0}`:                                           true,
		`{"type":"response.output_item.done","item":{"type":"mcp_call","error":{"message":"x"},"output":null}}`: true,
		`{"type":"response.output_text.delta","delta":"an \"error\": {\"message\":\"x\"} that has failed"}`:     true,
		// the end of it
		`{"type":"response.completed","response":{"id":"r","status":"completed"}}`:                                                       true,
		`{"type":"response.incomplete","response":{"id":"r","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}}`: true,
	} {
		if e := event(t, NewWatcher(), data); e.Output != want || e.Drop || e.CutTo != e.CutFrom {
			t.Errorf("%s: %+v, want output %t and no change", data, e, want)
		}
	}
}

func TestTheFinishReasonIsSaidInChatsWords(t *testing.T) {
	for response, want := range map[string]string{
		`"status":"completed","output":[]`:                                                         "stop",
		`"status":"completed","output":[{"type":"message"}]`:                                       "stop",
		`"status":"completed","output":[{"type":"reasoning"},{"type":"function_call","name":"f"}]`: "tool_calls",
		`"status":"completed","output":[{"type":"web_search_call"},{"type":"message"}]`:            "stop",
		`"status":"incomplete","output":[],"incomplete_details":{"reason":"max_output_tokens"}`:    "length",
		`"status":"incomplete","output":[],"incomplete_details":{"reason":"content_filter"}`:       "content_filter",
		`"status":"incomplete","output":[]`:                                                        "length",
		`"status":"in_progress","output":[]`:                                                       "",
		`"output":[]`:                                                                              "",
	} {
		w := NewWatcher()
		if err := w.Reply([]byte(`{"id":"r",` + response + `}`)); err != nil || w.Signs().Finish != want || !w.Signs().Whole {
			t.Errorf("the reply %s: %v, %+v, want %q", response, err, w.Signs(), want)
		}
		w = NewWatcher()
		event(t, w, `{"type":"response.completed","response":{"id":"r",`+response+`}}`)
		if s := w.Signs(); s.Finish != want || !s.Whole || !s.Last {
			t.Errorf("the event %s: %+v, want %q", response, s, want)
		}
	}
}

func TestAReplyIsReadWhole(t *testing.T) {
	want := dialect.Signs{
		ID: "resp_1", Model: "m", Finish: "stop", Whole: true, Text: len("Hello"),
		Usage: llm.Usage{Input: 9, CachedInput: 4, Output: 2, Reasoning: 1, Known: true},
	}
	w := NewWatcher()
	if err := w.Reply([]byte(contract.Plain)); err != nil || *w.Signs() != want {
		t.Errorf("the reply: %v, %+v, want %+v", err, *w.Signs(), want)
	}
	want.Last = true
	w = NewWatcher()
	for i, data := range contract.Stream {
		event(t, w, data)
		if i == 0 && (w.Signs().ID != want.ID || w.Signs().Model != want.Model) {
			t.Errorf("the first event names %+v", w.Signs())
		}
	}
	if *w.Signs() != want {
		t.Errorf("the stream: %+v, want %+v", *w.Signs(), want)
	}
}

func TestAStreamWithoutItsLastEventIsNotWhole(t *testing.T) {
	w := NewWatcher()
	for _, data := range append(contract.Stream[:4:4], "[DONE]") {
		event(t, w, data)
	}
	if s := w.Signs(); s.Whole || !s.Last || len(w.AppendEnd(nil)) > 0 {
		t.Errorf("got %+v", s)
	}
}

func TestAFailedResponseIsReported(t *testing.T) {
	const failed = `{"id":"resp_1","object":"response","status":"failed","error":{"code":"rate_limit_exceeded","message":"Please try again in 7.66s."},"output":[],"usage":null}`
	w := NewWatcher()
	event(t, w, contract.Stream[0])
	for what, err := range map[string]error{
		"reply": NewWatcher().Reply([]byte(failed)),
		"event": w.Event(&dialect.Event{Name: []byte("response.failed"), Data: []byte(`{"type":"response.failed","sequence_number":1,"response":` + failed + `}`)}),
	} {
		var e *dialect.ReportedError
		if !errors.As(err, &e) || e.Failure.Code != "rate_limit_exceeded" || e.Failure.Wait == 0 {
			t.Errorf("the %s: %v", what, err)
		}
	}
	if s := w.Signs(); s.Whole || s.Last {
		t.Errorf("got %+v", s)
	}
}

func TestTheErrorEventGoesOnCounting(t *testing.T) {
	e := llm.NewError(llm.CodeStreamInterrupted, "It \"broke\" off.")
	for want, events := range map[float64][]string{
		0: nil,
		3: contract.Stream[:3],
		8: {contract.Stream[0], `{"type":"response.output_text.delta","delta":"x","sequence_number":7}`},
		1: {contract.Stream[0], `{"type":"response.output_text.delta","delta":"x","sequence_number":"7"}`, `{"type":"ping"}`},
	} {
		w := NewWatcher()
		for _, data := range events {
			event(t, w, data)
		}
		appended := dialecttest.Events(w.AppendError(nil, e))
		var got map[string]any
		if len(appended) != 1 || string(appended[0].Name) != "error" || json.Unmarshal(appended[0].Data, &got) != nil {
			t.Fatalf("got %+v", appended)
		}
		if got["type"] != "error" || got["sequence_number"] != want || got["code"] != e.Code || got["message"] != e.Message || got["error"] == nil {
			t.Errorf("got %s, want number %v", appended[0].Data, want)
		}
		if param, ok := got["param"]; !ok || param != nil {
			t.Errorf("got the param %v", param)
		}
	}
}

func TestAReplyWithoutOutputIsNoReply(t *testing.T) {
	for _, body := range []string{`{}`, `{"id":"r","object":"response"}`, `{"choices":[]}`} {
		if err := NewWatcher().Reply([]byte(body)); !errors.Is(err, dialect.ErrMalformed) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func BenchmarkEvent(b *testing.B) {
	data := []byte(`{"type":"response.output_text.delta","content_index":0,"delta":" an error","item_id":"msg_0d5c7b7d2b8a","logprobs":[],"obfuscation":"vPvR8B","output_index":1,"sequence_number":7}`)
	w := NewWatcher()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		e := dialect.Event{Data: data}
		if err := w.Event(&e); err != nil {
			b.Fatal(err)
		}
	}
}
