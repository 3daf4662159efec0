package cohere

import (
	"bytes"
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// stream implements dialect.Stream. Every event says in its data which one it is; those that
// are not known are passed over. The usage comes in the last one, message-end.
// Source: https://docs.cohere.com/docs/streaming.
type stream struct {
	doc  llm.Document
	from translator
	out  hub.Chunks
	twin hub.Twin
	done bool

	calls   []call // that have begun
	called  int    // those that the client sees
	thought int64  // the index of the last content that is a thought; details counts them
	details int
}

// call is a call of a tool.
type call struct {
	at    int64 // Cohere's index
	index int   // the hub's; -1 for the gateway's own tool
	// sent says that something of the arguments is out; null that all that has come is the word
	// null, which is how Cohere's models say that there are none.
	sent, null bool
}

// Event implements dialect.Stream.
func (s *stream) Event(b []byte, name, data []byte) ([]byte, error) {
	if b, _, ok := s.twin.Match(b, name, data); ok {
		return b, nil
	}
	s.twin.Forget()
	e := dialect.Event{Name: name, Data: data}
	if err := e.NamedError(); err != nil {
		return b, err
	}
	if s.done && bytes.Equal(bytes.TrimSpace(data), []byte("[DONE]")) {
		return b, nil
	}
	if llm.ParseReplyInto(&s.doc, data) != nil {
		return b, dialect.ErrMalformed
	}
	if s.done {
		return b, nil
	}
	if !s.out.Identified() {
		s.out.Identify(s.from.head(s.get("id")))
	}
	delta := s.get("delta")
	s.out.Mark()
	switch s.get("type").Str {
	case "message-start":
		return s.out.Begin(b), nil
	case "content-start", "content-delta":
		content := delta.Get("message.content")
		b = s.content(b, content)
		s.keep(e, content.Get("text"))
		return b, nil
	case "tool-plan-delta":
		plan := delta.Get("message.tool_plan")
		b = s.text(b, plan)
		s.keep(e, plan)
		return b, nil
	case "tool-call-start":
		return s.begin(b, delta.Get("message.tool_calls")), hub.TooMany(len(s.calls))
	case "tool-call-delta":
		arguments := delta.Get("message.tool_calls.function.arguments")
		b = s.arguments(b, s.open(), arguments)
		s.keep(e, arguments)
		return b, nil
	case "tool-call-end":
		return s.end(b, s.open()), nil
	case "citation-start":
		return s.citation(b, delta.Get("message.citations")), nil
	case "message-end":
		reason := delta.Get("finish_reason").Str
		if err := failed(reason, delta.Get("error")); err != nil {
			return b, err
		}
		return s.finish(b, reason, delta.Get("usage")), nil
	}
	return b, dialect.ReadError(data)
}

// keep keeps an event with a text of its delta as the twin of those that follow.
func (s *stream) keep(e dialect.Event, text gjson.Result) {
	if delta := s.doc.Find("delta"); delta != nil && hub.Inside(text) != "" {
		s.twin.Keep(&s.out, e, []byte(text.Raw), delta.ValueStart+text.Index)
	}
}

// End implements dialect.Stream. A stream without message-end is broken.
func (s *stream) End(b []byte) []byte { return b }

func (s *stream) get(name string) gjson.Result {
	raw, _ := s.doc.Get(name)
	return gjson.ParseBytes(raw)
}

// at returns the event's index.
func (s *stream) at() int64 {
	raw, _ := s.doc.Get("index")
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

func (s *stream) text(b []byte, v gjson.Result) []byte {
	if hub.Inside(v) == "" {
		return b
	}
	return s.out.Text(b, "content", []byte(v.Raw))
}

// content appends a piece of the answer, or of what the model thinks.
func (s *stream) content(b []byte, v gjson.Result) []byte {
	b = s.text(b, v.Get("text"))
	thought := v.Get("thinking")
	if hub.Inside(thought) == "" {
		return b
	}
	if at := s.at(); s.details == 0 || at != s.thought {
		s.thought = at
		s.details++
	}
	return s.out.Detail(b, hub.Detail[[]byte]{Text: []byte(thought.Raw), Format: thoughtFormat, Index: s.details - 1})
}

// citation appends a citation, or a list of them.
func (s *stream) citation(b []byte, v gjson.Result) []byte {
	list := v.Raw
	switch {
	case v.IsObject():
		list = "[" + list + "]"
	case !v.IsArray():
		return b
	}
	return s.out.Text(b, "citations", hub.OneLine([]byte(list), 0))
}

// begin begins a call of a tool.
func (s *stream) begin(b []byte, v gjson.Result) []byte {
	if !v.IsObject() || s.open() != nil {
		return b
	}
	c := call{at: s.at(), index: -1}
	name := v.Get("function.name")
	if name.Str != hub.AnswerTool {
		c.index = s.called
		s.called++
		b = s.out.Call(b, c.index, hub.StringOr(v.Get("id"), `""`), hub.StringOr(name, `""`))
	}
	s.calls = append(s.calls, c)
	return s.arguments(b, s.open(), v.Get("function.arguments"))
}

// open returns the call that the event is about, nil when none has begun.
func (s *stream) open() *call {
	at := s.at()
	for i := range s.calls {
		if s.calls[i].at == at {
			return &s.calls[i]
		}
	}
	return nil
}

// arguments appends a piece of what a tool is called with.
func (s *stream) arguments(b []byte, c *call, v gjson.Result) []byte {
	switch {
	case c == nil || hub.Inside(v) == "":
		return b
	case !c.sent && !c.null && v.Str == "null":
		c.null = true
		return b
	case c.null:
		c.null = false
		b = s.append(b, c, `"null"`)
	}
	return s.append(b, c, v.Raw)
}

func (s *stream) append(b []byte, c *call, piece string) []byte {
	c.sent = true
	if c.index < 0 {
		return s.out.Text(b, "content", []byte(piece))
	}
	return s.out.Arguments(b, c.index, []byte(piece))
}

// end ends a call. One without arguments has sent none, or the word null; the hub wants {}.
func (s *stream) end(b []byte, c *call) []byte {
	if c == nil || c.sent {
		return b
	}
	c.null = false
	return s.append(b, c, `"{}"`)
}

// finish appends the end of the hub's stream.
func (s *stream) finish(b []byte, reason string, used gjson.Result) []byte {
	for i := range s.calls { // those that have no end of their own
		b = s.end(b, &s.calls[i])
	}
	s.done = true
	b = s.out.Finish(b, finish(reason, s.called > 0), "")
	return s.out.End(b, usage(used))
}
