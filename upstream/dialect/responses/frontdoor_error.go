package responses

import (
	"github.com/mulligan-gateway/mulligan/llm"
)

// AppendError implements dialect.FrontDoor: OpenAI's envelope
// (source: https://platform.openai.com/docs/guides/error-codes).
func (frontDoor) AppendError(b []byte, e *llm.Error) []byte { return e.AppendJSON(b) }

// AppendErrorEvent appends the events that end a client's stream with an error, for a caller
// that does not have the stream: see AppendError of the stream that Events returns.
func AppendErrorEvent(b []byte, e *llm.Error) []byte {
	return (&events{}).AppendError(b, e)
}

// AppendError appends the events that end the stream with an error, as OpenAI does: error,
// which SDKs read and which holds OpenAI's envelope as in every other dialect, and
// response.failed, which coding agents wait for.
// Source: https://platform.openai.com/docs/api-reference/responses-streaming/response/failed.
func (s *events) AppendError(b []byte, e *llm.Error) []byte {
	w := Watcher{sequence: s.sequence - 1}
	b = w.AppendError(b, e)
	s.sequence++
	if !s.begun {
		s.head = head{id: `"resp_"`, model: `""`, created: "0", tier: "null"}
	}
	s.done = true
	code := e.Code
	if code == "" {
		code = "server_error"
	}
	s.failure = llm.AppendString(s.failure[:0], code)
	s.failure = append(s.failure, `,"message":`...)
	s.failure = llm.AppendString(s.failure, e.Message)
	b = append(s.start(b, "response.failed"), `,"response":`...)
	return append(s.appendResponse(b, failed), "}\n\n"...)
}
