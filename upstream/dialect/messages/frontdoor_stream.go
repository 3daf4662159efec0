package messages

import (
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// events implements dialect.Stream for a client: it turns the hub's chunks into Anthropic's
// events. There is one block open at a time, as Anthropic sends them; a chunk that says
// something of another kind, or of another call, ends it and begins the next.
//
// The end waits for the hub's own, since the usage comes behind the finish reason.
// Source: https://platform.claude.com/docs/en/build-with-claude/streaming.
type events struct {
	doc   llm.Document
	begun bool
	done  bool

	kind   kind  // of the open block; noBlock when none is
	index  int   // of the open block
	call   int64 // the hub's index of the call whose block is open
	calls  int   // calls that have begun
	last   int64 // the highest of the hub's indexes that has begun
	detail int64 // the hub's index of the reasoning detail whose block is open
	blocks int   // blocks that have begun

	finish string
	usage  llm.Usage
}

// Events implements dialect.FrontDoor.
func (frontDoor) Events() dialect.Stream { return &events{last: -1} }

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
	choice, ok := hub.OnlyChoice(&s.doc)
	if !ok {
		return b, nil
	}
	b = s.begin(b)
	delta := choice.Get("delta")
	b = s.thoughts(b, delta)
	for _, name := range [...]string{"content", "refusal"} {
		if v := delta.Get(name); v.IsArray() {
			v.ForEach(func(_, part gjson.Result) bool {
				b = s.text(b, part.Get("text"))
				return true
			})
		} else {
			b = s.text(b, v)
		}
	}
	err = hub.Elements(delta.Get("tool_calls"), func(i int, call gjson.Result) error {
		var err error
		b, err = s.toolCall(b, i, call)
		return err
	})
	if reason := choice.Get("finish_reason").Str; reason != "" {
		s.finish = reason
	}
	return b, err
}

// End implements dialect.Stream: a stream that has said why it ends is whole without the
// hub's mark of the end.
func (s *events) End(b []byte) []byte {
	if s.done || s.finish == "" {
		return b
	}
	s.done = true
	b = s.stopBlock(b)
	b = append(b, "event: message_delta\n"+`data: {"type":"message_delta","delta":{"stop_reason":"`...)
	b = append(b, stopReason(s.finish, s.calls > 0)...)
	b = append(b, `","stop_sequence":null},"usage":`...)
	b = appendMessages(b, s.usage)
	return append(b, "}\n\nevent: message_stop\n"+`data: {"type":"message_stop"}`+"\n\n"...)
}

// begin appends message_start. What was used is not known yet and is said at the end, where
// clients take it over.
func (s *events) begin(b []byte) []byte {
	if s.begun {
		return b
	}
	s.begun = true
	id, _ := s.doc.Get("id")
	model, _ := s.doc.Get("model")
	b = append(b, "event: message_start\n"+`data: {"type":"message_start","message":{"id":`...)
	b = appendMessageID(b, gjson.ParseBytes(id))
	b = append(b, `,"type":"message","role":"assistant","model":`...)
	b = append(b, hub.StringOr(gjson.ParseBytes(model), `""`)...)
	b = append(b, `,"content":[],"stop_reason":null,"stop_sequence":null,"usage":`...)
	b = appendMessages(b, s.usage)
	return append(b, "}}\n\n"...)
}

// startBlock begins a block of a kind, and ends the one before.
func (s *events) startBlock(b []byte, k kind) []byte {
	b = s.stopBlock(b)
	s.kind, s.index = k, s.blocks
	s.blocks++
	b = append(b, "event: content_block_start\n"+`data: {"type":"content_block_start","index":`...)
	b = strconv.AppendInt(b, int64(s.index), 10)
	return append(b, `,"content_block":`...)
}

func (s *events) stopBlock(b []byte) []byte {
	if s.kind == noBlock {
		return b
	}
	s.kind = noBlock
	b = append(b, "event: content_block_stop\n"+`data: {"type":"content_block_stop","index":`...)
	b = strconv.AppendInt(b, int64(s.index), 10)
	return append(b, "}\n\n"...)
}

// delta appends a delta of the open block, whose value stands in JSON.
func (s *events) delta(b []byte, typ, name, value string) []byte {
	b = append(b, "event: content_block_delta\n"+`data: {"type":"content_block_delta","index":`...)
	b = strconv.AppendInt(b, int64(s.index), 10)
	b = append(b, `,"delta":{"type":"`...)
	b = append(append(append(b, typ...), `","`...), name...)
	b = append(append(b, `":`...), value...)
	return append(b, "}}\n\n"...)
}

func (s *events) text(b []byte, v gjson.Result) []byte {
	if hub.Inside(v) == "" {
		return b
	}
	if s.kind != textKind {
		b = append(s.startBlock(b, textKind), `{"type":"text","text":""}}`+"\n\n"...)
	}
	return s.delta(b, "text_delta", "text", v.Raw)
}

// thoughts appends reasoning: in the form that keeps the signatures where there is one.
func (s *events) thoughts(b []byte, delta gjson.Result) []byte {
	detailed := false
	hub.Each(delta.Get("reasoning_details"), func(d gjson.Result) bool {
		detailed = true
		at := d.Get("index").Int()
		switch d.Get("type").Str {
		case "reasoning.text":
			b = s.thought(b, at, d.Get("text"))
			if signature := d.Get("signature"); hub.Inside(signature) != "" {
				b = s.openThought(b, at)
				b = s.delta(b, "signature_delta", "signature", signature.Raw)
			}
		case "reasoning.summary":
			b = s.thought(b, at, d.Get("summary"))
		case "reasoning.encrypted":
			b = append(s.startBlock(b, hiddenKind), `{"type":"redacted_thinking","data":`...)
			b = append(b, hub.StringOr(d.Get("data"), `""`)...)
			b = s.stopBlock(append(b, "}}\n\n"...))
		}
		return true
	})
	if detailed {
		return b
	}
	for _, name := range [...]string{"reasoning_content", "reasoning"} {
		if v := delta.Get(name); hub.Inside(v) != "" {
			return s.thought(b, 0, v)
		}
	}
	return b
}

func (s *events) openThought(b []byte, at int64) []byte {
	if s.kind == thoughtKind && s.detail == at {
		return b
	}
	s.detail = at
	return append(s.startBlock(b, thoughtKind), `{"type":"thinking","thinking":"","signature":""}}`+"\n\n"...)
}

func (s *events) thought(b []byte, at int64, v gjson.Result) []byte {
	if hub.Inside(v) == "" {
		return b
	}
	return s.delta(s.openThought(b, at), "thinking_delta", "thinking", v.Raw)
}

// toolCall appends a piece of a call. A call whose block is over cannot be gone on with.
func (s *events) toolCall(b []byte, i int, call gjson.Result) ([]byte, error) {
	at := int64(i)
	if v := call.Get("index"); v.Type == gjson.Number {
		at = v.Int()
	}
	switch {
	case at > s.last:
		b = s.startCall(b, at, call)
	case s.kind != callKind || s.call != at:
		if hub.Inside(call.Get("function.arguments")) == "" {
			return b, nil
		}
		return b, dialect.ErrMalformed
	}
	if arguments := call.Get("function.arguments"); hub.Inside(arguments) != "" {
		b = s.delta(b, "input_json_delta", "partial_json", arguments.Raw)
	}
	return b, nil
}

func (s *events) startCall(b []byte, at int64, call gjson.Result) []byte {
	b = append(s.startBlock(b, callKind), `{"type":"tool_use","id":`...)
	if id := call.Get("id"); hub.Inside(id) != "" {
		b = append(b, id.Raw...)
	} else {
		b = append(b, `"toolu_`...)
		b = append(strconv.AppendInt(b, at, 10), '"')
	}
	b = append(b, `,"name":`...)
	b = append(b, hub.StringOr(call.Get("function.name"), `""`)...)
	s.call, s.last = at, at
	s.calls++
	return append(b, `,"input":{}}}`+"\n\n"...)
}
