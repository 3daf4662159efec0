package hub

import (
	"strconv"

	"github.com/mulligan-gateway/mulligan/llm"
)

// Chunks writes the chunks of a stream. Texts are JSON strings, whole or, as vendors cut them,
// in pieces.
type Chunks struct {
	head  []byte // a chunk up to its choices
	begun bool   // the chunk with the role is out

	// last is the chunk that was written last, if it holds one text, and the n spans are where the
	// text stands in it: see Twin. It is a part of what it was appended to.
	last  []byte
	spans [2]span
	n     int
}

// Mark begins anew with looking for a chunk that may be kept: see Twin.Keep. Only what is written
// behind it counts.
func (c *Chunks) Mark() { c.last, c.n = nil, 0 }

// wrote notes that the chunk which begins at start is one with a text at the places given, with
// its quotes. A second chunk makes the first one not the only.
func (c *Chunks) wrote(b []byte, start int, spans ...span) {
	if c.last != nil {
		c.n = 0
		return
	}
	c.last, c.n = b[start:], len(spans)
	for i, s := range spans {
		c.spans[i] = span{s.from + 1 - start, s.to - 1 - start}
	}
}

// The delta of a choice is between these.
const (
	openDelta  = `,"choices":[{"index":0,"delta":{`
	closeDelta = `},"logprobs":null,"finish_reason":null}]}` + "\n\n"
)

// Identify says what every chunk says, which has to come before the first.
func (c *Chunks) Identify(h Head) {
	c.head = h.append(append(c.head[:0], "data: "...), "chat.completion.chunk")
}

// Identified says whether it is known what every chunk says.
func (c *Chunks) Identified() bool { return len(c.head) > 0 }

// Begin appends the chunk with the role, unless it is out.
func (c *Chunks) Begin(b []byte) []byte {
	if c.begun {
		return b
	}
	c.begun = true
	b = append(append(b, c.head...), openDelta...)
	return append(b, `"role":"assistant","content":"","refusal":null`+closeDelta...)
}

// Open begins a chunk, up to the members of its delta; Close ends it.
func (c *Chunks) Open(b []byte) []byte {
	if !c.begun {
		b = c.Begin(b)
	}
	return append(append(b, c.head...), openDelta...)
}

// OpenChoice is Open for one of several choices. It says no role by itself.
func (c *Chunks) OpenChoice(b []byte, index int) []byte {
	b = c.openChoice(b, index)
	c.last, c.n = b, 0 // no chunk to be kept
	return b
}

func (c *Chunks) openChoice(b []byte, index int) []byte {
	b = append(append(b, c.head...), `,"choices":[{"index":`...)
	b = strconv.AppendInt(b, int64(index), 10)
	return append(b, `,"delta":{`...)
}

// TextChoice is Text for one of several choices, given by the inside of the text.
func (c *Chunks) TextChoice(b []byte, index int, name string, inside []byte) []byte {
	start := len(b)
	b = Quoted(c.openChoice(b, index), name, inside)
	at := len(b)
	b = append(b, closeDelta...)
	c.wrote(b, start, span{at - len(inside) - 2, at})
	return b
}

// Close ends a chunk.
func (c *Chunks) Close(b []byte) []byte { return append(b, closeDelta...) }

// Text appends a chunk whose delta is one text, such as content.
func (c *Chunks) Text(b []byte, name string, text []byte) []byte {
	if !c.begun {
		b = c.Begin(b)
	}
	start := len(b)
	b = append(append(c.Open(b), '"'), name...)
	b = append(append(b, `":`...), text...)
	at := len(b)
	b = append(b, closeDelta...)
	c.wrote(b, start, span{at - len(text), at})
	return b
}

// Detail appends a chunk with a piece of reasoning. Its text is also that which people read.
func (c *Chunks) Detail(b []byte, d Detail[[]byte]) []byte {
	if !c.begun {
		b = c.Begin(b)
	}
	start := len(b)
	b = c.Open(b)
	if len(d.Text) == 0 {
		b = d.Append(append(b, `"reasoning_details":[`...))
		c.last, c.n = b[start:], 0
		return append(b, `]`+closeDelta...)
	}
	b = append(append(b, `"reasoning_content":`...), d.Text...)
	first := len(b)
	b = append(b, `,"reasoning_details":[`...)
	second := len(b) + len(beforeText) + len(d.Text)
	b = append(d.Append(b), `]`+closeDelta...)
	c.wrote(b, start, span{first - len(d.Text), first}, span{second - len(d.Text), second})
	return b
}

// Call appends the chunk that begins a call of a tool, the index-th of the answer. id and name
// are JSON strings.
func (c *Chunks) Call(b []byte, index int, id, name string) []byte {
	b = append(c.Open(b), `"tool_calls":[{"index":`...)
	b = strconv.AppendInt(b, int64(index), 10)
	b = append(append(b, `,"id":`...), id...)
	b = append(append(b, `,"type":"function","function":{"name":`...), name...)
	c.last, c.n = b, 0 // no chunk to be kept
	return append(b, `,"arguments":""}}]`+closeDelta...)
}

// Arguments appends a chunk with a piece of what a tool is called with.
func (c *Chunks) Arguments(b []byte, index int, piece []byte) []byte {
	if !c.begun {
		b = c.Begin(b)
	}
	start := len(b)
	b = append(c.Open(b), `"tool_calls":[{"index":`...)
	b = strconv.AppendInt(b, int64(index), 10)
	b = append(append(b, `,"function":{"arguments":`...), piece...)
	at := len(b)
	b = append(b, `}}]`+closeDelta...)
	c.wrote(b, start, span{at - len(piece), at})
	return b
}

// Finish appends the chunk with the finish reason of the one choice, and with why the model
// refuses, a JSON string, "" for none.
func (c *Chunks) Finish(b []byte, reason, refusal string) []byte {
	b = Given(c.Open(b), "refusal", refusal)
	return c.finish(b, reason)
}

// FinishChoice is Finish for one of several choices.
func (c *Chunks) FinishChoice(b []byte, index int, reason string) []byte {
	return c.finish(c.OpenChoice(b, index), reason)
}

func (c *Chunks) finish(b []byte, reason string) []byte {
	b = append(append(b, `},"logprobs":null,"finish_reason":"`...), reason...)
	return append(b, `"}]}`+"\n\n"...)
}

// End appends the chunk with the usage, where the vendor has said one, and the mark of the
// end. The usage is there whether or not the client asked for it, since the gateway counts by
// it; a stream without one has no chunk for it, which is not the same as none used.
func (c *Chunks) End(b []byte, u llm.Usage) []byte {
	if u.Known {
		b = append(AppendUsage(c.OpenUsage(b), u), "}\n\n"...)
	}
	return append(b, Done...)
}

// Done is the mark of the end.
const Done = "data: [DONE]\n\n"

// OpenUsage begins the chunk with the usage, up to its value, which a brace follows.
func (c *Chunks) OpenUsage(b []byte) []byte {
	return append(append(b, c.head...), `,"choices":[],"usage":`...)
}
