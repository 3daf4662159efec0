package chat

import (
	"errors"
	"testing"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

var contract = dialecttest.Dialect{
	New: func() dialect.Watcher { return NewWatcher(true) },
	Plain: `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"logprobs":null,"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}`,
	Stream: []string{
		`{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null}],"usage":null}`,
		`{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}],"usage":null}`,
		`{"usage":null,"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`,
		`{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}`,
		`[DONE]`,
	},
}

func TestContract(t *testing.T) { contract.Run(t) }

// event reads one event as the first of a stream.
func event(t *testing.T, w *Watcher, data string) dialect.Event {
	t.Helper()
	e := dialect.Event{Data: []byte(data)}
	if err := w.Event(&e); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return e
}

func TestWhatIsMeaningfulOutput(t *testing.T) {
	delta := func(delta string) string {
		return `{"id":"1","choices":[{"index":0,"delta":` + delta + `,"logprobs":null,"finish_reason":null}]}`
	}
	for data, want := range map[string]bool{
		// signs of life
		`{}`:                           false,
		`{"id":"1","choices":null}`:    false,
		`{"id":"1","choices":[]}`:      false,
		`{"id":"1","choices":[{}]}`:    false,
		`{"id":"1","choices":[null]}`:  false,
		`{"type":"ping"}`:              false,
		`{"id":"1","choices":"chunk"}`: false,
		`{"id":"1","choices":[],"prompt_filter_results":[{"prompt_index":0,"content_filter_results":{}}]}`: false,
		`{"id":"1","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}`:                        false,
		// preambles
		delta(`{}`):                   false,
		delta(`null`):                 false,
		delta(`{"role":"assistant"}`): false,
		delta(`{"role":"assistant","content":""}`):                   false,
		delta(`{"content":null}`):                                    false,
		delta(`{"content":[]}`):                                      false,
		delta(`{"role":"assistant","content":null,"tool_calls":[]}`): false,
		delta(`{"role":"assistant","content":"","refusal":null,"reasoning_content":"","tool_calls":null}`): false,
		delta(`{"role":"assistant","content":"","function_call":{},"annotations":[]}`):                     false,
		// of the answer
		delta(`{"content":" "}`):                              true,
		delta(`{"content":"\n"}`):                             true,
		delta(`{"role":"assistant","content":"Hi"}`):          true,
		delta(`{"content":"","reasoning_content":"Hm"}`):      true,
		delta(`{"content":"","reasoning":"Hm"}`):              true,
		delta(`{"refusal":"No"}`):                             true,
		delta(`{"content":[{"type":"text","text":"Hi"}]}`):    true,
		delta(`{"audio":{"id":"audio_1","transcript":"Hi"}}`): true,
		delta(`{"function_call":{"arguments":"{"}}`):          true,
		delta(`{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":""}}]}`): true,
		delta(`{"tool_calls":[{"index":0,"function":{"arguments":"{"}}]}`):                                           true,
		// the end of it
		`{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`:                 true,
		`{"choices":[{"index":0,"delta":{"content":""},"finish_reason":"length"}]}`:   true,
		`{"choices":[{"index":0,"finish_reason":"content_filter"}]}`:                  true,
		`{"choices":[{"index":0,"delta":{"content":""}},{"delta":{"content":"Hi"}}]}`: true,
		`{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"}}]}`:     true,
		`{"choices":[{"index":0,"delta":{"content":""},"finish_reason":""}]}`:         false,
		`[DONE]`:   true,
		` [DONE] `: true,
		// the older completions
		`{"choices":[{"index":0,"text":"Hi","finish_reason":null}]}`:   true,
		`{"choices":[{"index":0,"text":"","finish_reason":null}]}`:     false,
		`{"choices":[{"index":0,"text":"","finish_reason":"length"}]}`: true,
	} {
		if e := event(t, NewWatcher(false), data); e.Output != want || e.Drop || e.CutTo != e.CutFrom {
			t.Errorf("%s: %+v, want output %t and no change", data, e, want)
		}
	}
}

func TestTheFinishReasonIsFoundWhereverItStands(t *testing.T) {
	for choices, want := range map[string]string{
		`[{"delta":{},"finish_reason":"stop"}]`:                                           "stop",
		`[{"finish_reason":"tool_calls","index":0,"delta":{}}]`:                           "tool_calls",
		`[ { "delta" : { } , "finish_reason" : "length" } ]`:                              "length",
		"[{\"finish_reason\"\n:\r\n\t\"stop\"}]":                                          "stop",
		`[{"finish_reason":null},{"finish_reason":"stop"}]`:                               "stop",
		`[{"finish_reason":"stop"},{"finish_reason":"length"}]`:                           "stop",
		`[{"finish_reason":"","delta":{}}]`:                                               "",
		`[{"finish_reason":null,"native_finish_reason":"STOP"}]`:                          "",
		`[{"native_finish_reason":"STOP","finish_reason":"stop"}]`:                        "stop",
		`[{"delta":{"content":"\"finish_reason\":\"length\""},"finish_reason":null}]`:     "",
		`[{"delta":{"content":"\\\"finish_reason\\\":\\\"length\\\""}}]`:                  "",
		`[{"delta":{"content":"\\"},"finish_reason":"stop"}]`:                             "stop",
		`[{"delta":{"content":"finish_reason"}}]`:                                         "",
		`[{"delta":{"tool_calls":[{"function":{"arguments":"{\"finish_reason\":1}"}}]}}]`: "",
		`[{"finish_reason":{"finish_reason":7}}]`:                                         "",
	} {
		w := NewWatcher(false)
		event(t, w, `{"choices":`+choices+`}`)
		if s := w.Signs(); s.Finish != want || s.Whole != (want != "") || s.Last {
			t.Errorf("%s: %+v, want %q", choices, s, want)
		}
		w = NewWatcher(false)
		if err := w.Reply([]byte(`{"choices":` + choices + `}`)); err != nil || w.Signs().Finish != want || !w.Signs().Whole {
			t.Errorf("the reply %s: %v %+v, want %q", choices, err, w.Signs(), want)
		}
	}
}

func TestTheReplyIsIdentifiedByItsFirstWords(t *testing.T) {
	w := NewWatcher(false)
	for _, data := range []string{
		`{"id":"","choices":[]}`, `{"id":"a","model":"","choices":[]}`, `{"id":"b","model":"m \"1\"","choices":[]}`, `{"id":"c","model":"n","choices":[]}`,
	} {
		event(t, w, data)
	}
	if s := w.Signs(); s.ID != "a" || s.Model != `m "1"` {
		t.Errorf("got %q and %q", s.ID, s.Model)
	}
}

func TestTextIsCountedInAllItsMembers(t *testing.T) {
	choices := map[string]int{
		`[{"delta":{"content":"four"}}]`:                                                              4,
		`[{"text":"four"}]`:                                                                           4,
		`[{"delta":{"content":"","reasoning_content":"four"}}]`:                                       4,
		`[{"delta":{"content":null,"reasoning":"four"}}]`:                                             4,
		`[{"delta":{"refusal":"four"}}]`:                                                              4,
		`[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":"four"}}]}}]`:                   4,
		`[{"message":{"role":"assistant","content":[{"type":"text","text":"four"}]}}]`:                4,
		`[{"delta":{"content":"four"}},{"delta":{"content":"four"}}]`:                                 8,
		`[{"delta":{"role":"content","content":"f\"ur"},"logprobs":{"content":[{"token":"f\"ur"}]}}]`: 5,
	}
	all, total := NewWatcher(false), 0
	for raw, want := range choices {
		w := NewWatcher(false)
		event(t, w, `{"choices":`+raw+`}`)
		if w.Signs().Text != want {
			t.Errorf("%s: %d bytes, want %d", raw, w.Signs().Text, want)
		}
		w = NewWatcher(false)
		if err := w.Reply([]byte(`{"choices":` + raw + `}`)); err != nil || w.Signs().Text != want {
			t.Errorf("the reply %s: %v, %d bytes, want %d", raw, err, w.Signs().Text, want)
		}
		event(t, all, `{"choices":`+raw+`}`)
		total += want
	}
	if all.Signs().Text != total {
		t.Errorf("all together are %d bytes, want %d", all.Signs().Text, total)
	}
}

func TestAnErrorOfAChoiceIsReported(t *testing.T) {
	const choice = `"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"error","error":{"code":502,"message":"Provider disconnected"}}]}`
	for _, data := range []string{`{"id":"gen-1",` + choice, `{"id":"gen-1","error":null,` + choice} {
		var e *dialect.ReportedError
		if err := NewWatcher(false).Event(&dialect.Event{Data: []byte(data)}); !errors.As(err, &e) || e.Failure.Status != 502 || e.Failure.Message != "Provider disconnected" {
			t.Errorf("the event: %v", err)
		}
		if err := NewWatcher(false).Reply([]byte(data)); !errors.As(err, &e) || e.Failure.Status != 502 {
			t.Errorf("the reply: %v", err)
		}
	}
	for _, data := range []string{
		`{"choices":[{"index":0,"delta":{"content":"an \"error\":{\"code\":502}"},"error":null}]}`,
		`{"choices":[{"index":0,"delta":{"content":"x","tool_calls":[{"error":{"code":502}}]}}]}`,
	} {
		event(t, NewWatcher(false), data)
	}
}

func TestTheRoleIsNoAnswerAndTheErrorBehindItIsFound(t *testing.T) {
	w := NewWatcher(true)
	if e := event(t, w, contract.Stream[0]); e.Output {
		t.Error("a role counts as output")
	}
	err := w.Event(&dialect.Event{Name: []byte("error"), Data: []byte(`{"error":{"message":"Failed to call a function.","type":"invalid_request_error","code":"tool_use_failed","status_code":400}}`)})
	var e *dialect.ReportedError
	if !errors.As(err, &e) || e.Failure.Status != 400 || e.Failure.Code != "tool_use_failed" || w.Signs().Whole {
		t.Errorf("got %v, %+v", err, w.Signs())
	}
}

func TestAReplyWithoutChoicesIsNoReply(t *testing.T) {
	for _, body := range []string{`{}`, `{"choices":null}`, `{"choices":{}}`, `{"choices":"x"}`, `{"object":"list","data":[]}`, `[{"choices":[]}]`} {
		if err := NewWatcher(false).Reply([]byte(body)); !errors.Is(err, dialect.ErrMalformed) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestTheEndOfAStreamIsCompletedOnce(t *testing.T) {
	w := NewWatcher(false)
	event(t, w, contract.Stream[2])
	if b := w.AppendEnd([]byte("kept ")); string(b) != "kept data: [DONE]\n\n" {
		t.Errorf("got %q", b)
	}
	event(t, w, "[DONE]")
	if b := w.AppendEnd(nil); len(b) > 0 {
		t.Errorf("got %q behind the end", b)
	}
}

func TestTheErrorEventIsOpenAIsEnvelope(t *testing.T) {
	b := NewWatcher(false).AppendError(nil, llm.NewError(llm.CodeStreamInterrupted, "It broke off."))
	const want = `data: {"error":{"message":"It broke off.","type":"server_error","param":null,"code":"stream_interrupted"}}` + "\n\n"
	if string(b) != want {
		t.Errorf("got %q, want %q", b, want)
	}
}
