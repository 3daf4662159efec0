package responses

import (
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// events implements dialect.Stream for a client: it turns the hub's chunks into OpenAI's typed
// events. Of reasoning and messages one item is open at a time; a chunk that says something of
// another kind ends it and begins the next. Calls stay open until the end, since some vendors
// mix the pieces of parallel ones.
//
// The end waits for the hub's own, since the usage comes behind the finish reason.
// Source: https://platform.openai.com/docs/api-reference/responses-streaming.
type events struct {
	doc   llm.Document
	plain bool // no events are wanted, but the response alone
	begun bool
	done  bool

	head     head
	sequence int64 // of the next event
	output   []*output
	open     *output   // the item of reasoning or the message that is open
	calls    []*output // in the order in which they began
	told     int       // how many of them the client knows of

	finish  string
	usage   llm.Usage
	failure []byte // code and message of a response that has failed
}

// Events implements dialect.FrontDoor.
func (frontDoor) Events() dialect.Stream { return &events{} }

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
	b = s.say(b, choice.Get("delta"), choice.Get("logprobs.content"))
	if reason := choice.Get("finish_reason").Str; reason != "" {
		s.finish = reason
	}
	return b, hub.TooMany(len(s.calls)) // whole replies do not come by here
}

// End implements dialect.Stream: a stream that has said why it ends is whole without the
// hub's mark of the end.
func (s *events) End(b []byte) []byte {
	if s.done || s.finish == "" {
		return b
	}
	s.done = true
	b = s.closeAll(b)
	status := s.status()
	b = s.start(b, "response."+status)
	b = append(b, `,"response":`...)
	return append(s.appendResponse(b, status), "}\n\n"...)
}

// begin appends the events that name the response.
func (s *events) begin(b []byte) []byte {
	if s.begun {
		return b
	}
	s.begun = true
	s.head = readHead(&s.doc)
	if s.plain {
		return b
	}
	for _, kind := range [...]string{"response.created", "response.in_progress"} {
		b = append(s.start(b, kind), `,"response":`...)
		b = append(s.appendResponse(b, inProgress), "}\n\n"...)
	}
	return b
}

// say appends the events for what a delta says, or a whole message, which has the same members.
func (s *events) say(b []byte, delta, logprobs gjson.Result) []byte {
	b = s.thoughts(b, delta)
	b = s.content(b, delta.Get("content"), logprobs, false)
	hub.Each(delta.Get("annotations"), func(v gjson.Result) bool {
		b = s.annotation(b, v)
		return true
	})
	b = s.content(b, delta.Get("refusal"), gjson.Result{}, true)
	i := int64(0)
	hub.Each(delta.Get("tool_calls"), func(v gjson.Result) bool {
		b = s.call(b, i, v)
		i++
		return true
	})
	return b
}

// start begins an event; its members follow, each behind a comma, and a brace.
func (s *events) start(b []byte, kind string) []byte {
	b = append(append(b, "event: "...), kind...)
	b = append(append(b, "\ndata: {\"type\":\""...), kind...)
	b = append(b, `","sequence_number":`...)
	b = strconv.AppendInt(b, s.sequence, 10)
	s.sequence++
	return b
}

// of begins an event of something inside an item.
func (s *events) of(b []byte, kind string, o *output) []byte {
	b = append(s.start(b, kind), `,"item_id":"`...)
	b = append(o.appendID(b, s.head.tail), `","output_index":`...)
	return strconv.AppendInt(b, int64(o.at), 10)
}

// end completes an event with a member whose value stands inside a string.
func end(b []byte, name string, value []byte) []byte {
	return append(hub.Quoted(b, name, value), "}\n\n"...)
}

// add gives an item its place in the output.
func (s *events) add(b []byte, o *output) []byte {
	o.at = len(s.output)
	s.output = append(s.output, o)
	return s.item(b, "response.output_item.added", o, inProgress)
}

// item appends an event of a whole item.
func (s *events) item(b []byte, kind string, o *output, status string) []byte {
	if s.plain {
		return b
	}
	b = append(s.start(b, kind), `,"output_index":`...)
	b = strconv.AppendInt(b, int64(o.at), 10)
	b = append(b, `,"item":`...)
	return append(o.append(b, s.head.tail, status), "}\n\n"...)
}

// closeOpen ends the item of reasoning or the message that is open.
func (s *events) closeOpen(b []byte) []byte {
	o := s.open
	if o == nil {
		return b
	}
	s.open = nil
	if s.plain {
		return b
	}
	if o.kind == messageItem {
		b = s.closePart(b, o)
	} else if len(o.text) > 0 {
		b = append(s.of(b, "response.reasoning_summary_text.done", o), `,"summary_index":0`...)
		b = end(b, "text", o.text)
		b = append(s.of(b, "response.reasoning_summary_part.done", o), `,"summary_index":0,"part":`...)
		b = append(appendSummary(b, o.text), "}\n\n"...)
	}
	return s.doneItem(b, o)
}

func (s *events) doneItem(b []byte, o *output) []byte {
	return s.item(b, "response.output_item.done", o, s.itemStatus(o.at, s.status()))
}

// closeAll ends all items.
func (s *events) closeAll(b []byte) []byte {
	b = s.tell(b, true)
	if s.open != nil && len(s.calls) > 0 && s.open.at > s.calls[0].at {
		open := s.open
		s.open = nil
		b = s.closeCalls(b)
		s.open = open
		return s.closeOpen(b)
	}
	return s.closeCalls(s.closeOpen(b))
}
