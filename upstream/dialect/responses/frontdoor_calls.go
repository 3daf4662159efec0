package responses

import (
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// call appends what a piece of a call says; i is its place in the list. A whole message has
// whole calls, and in a stream another id is another call, whatever its index says: some
// vendors give all of them the same.
func (s *events) call(b []byte, i int64, v gjson.Result) []byte {
	if !s.plain && hub.TooMany(len(s.calls)) != nil {
		return b // Event refuses the stream
	}
	if index := v.Get("index"); index.Type == gjson.Number {
		i = index.Int()
	}
	id, name := hub.Inside(v.Get("id")), hub.Inside(v.Get("function.name"))
	var o *output
	for n := len(s.calls) - 1; n >= 0 && !s.plain && o == nil; n-- {
		if c := s.calls[n]; c.call.index == i && (id == "" || c.call.id == "" || c.call.id == id || name == "") {
			o = c
		}
	}
	if o == nil {
		b = s.closeOpen(b)
		o = &output{kind: functionItem}
		o.call.index = i
		s.calls = append(s.calls, o)
	}
	c := &o.call
	if c.id == "" {
		c.id = id
	}
	if c.name == "" {
		c.name = name
	}
	if signature := v.Get("extra_content.google.thought_signature"); hub.Inside(signature) != "" && c.id != "" {
		b = s.seal(b, 0, signed(c.id, signature))
	}
	pieces := hub.Inside(v.Get("function.arguments"))
	if before := c.freeform.verdict; before != isFunction {
		if c.freeform.add(pieces); before == unknown && c.freeform.verdict == isCustom {
			c.text = c.text[:0] // it was no text of the input's
		}
	}
	if c.freeform.verdict == isCustom {
		c.text = c.freeform.take(c.text, false)
	} else {
		c.text = append(c.text, pieces...)
	}
	b = s.tell(b, false)
	return s.sendCall(b, o)
}

// tell begins the calls that are known well enough, in their order: by their name, and by
// arguments that say whether they are of a custom tool. At the end all of them are.
func (s *events) tell(b []byte, all bool) []byte {
	for ; s.told < len(s.calls); s.told++ {
		o := s.calls[s.told]
		c := &o.call
		if !all && (c.name == "" || c.freeform.verdict == unknown) {
			return b
		}
		if c.freeform.verdict == isCustom {
			o.kind = customItem
		}
		if c.id == "" {
			c.id = "call_" + s.head.tail + "_" + strconv.Itoa(s.told)
		}
		text := c.text
		c.text = nil
		b = s.add(b, o)
		c.text = text
		b = s.sendCall(b, o)
	}
	return b
}

// sendCall appends what the client does not have yet of the arguments of a call that it knows.
func (s *events) sendCall(b []byte, o *output) []byte {
	c := &o.call
	piece := c.text[c.sent:]
	if len(piece) == 0 || s.plain || !s.knows(o) {
		return b
	}
	c.sent = len(c.text)
	kind := "response.function_call_arguments.delta"
	if o.kind == customItem {
		kind = "response.custom_tool_call_input.delta"
	}
	return end(s.of(b, kind, o), "delta", piece)
}

// knows says whether the client knows of a call.
func (s *events) knows(o *output) bool { return o.at < len(s.output) && s.output[o.at] == o }

// closeCalls ends the calls. One without arguments has an empty object of them, as clients
// read them as JSON.
func (s *events) closeCalls(b []byte) []byte {
	for _, o := range s.calls {
		c := &o.call
		if o.kind == customItem {
			c.text = c.freeform.take(c.text, true)
		} else if len(c.text) == 0 {
			c.text = []byte("{}")
		}
		if s.plain {
			continue
		}
		b = s.sendCall(b, o)
		if o.kind == customItem {
			b = end(s.of(b, "response.custom_tool_call_input.done", o), "input", c.text)
		} else {
			namespace, name := splitName(c.name)
			b = hub.Quoted(s.of(b, "response.function_call_arguments.done", o), "name", []byte(name))
			if namespace != "" {
				b = hub.Quoted(b, "namespace", []byte(namespace))
			}
			b = end(b, "arguments", c.text)
		}
		b = s.doneItem(b, o)
	}
	return b
}

// signed returns the detail of reasoning that stands for the signature of a call, in
// OpenRouter's form: Google's endpoint for chat keeps it at the call, where responses have no
// place for it, and Gemini refuses the call without it
// (source: https://ai.google.dev/gemini-api/docs/thought-signatures).
func signed(id string, signature gjson.Result) gjson.Result {
	return gjson.Parse(`{"type":"reasoning.encrypted","data":` + signature.Raw + `,"format":"` + hub.GoogleFormat + `","id":"` + id + `"}`)
}
