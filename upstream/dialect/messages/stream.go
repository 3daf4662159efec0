package messages

import (
	"bytes"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/claude"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// stream implements dialect.Stream for a provider's events.
//
// The chunk with the finish reason, the one with the usage and the mark of the end come with
// message_stop, the last event; until then the usage may change. Events, blocks and deltas of
// kinds that are not known are passed over, as Anthropic asks of its clients
// (source: https://platform.claude.com/docs/en/build-with-claude/streaming).
type stream struct {
	doc, part llm.Document
	from      translator
	out       hub.Chunks
	twin      hub.Twin
	done      bool

	block   block
	details int // reasoning details that have begun
	calls   int // calls of tools that have begun
	stop    string
	refusal string // why the model refuses, a JSON string
	usage   counted
}

// kind is what a block is.
type kind int

const (
	noBlock     kind = iota // none has begun
	otherBlock              // what the hub has no word for
	textKind                // text
	thoughtKind             // thinking
	hiddenKind              // redacted thinking
	callKind                // a call of a tool
	answerKind              // a call of the gateway's own tool
)

// block is the block that is being sent. There is one at a time.
type block struct {
	kind  kind
	index int    // of the call or the reasoning detail
	input string // what a call began with; "" once it has sent something
}

// Stream implements dialect.Translator.
func (t translator) Stream() dialect.Stream { return &stream{from: t} }

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
	if bytes.Equal(bytes.TrimSpace(data), []byte("[DONE]")) {
		return b, nil // some servers of others mix the two
	}
	if llm.ParseReplyInto(&s.doc, data) != nil {
		return b, dialect.ErrMalformed
	}
	if s.done {
		return b, nil
	}
	typ, _ := s.doc.Get("type")
	if len(typ) > 1 && typ[0] == '"' {
		name = typ[1 : len(typ)-1]
	}
	if !s.out.Identified() { // some servers leave out message_start
		s.out.Identify(s.from.head(gjson.Result{}))
	}
	switch string(name) {
	case "content_block_delta":
		return s.delta(b, e), nil
	case "content_block_start":
		return s.start(b), nil
	case "content_block_stop":
		return s.stopBlock(b), nil
	case "message_start":
		return s.begin(b), nil
	case "message_delta":
		s.messageDelta()
		return b, nil
	case "message_stop":
		return s.finish(b), nil
	case "ping":
		return b, nil
	}
	return b, dialect.ReadError(data)
}

// End implements dialect.Stream. Nothing is lacking after message_stop, and without it the
// stream is broken.
func (s *stream) End(b []byte) []byte { return b }

// begin appends the first chunk, which has the role, and keeps what every chunk says.
func (s *stream) begin(b []byte) []byte {
	raw, _ := s.doc.Get("message")
	message := gjson.ParseBytes(raw)
	s.out.Identify(s.from.head(message))
	s.usage.add(message.Get("usage"))
	return s.out.Begin(b)
}

// start begins a block.
func (s *stream) start(b []byte) []byte {
	raw, _ := s.doc.Get("content_block")
	v := gjson.ParseBytes(raw)
	s.block = block{kind: otherBlock}
	switch v.Get("type").Str {
	case "text":
		s.block.kind = textKind
		if t := v.Get("text"); hub.Inside(t) != "" {
			return s.out.Text(b, "content", []byte(t.Raw))
		}
	case "thinking":
		s.block.kind, s.block.index = thoughtKind, s.details
		s.details++
		if t := v.Get("thinking"); hub.Inside(t) != "" {
			b = s.thought(b, hub.Detail[[]byte]{Text: []byte(t.Raw)})
		}
		if t := v.Get("signature"); hub.Inside(t) != "" {
			b = s.thought(b, hub.Detail[[]byte]{Signature: []byte(t.Raw)})
		}
	case "redacted_thinking":
		s.block.kind = hiddenKind
		data := []byte(hub.StringOr(v.Get("data"), `""`))
		b = s.out.Detail(b, hub.Detail[[]byte]{Data: data, Format: claude.DetailFormat, Index: s.details})
		s.details++
	case "tool_use":
		s.block.input = input(v)
		if v.Get("name").Str == hub.AnswerTool {
			s.block.kind = answerKind
			return b
		}
		s.block.kind, s.block.index = callKind, s.calls
		s.calls++
		b = s.out.Call(b, s.block.index, hub.StringOr(v.Get("id"), `""`), hub.StringOr(v.Get("name"), `""`))
	}
	return b
}

// delta goes on with the block. What it says is copied as it stands.
func (s *stream) delta(b []byte, e dialect.Event) []byte {
	delta := s.doc.Find("delta")
	if delta == nil || llm.ParseReplyInto(&s.part, e.Data[delta.ValueStart:delta.ValueEnd]) != nil {
		return b
	}
	s.out.Mark()
	for i := range s.part.Members {
		m := &s.part.Members[i]
		value := s.part.Raw[m.ValueStart:m.ValueEnd]
		if value[0] != '"' || len(value) == 2 {
			continue
		}
		switch m.Name {
		case "text":
			if s.block.kind == textKind || s.block.kind == noBlock {
				b = s.out.Text(b, "content", value)
			}
		case "partial_json":
			b = s.input(b, value)
		case "thinking":
			b = s.thought(b, hub.Detail[[]byte]{Text: value})
		case "signature":
			b = s.thought(b, hub.Detail[[]byte]{Signature: value})
		default:
			continue
		}
		s.twin.Keep(&s.out, e, value, delta.ValueStart+m.ValueStart)
	}
	return b
}

// input appends a piece of what a tool is called with.
func (s *stream) input(b, raw []byte) []byte {
	switch s.block.kind {
	case callKind:
		s.block.input = ""
		b = s.out.Arguments(b, s.block.index, raw)
	case answerKind:
		s.block.input = ""
		b = s.out.Text(b, "content", raw)
	}
	return b
}

// thought appends a piece of the thinking, or its signature.
func (s *stream) thought(b []byte, d hub.Detail[[]byte]) []byte {
	if s.block.kind != thoughtKind {
		return b
	}
	d.Format, d.Index = claude.DetailFormat, s.block.index
	return s.out.Detail(b, d)
}

// stopBlock ends the block. A call of a tool without parameters sends none, or only empty
// pieces; the hub wants {}.
func (s *stream) stopBlock(b []byte) []byte {
	if s.block.input != "" {
		b = s.input(b, llm.AppendString(nil, s.block.input))
	}
	s.block = block{}
	return b
}

// messageDelta keeps why the model stopped, and what it used.
func (s *stream) messageDelta() {
	raw, _ := s.doc.Get("delta")
	v := gjson.ParseBytes(raw)
	if reason := v.Get("stop_reason").Str; reason != "" {
		s.stop = reason
	}
	if why := v.Get("stop_details.explanation"); why.Type == gjson.String {
		s.refusal = why.Raw
	}
	usage, _ := s.doc.Get("usage")
	s.usage.add(gjson.ParseBytes(usage))
}

// finish appends the end of the hub's stream.
func (s *stream) finish(b []byte) []byte {
	b = s.stopBlock(b)
	b = s.out.Finish(b, finish(s.stop, s.calls > 0), s.refusal)
	s.done = true
	return s.out.End(b, s.usage.Usage())
}
