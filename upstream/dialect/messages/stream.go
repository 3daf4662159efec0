package messages

import (
	"bytes"
	"strconv"
	"time"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// stream implements dialect.Stream for a provider's events.
//
// The chunk with the finish reason, the one with the usage and the mark of the end come with
// message_stop, the last event; until then the usage may change. Events, blocks and deltas of
// kinds that are not known are passed over, as Anthropic asks of its clients
// (source: https://platform.claude.com/docs/en/build-with-claude/streaming).
type stream struct {
	doc, part llm.Document
	now       func() time.Time

	// head is a chunk up to its delta, once it is known what it says.
	head  []byte
	begun bool // the chunk with the role is out
	done  bool

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
func (t translator) Stream() dialect.Stream { return &stream{now: t.now} }

// Event implements dialect.Stream.
func (s *stream) Event(b []byte, name, data []byte) ([]byte, error) {
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
	switch string(name) {
	case "content_block_delta":
		return s.delta(b), nil
	case "content_block_start":
		return s.start(b), nil
	case "content_block_stop":
		return s.stopBlock(b), nil
	case "message_start":
		message, _ := s.doc.Get("message")
		s.identify(gjson.ParseBytes(message))
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

// identify keeps what every chunk says.
func (s *stream) identify(message gjson.Result) {
	s.head = append(s.head[:0], `data: {"id":`...)
	s.head = append(s.head, stringOr(message.Get("id"), `""`)...)
	s.head = append(s.head, `,"object":"chat.completion.chunk","created":`...)
	s.head = strconv.AppendInt(s.head, s.now().Unix(), 10)
	s.head = append(s.head, `,"model":`...)
	s.head = append(s.head, stringOr(message.Get("model"), `""`)...)
	s.head = append(s.head, `,"choices":[`...)
	s.usage.add(message.Get("usage"))
}

// begin appends the first chunk, which has the role.
func (s *stream) begin(b []byte) []byte {
	if s.begun {
		return b
	}
	s.begun = true
	if s.head == nil {
		s.identify(gjson.Result{})
	}
	b = append(b, s.head...)
	return append(b, `{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}]}`+"\n\n"...)
}

// chunk begins a chunk, up to what its delta says; endChunk ends it.
func (s *stream) chunk(b []byte) []byte {
	b = s.begin(b)
	b = append(b, s.head...)
	return append(b, `{"index":0,"delta":{`...)
}

func endChunk(b []byte) []byte {
	return append(b, `},"logprobs":null,"finish_reason":null}]}`+"\n\n"...)
}

// textChunk appends a chunk whose delta is one text, given as it stands in JSON.
func (s *stream) textChunk(b []byte, member string, raw []byte) []byte {
	b = s.chunk(b)
	b = append(append(append(b, '"'), member...), `":`...)
	return endChunk(append(b, raw...))
}

// start begins a block.
func (s *stream) start(b []byte) []byte {
	raw, _ := s.doc.Get("content_block")
	v := gjson.ParseBytes(raw)
	s.block = block{kind: otherBlock}
	switch v.Get("type").Str {
	case "text":
		s.block.kind = textKind
		if t := v.Get("text"); inside(t) != "" {
			return s.textChunk(b, "content", []byte(t.Raw))
		}
	case "thinking":
		s.block.kind, s.block.index = thoughtKind, s.details
		s.details++
		if t := v.Get("thinking"); inside(t) != "" {
			b = s.thought(b, []byte(t.Raw))
		}
		if t := v.Get("signature"); inside(t) != "" {
			b = s.signed(b, []byte(t.Raw))
		}
	case "redacted_thinking":
		s.block.kind = hiddenKind
		b = append(s.chunk(b), `"reasoning_details":[{"type":"reasoning.encrypted","data":`...)
		b = append(b, stringOr(v.Get("data"), `""`)...)
		b = endChunk(append(appendFormat(b, s.details), ']'))
		s.details++
	case "tool_use":
		s.block.input = "{}"
		if input := v.Get("input"); input.IsObject() {
			s.block.input = input.Raw
		}
		if v.Get("name").Str == answerTool {
			s.block.kind = answerKind
			return b
		}
		s.block.kind, s.block.index = callKind, s.calls
		s.calls++
		b = append(s.chunk(b), `"tool_calls":[{"index":`...)
		b = strconv.AppendInt(b, int64(s.block.index), 10)
		b = append(b, `,"id":`...)
		b = append(b, stringOr(v.Get("id"), `""`)...)
		b = append(b, `,"type":"function","function":{"name":`...)
		b = append(b, stringOr(v.Get("name"), `""`)...)
		b = endChunk(append(b, `,"arguments":""}}]`...))
	}
	return b
}

// delta goes on with the block. What it says is copied as it stands.
func (s *stream) delta(b []byte) []byte {
	raw, _ := s.doc.Get("delta")
	if llm.ParseReplyInto(&s.part, raw) != nil {
		return b
	}
	for i := range s.part.Members {
		m := &s.part.Members[i]
		value := s.part.Raw[m.ValueStart:m.ValueEnd]
		if value[0] != '"' || len(value) == 2 {
			continue
		}
		switch m.Name {
		case "text":
			if s.block.kind == textKind || s.block.kind == noBlock {
				b = s.textChunk(b, "content", value)
			}
		case "partial_json":
			b = s.input(b, value)
		case "thinking":
			b = s.thought(b, value)
		case "signature":
			b = s.signed(b, value)
		}
	}
	return b
}

// input appends a piece of what a tool is called with.
func (s *stream) input(b, raw []byte) []byte {
	switch s.block.kind {
	case callKind:
		s.block.input = ""
		b = append(s.chunk(b), `"tool_calls":[{"index":`...)
		b = strconv.AppendInt(b, int64(s.block.index), 10)
		b = append(b, `,"function":{"arguments":`...)
		b = endChunk(append(append(b, raw...), "}}]"...))
	case answerKind:
		s.block.input = ""
		b = s.textChunk(b, "content", raw)
	}
	return b
}

// thought appends a piece of the thinking.
func (s *stream) thought(b, raw []byte) []byte {
	if s.block.kind != thoughtKind {
		return b
	}
	b = append(s.chunk(b), `"reasoning_content":`...)
	b = append(b, raw...)
	b = append(b, `,"reasoning_details":[{"type":"reasoning.text","text":`...)
	b = append(b, raw...)
	return endChunk(append(appendFormat(b, s.block.index), ']'))
}

// signed appends the signature of the thinking.
func (s *stream) signed(b, raw []byte) []byte {
	if s.block.kind != thoughtKind {
		return b
	}
	b = append(s.chunk(b), `"reasoning_details":[{"type":"reasoning.text","signature":`...)
	b = append(b, raw...)
	return endChunk(append(appendFormat(b, s.block.index), ']'))
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
	b = s.chunk(b)
	if s.refusal != "" {
		b = member(b, "refusal", s.refusal)
	}
	b = append(b, `},"logprobs":null,"finish_reason":"`...)
	b = append(b, finish(s.stop, s.calls > 0)...)
	b = append(b, `"}]}`+"\n\n"...)
	if s.usage.known {
		b = append(b, s.head...)
		b = append(b, `],"usage":`...)
		b = append(s.usage.appendHub(b), "}\n\n"...)
	}
	s.done = true
	return append(b, "data: [DONE]\n\n"...)
}
