package invoke

import (
	"slices"
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// events implements dialect.Stream for a client: each of the hub's chunks becomes an event with
// what it adds to the message, so that the contents one after the other are the answer. How the
// choices end is held back for the last event, which is the final one, since what was used comes
// behind it.
type events struct {
	exit *Exit
	doc  llm.Document

	model    string
	finished []finished
	usage    llm.Usage
	done     bool
}

// finished is how a choice has ended.
type finished struct {
	index  int64
	reason string // JSON
}

// Events implements dialect.Exit.
func (x *Exit) Events() dialect.Stream { return &events{exit: x} }

// Event implements dialect.Stream.
func (s *events) Event(b []byte, name, data []byte) ([]byte, error) {
	end, err := hub.ReadChunk(&s.doc, name, data)
	switch {
	case err != nil:
		return b, err
	case end:
		return s.End(b), nil
	case s.done:
		return b, nil
	}
	hub.ReadUsage(&s.doc, &s.usage)
	if s.model == "" {
		s.model, _ = s.doc.String("model")
	}
	raw, _ := s.doc.Get("choices")
	var said []byte
	gjson.ParseBytes(raw).ForEach(func(_, choice gjson.Result) bool {
		said = s.choice(said, choice)
		return true
	})
	if len(said) == 0 {
		return b, nil
	}
	b = s.exit.appendHead(append(b, "data: "...), s.model, false)
	b = append(append(b, `,"choices":[`...), said...)
	return append(b, "]}\n\n"...), nil
}

// choice appends what a chunk says of a choice, and notes how it ends.
func (s *events) choice(b []byte, choice gjson.Result) []byte {
	index := choice.Get("index").Int()
	if reason := choice.Get("finish_reason"); reason.Type == gjson.String {
		s.finished = append(s.finished, finished{index, reason.Raw})
	}
	delta := choice.Get("delta")
	if !meaningful(delta) {
		return b
	}
	b = append(hub.Comma(b), `{"index":`...)
	b = strconv.AppendInt(b, index, 10)
	b = append(b, `,"message":`...)
	return append(appendAnswer(b, delta), `,"finish_reason":null}`...)
}

// meaningful says whether a delta says anything.
func meaningful(delta gjson.Result) bool {
	found := false
	delta.ForEach(func(name, value gjson.Result) bool {
		found = name.Str != "role" && !dialect.IsEmpty([]byte(value.Raw))
		return !found
	})
	return found
}

// End implements dialect.Stream: a stream that has said how it ends is whole without the hub's
// mark of the end.
func (s *events) End(b []byte) []byte {
	if s.done || len(s.finished) == 0 {
		return b
	}
	s.done = true
	x := s.exit
	b = x.appendHead(append(b, "data: "...), s.model, true)
	b = append(b, `,"finalized":"`...)
	b = append(x.Now().UTC().AppendFormat(b, isoTime), '"')
	b = append(b, `,"provider_response":null`...)
	if x.IncludeUsage {
		b = appendUsage(append(b, `,"usage":`...), s.usage)
	}
	b = append(b, `,"choices":[`...)
	slices.SortFunc(s.finished, func(a, b finished) int { return int(a.index - b.index) })
	for i, f := range s.finished {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"index":`...)
		b = strconv.AppendInt(b, f.index, 10)
		b = append(b, `,"message":{"type":"content","role":"assistant","content":""},"finish_reason":`...)
		b = append(append(b, f.reason...), '}')
	}
	return append(b, "]}\n\ndata: [DONE]\n\n"...)
}

// AppendError appends the event that ends a stream with an error. SDKs that check events find no
// answer in it, and so say that it failed.
func (s *events) AppendError(b []byte, e *llm.Error) []byte { return AppendErrorEvent(b, e) }

// AppendErrorEvent is AppendError for a stream that has not begun.
func AppendErrorEvent(b []byte, e *llm.Error) []byte {
	b = AppendError(append(b, "data: "...), e)
	return append(b, "\n\n"...)
}

// Mock returns a mock's reply, or its stream.
func (x *Exit) Mock(content string, stream bool) []byte {
	said := llm.AppendString(nil, content)
	if !stream {
		b := append([]byte(`{"choices":[{"index":0,"message":{"role":"assistant","content":`), said...)
		b, err := x.Answer(append(b, `},"finish_reason":"stop"}]}`...))
		if err != nil {
			return AppendError(nil, llm.NewError(llm.CodeInternalError, "The mock's reply could not be written.").WithCause(err))
		}
		return b
	}
	s := x.Events()
	chunk := append([]byte(`{"choices":[{"index":0,"delta":{"content":`), said...)
	b, err := s.Event(nil, nil, append(chunk, `},"finish_reason":"stop"}]}`...))
	if err != nil {
		return AppendErrorEvent(nil, llm.NewError(llm.CodeInternalError, "The mock's reply could not be written.").WithCause(err))
	}
	return s.End(b)
}
