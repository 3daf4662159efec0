package converse

import (
	"bytes"
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/claude"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// stream implements dialect.Stream for the events of ConverseStream, as Frames reads them.
//
// The usage comes in the event metadata, behind messageStop; so the chunk with the finish
// reason, the one with the usage and the mark of the end are held back until then, or until
// the stream ends. Every event has a member p of random padding. Events, blocks and deltas of
// kinds that are not known are passed over.
// Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html.
type stream struct {
	doc, part, inner llm.Document
	from             translator
	out              hub.Chunks
	twin             hub.Twin
	done             bool

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
	if b, _, ok := s.twin.Match(b, name, data); ok {
		return b, nil
	}
	s.twin.Forget()
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
	if !s.out.Identified() {
		s.out.Identify(s.from.head())
	}
	switch string(name) {
	case "contentBlockDelta":
		return s.delta(b, e), hub.TooMany(len(s.blocks))
	case "contentBlockStart":
		return s.start(b), hub.TooMany(len(s.blocks))
	case "contentBlockStop":
		return s.stopBlock(b, s.at()), nil
	case "messageStart":
		return s.out.Begin(b), nil
	case "messageStop":
		reason, _ := s.doc.Get("stopReason")
		s.stop, s.stopped = dialect.Unquote(reason), true
		b = s.stopBlocks(b)
		if s.usage.Known {
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
	case use.Get("name").Str == hub.AnswerTool:
		next.kind = answerKind
	default:
		next.index = s.calls
		s.calls++
		b = s.out.Call(b, next.index, hub.StringOr(use.Get("toolUseId"), `""`), hub.StringOr(use.Get("name"), `""`))
	}
	s.blocks = append(s.blocks, next)
	return b
}

// delta goes on with a block. What it says is copied as it stands.
func (s *stream) delta(b []byte, e dialect.Event) []byte {
	delta := s.doc.Find("delta")
	if delta == nil || llm.ParseReplyInto(&s.part, e.Data[delta.ValueStart:delta.ValueEnd]) != nil {
		return b
	}
	s.out.Mark()
	for i := range s.part.Members {
		m := &s.part.Members[i]
		value := s.part.Raw[m.ValueStart:m.ValueEnd]
		at := delta.ValueStart + m.ValueStart
		switch m.Name {
		case "text":
			if isText(value) {
				b = s.out.Text(b, "content", value)
				s.keep(e, value, at)
			}
		case "toolUse":
			if input, in := s.inside(value, "input"); input != nil {
				b = s.input(b, s.open(s.at()), input)
				s.keep(e, input, at+in)
			}
		case "reasoningContent":
			b = s.reasoning(b, value)
			if text, in := s.inside(value, "text"); text != nil {
				s.keep(e, text, at+in)
			}
		}
	}
	return b
}

// keep keeps an event as the twin of those that follow, but for p.
func (s *stream) keep(e dialect.Event, text []byte, at int) {
	s.twin.Keep(&s.out, e, text, at)
	if p := s.doc.Find("p"); p != nil {
		s.twin.Free(p.ValueStart+1, p.ValueEnd-1, false)
	}
}

// isText says whether a value is a text that is not empty.
func isText(value []byte) bool { return len(value) > 2 && value[0] == '"' }

// inside returns a member of an object inside a delta, and where it stands in the object, if it
// is a text that is not empty, else nil.
func (s *stream) inside(object []byte, name string) (text []byte, at int) {
	if llm.ParseReplyInto(&s.inner, object) != nil {
		return nil, 0
	}
	m := s.inner.Find(name)
	if m == nil || !isText(object[m.ValueStart:m.ValueEnd]) {
		return nil, 0
	}
	return object[m.ValueStart:m.ValueEnd], m.ValueStart
}

// input appends a piece of what a tool is called with.
func (s *stream) input(b []byte, k *block, raw []byte) []byte {
	switch {
	case k == nil || k.kind != callKind && k.kind != answerKind:
		return b
	case !k.sent && !k.null && string(raw) == `"null"`:
		k.null = true
		return b
	case k.null:
		k.null = false
		b = s.input(b, &block{kind: k.kind, index: k.index, sent: true}, []byte(`"null"`))
	}
	k.sent = true
	if k.kind == answerKind {
		return s.out.Text(b, "content", raw)
	}
	return s.out.Arguments(b, k.index, raw)
}

// reasoning appends a piece of what the model thinks: text, its signature, or what is redacted.
// The block has no beginning of its own.
func (s *stream) reasoning(b, object []byte) []byte {
	if content, _ := s.inside(object, "redactedContent"); content != nil {
		d := redactedDetail(gjson.ParseBytes(content))
		b = s.out.Detail(b, hub.Detail[[]byte]{Data: []byte(d.Data), Format: d.Format, Index: s.details})
		s.details++
		return b
	}
	text, _ := s.inside(object, "text")
	signature, _ := s.inside(object, "signature")
	if text == nil && signature == nil {
		return b
	}
	at := s.at()
	k := s.open(at)
	if k == nil {
		s.blocks = append(s.blocks, block{kind: thoughtKind, at: at, index: s.details})
		k = &s.blocks[len(s.blocks)-1]
		s.details++
	}
	if text != nil {
		b = s.out.Detail(b, hub.Detail[[]byte]{Text: text, Index: k.index})
	}
	if signature != nil {
		b = s.out.Detail(b, hub.Detail[[]byte]{Signature: signature, Format: claude.DetailFormat, Index: k.index})
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
				b = s.input(b, &k, []byte(`"{}"`))
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
	b = s.out.Finish(b, finish(s.stop, s.calls > 0), "")
	s.done = true
	return s.out.End(b, s.usage.Usage())
}
