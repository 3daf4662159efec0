package messages

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

func TestErrorsAreAsAnthropicSaysThem(t *testing.T) {
	for status, want := range map[int]string{
		400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error",
		404: "not_found_error", 408: "timeout_error", 413: "request_too_large", 422: "invalid_request_error", 429: "rate_limit_error",
		500: "api_error", 502: "api_error", 503: "overloaded_error", 504: "timeout_error", 529: "overloaded_error", 0: "invalid_request_error",
	} {
		e := &llm.Error{Status: status, Message: "a \"quoted\"\nline \xff"}
		body := NewFrontDoor().AppendError([]byte("kept"), e)
		if got, want := string(body), `kept{"type":"error","error":{"type":"`+want+`","message":"a \"quoted\"\nline `+"\ufffd"+`"}}`; got != want {
			t.Errorf("%d: %s, want %s", status, got, want)
		}
		events := dialecttest.Events(AppendErrorEvent(nil, e))
		if len(events) != 1 || string(events[0].Name) != "error" || !json.Valid(events[0].Data) {
			t.Errorf("%d: %d events", status, len(events))
		}
		var reported *dialect.ReportedError
		if _, err := New().Stream().Event(nil, events[0].Name, events[0].Data); !errors.As(err, &reported) {
			t.Errorf("%d is read back as %v", status, err)
		}
	}
}

func TestADamagedRequestIsTheClientsFault(t *testing.T) {
	for _, body := range []string{``, `{`, `[]`, `{"messages":7}`, `{"model":"m"}`, `{"messages":[],"messages":[]}`} {
		var e *llm.Error
		if _, err := NewFrontDoor().Question([]byte(body)); !errors.As(err, &e) || e.Status != 400 {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestWhatIsNoReplyIsMalformed(t *testing.T) {
	for _, body := range []string{``, ` `, `{`, `[]`, `7`, `null`, `<html>`, `{}`, `{"content":"x"}`, `{"choices":[]}`, `{"choices":[{}]}`} {
		if got, err := New().Reply([]byte(body)); !errors.Is(err, dialect.ErrMalformed) {
			t.Errorf("%s: %s, %v", body, got, err)
		}
		if got, err := NewFrontDoor().Answer([]byte(body)); !errors.Is(err, dialect.ErrMalformed) {
			t.Errorf("%s: %s, %v", body, got, err)
		}
	}
}

func TestAStreamIsOverAfterItsEnd(t *testing.T) {
	s := New().Stream()
	if b, err := s.Event(nil, nil, []byte(`{"type":"message_stop"}`)); err != nil || len(b) == 0 {
		t.Fatalf("%q %v", b, err)
	}
	for _, data := range []string{`{"type":"message_stop"}`, `{"type":"content_block_delta","delta":{"text":"x"}}`, `[DONE]`} {
		if b, err := s.Event(nil, nil, []byte(data)); err != nil || len(b) > 0 {
			t.Errorf("%s: %q %v", data, b, err)
		}
	}
	if b := s.End(nil); len(b) > 0 {
		t.Errorf("the end lacks %q", b)
	}
}

func TestACallThatIsOverIsNotGoneOnWith(t *testing.T) {
	s := NewFrontDoor().Events()
	chunk := func(index string) []byte {
		return []byte(`{"id":"1","choices":[{"index":0,"delta":{"tool_calls":[{"index":` + index + `,"id":"x","function":{"name":"f","arguments":"{"}}]}}]}`)
	}
	for _, index := range []string{"0", "0", "1"} {
		if _, err := s.Event(nil, nil, chunk(index)); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := s.Event(nil, nil, chunk("0")); !errors.Is(err, dialect.ErrMalformed) {
		t.Errorf("got %s, %v", b, err)
	}
}

func TestAStreamThatBreaksOffHasOnlyTheUsageOfItsBegin(t *testing.T) {
	w := NewWatcher()
	for _, step := range []struct {
		data      string
		beginning bool
	}{
		{`{"type":"message_start","message":{"id":"msg_1","usage":{"input_tokens":8,"cache_read_input_tokens":3,"output_tokens":1}}}`, true},
		{`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a long answer"}}`, true},
		{`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":40}}`, false},
	} {
		if err := w.Event(&dialect.Event{Data: []byte(step.data)}); err != nil {
			t.Fatal(err)
		}
		if s := w.Signs(); s.Beginning != step.beginning || s.Usage.Input != 11 {
			t.Errorf("after %s: beginning %v, usage %+v", step.data, s.Beginning, s.Usage)
		}
	}
}
