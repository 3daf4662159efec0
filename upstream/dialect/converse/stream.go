package converse

import (
	"bytes"
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// stream implements dialect.Stream for the events of ConverseStream, as Frames reads them.
//
// The usage comes in the event metadata, behind messageStop; so the chunk with the finish
// reason, the one with the usage and the mark of the end are held back until then, or until
// the stream ends. Every event has a member p of random padding. Events, blocks and deltas of
// kinds that are not known are passed over.
// Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html.
type stream struct {
	doc, part llm.Document
	from      translator

	// head is a chunk up to its delta, once there is one.
	head  []byte
	begun bool // the chunk with the role is out
	done  bool

	blocks  []block // that have begun and not stopped
	details int     // reasoning details that have begun
	calls   int     // calls of tools that have begun
	stopped bool    // messageStop has come
	stop    string
	usage   counted
}

// kind is what a block is.
type kind int

const (
	otherBlock  kind = iota // what the hub has no word for
	thoughtKind             // reasoning
	callKind                // a call of a tool
	answerKind              // a call of the gateway's own tool
)

// block is a block that is being sent. Texts need none.
type block struct {
	kind  kind
	at    int64 // contentBlockIndex, which counts blocks of all kinds
	index int   // of the call or the reasoning detail
	// sent says that something of what the tool is called with is out; null that all that has
	// come is the word null, as Cohere's models say for no parameters.
	sent, null bool
}

// Event implements dialect.Stream. name is the event's type. Frames reports exceptions itself;
// one that comes here by its name is reported too.
func (s *stream) Event(b []byte, name, data []byte) ([]byte, error) {
	if bytes.HasSuffix(name, []byte("Exception")) {
		return b, exception(string(name), data)
	}
	e := dialect.Event{Name: name, Data: data}
	if err := e.NamedError(); err != nil {
		return b, err
	}
	if llm.ParseReplyInto(&s.doc, data) != nil {
		return b, dialect.ErrMalformed
	}
	if s.done {
		return b, nil
	}
	switch string(name) {
	case "contentBlockDelta":
		return s.delta(b), nil
	case "contentBlockStart":
		return s.start(b), nil
	case "contentBlockStop":
		return s.stopBlock(b, s.at()), nil
	case "messageStart":
		return s.begin(b), nil
	case "messageStop":
		reason, _ := s.doc.Get("stopReason")
		s.stop, s.stopped = dialect.Unquote(reason), true
		b = s.stopBlocks(b)
		if s.usage.known {
			return s.finish(b), nil
		}
		return b, nil
	case "metadata":
		usage, _ := s.doc.Get("usage")
		s.usage.add(gjson.ParseBytes(usage))
		if s.stopped {
			return s.finish(b), nil
		}
		return b, nil
	}
	return b, dialect.ReadError(data)
}

// End implements dialect.Stream. A stream that was stopped is whole without metadata; without
// messageStop it is broken.
func (s *stream) End(b []byte) []byte {
	if s.stopped && !s.done {
		return s.finish(b)
	}
	return b
}

// at returns the event's contentBlockIndex, -1 when it has none.
func (s *stream) at() int64 {
	raw, _ := s.doc.Get("contentBlockIndex")
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n
	}
	return -1
}

// open returns the block of an index, nil when none has begun.
func (s *stream) open(at int64) *block {
	for i := range s.blocks {
		if s.blocks[i].at == at {
			return &s.blocks[i]
		}
	}
	return nil
}

// begin appends the first chunk, which has the role.
func (s *stream) begin(b []byte) []byte {
	if s.begun {
		return b
	}
	s.begun = true
	s.head = s.from.appendHead(append(s.head, "data: "...), "chat.completion.chunk")
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

// textChunk appends a chunk whose delta is a text, given as it stands in JSON.
func (s *stream) textChunk(b, raw []byte) []byte {
	b = append(s.chunk(b), `"content":`...)
	return endChunk(append(b, raw...))
}

// start begins a block. Only calls of tools say what they are in this event; what else has
// one, is known by its deltas.
func (s *stream) start(b []byte) []byte {
	raw, _ := s.doc.Get("start")
	use := gjson.GetBytes(raw, "toolUse")
	at := s.at()
	if !use.IsObject() || s.open(at) != nil {
		return b
	}
	next := block{kind: callKind, at: at}
	switch {
	case use.Get("type").Str == serverTool:
		next.kind = otherBlock
	case use.Get("name").Str == answerTool:
		next.kind = answerKind
	default:
		next.index = s.calls
		s.calls++
		b = append(s.chunk(b), `"tool_calls":[{"index":`...)
		b = strconv.AppendInt(b, int64(next.index), 10)
		b = append(b, `,"id":`...)
		b = append(b, orEmpty(use.Get("toolUseId"))...)
		b = append(b, `,"type":"function","function":{"name":`...)
		b = append(b, orEmpty(use.Get("name"))...)
		b = endChunk(append(b, `,"arguments":""}}]`...))
	}
	s.blocks = append(s.blocks, next)
	return b
}

// delta goes on with a block. What it says is copied as it stands.
func (s *stream) delta(b []byte) []byte {
	raw, _ := s.doc.Get("delta")
	if llm.ParseReplyInto(&s.part, raw) != nil {
		return b
	}
	for i := range s.part.Members {
		m := &s.part.Members[i]
		value := s.part.Raw[m.ValueStart:m.ValueEnd]
		switch m.Name {
		case "text":
			if value[0] == '"' && len(value) > 2 {
				b = s.textChunk(b, value)
			}
		case "toolUse":
			if input := gjson.GetBytes(value, "input"); inside(input) != "" {
				b = s.input(b, s.open(s.at()), input.Raw)
			}
		case "reasoningContent":
			b = s.reasoning(b, gjson.ParseBytes(value))
		}
	}
	return b
}

// input appends a piece of what a tool is called with.
func (s *stream) input(b []byte, k *block, raw string) []byte {
	switch {
	case k == nil || k.kind != callKind && k.kind != answerKind:
		return b
	case !k.sent && !k.null && raw == `"null"`:
		k.null = true
		return b
	case k.null:
		k.null = false
		b = s.input(b, &block{kind: k.kind, index: k.index, sent: true}, `"null"`)
	}
	k.sent = true
	if k.kind == answerKind {
		return s.textChunk(b, []byte(raw))
	}
	b = append(s.chunk(b), `"tool_calls":[{"index":`...)
	b = strconv.AppendInt(b, int64(k.index), 10)
	b = append(b, `,"function":{"arguments":`...)
	return endChunk(append(append(b, raw...), "}}]"...))
}

// reasoning appends a piece of what the model thinks: text, its signature, or what is redacted.
// The block has no beginning of its own.
func (s *stream) reasoning(b []byte, v gjson.Result) []byte {
	if content := v.Get("redactedContent"); inside(content) != "" {
		b = append(s.chunk(b), `"reasoning_details":[`...)
		b = endChunk(append(appendRedacted(b, content, s.details), ']'))
		s.details++
		return b
	}
	text, signature := v.Get("text"), v.Get("signature")
	if inside(text) == "" && inside(signature) == "" {
		return b
	}
	at := s.at()
	k := s.open(at)
	if k == nil {
		s.blocks = append(s.blocks, block{kind: thoughtKind, at: at, index: s.details})
		k = &s.blocks[len(s.blocks)-1]
		s.details++
	}
	if inside(text) != "" {
		b = append(s.chunk(b), `"reasoning_content":`...)
		b = append(b, text.Raw...)
		b = append(b, `,"reasoning_details":[{"type":"reasoning.text","text":`...)
		b = endChunk(append(appendIndex(append(b, text.Raw...), k.index), ']'))
	}
	if inside(signature) != "" {
		b = append(s.chunk(b), `"reasoning_details":[{"type":"reasoning.text","signature":`...)
		b = member(append(b, signature.Raw...), "format", `"`+claudeFormat+`"`)
		b = endChunk(append(appendIndex(b, k.index), ']'))
	}
	return b
}

// stopBlock ends a block. A call of a tool without parameters sends none, only empty pieces,
// or the word null; the hub wants {}.
func (s *stream) stopBlock(b []byte, at int64) []byte {
	for i := range s.blocks {
		if s.blocks[i].at == at {
			k := s.blocks[i]
			s.blocks = append(s.blocks[:i], s.blocks[i+1:]...)
			if k.null = false; !k.sent {
				b = s.input(b, &k, `"{}"`)
			}
			break
		}
	}
	return b
}

// stopBlocks ends the blocks that have no end of their own.
func (s *stream) stopBlocks(b []byte) []byte {
	for len(s.blocks) > 0 {
		b = s.stopBlock(b, s.blocks[0].at)
	}
	return b
}

// finish appends the end of the hub's stream.
func (s *stream) finish(b []byte) []byte {
	b = s.chunk(b)
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
