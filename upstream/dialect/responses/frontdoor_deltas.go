package responses

import (
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// content appends the text of an answer, or a refusal. Some vendors send a list of parts.
func (s *events) content(b []byte, v, logprobs gjson.Result, refusal bool) []byte {
	if !v.IsArray() {
		return s.text(b, v, logprobs, refusal)
	}
	v.ForEach(func(_, p gjson.Result) bool {
		if why := p.Get("refusal"); hub.Inside(why) != "" {
			b = s.text(b, why, gjson.Result{}, true)
		} else {
			b = s.text(b, p.Get("text"), logprobs, refusal)
			logprobs = gjson.Result{}
		}
		return true
	})
	return b
}

func (s *events) text(b []byte, v, logprobs gjson.Result, refusal bool) []byte {
	probable := logprobs.IsArray() && logprobs.Get("0").Exists() && v.Type == gjson.String
	if hub.Inside(v) == "" && !probable {
		return b
	}
	b = s.openPart(b, refusal)
	o := s.open
	at := len(o.parts) - 1
	p := &o.parts[at]
	p.text = append(p.text, hub.Inside(v)...)
	var these []byte
	if probable {
		these = []byte(logprobs.Raw)[1 : len(logprobs.Raw)-1]
		p.logprobs = append(hub.Comma(p.logprobs), these...)
	}
	if s.plain {
		return b
	}
	kind := "response.output_text.delta"
	if refusal {
		kind = "response.refusal.delta"
	}
	b = s.inPart(b, kind, at)
	b = append(append(append(b, `,"delta":"`...), hub.Inside(v)...), '"')
	if !refusal {
		b = append(append(append(b, `,"logprobs":[`...), these...), ']')
	}
	return append(b, "}\n\n"...)
}

// openPart sees to it that a message is open, with a part of that kind at its end.
func (s *events) openPart(b []byte, refusal bool) []byte {
	if s.open == nil || s.open.kind != messageItem {
		b = s.closeOpen(b)
		s.open = &output{kind: messageItem}
		b = s.add(b, s.open)
	}
	o := s.open
	if n := len(o.parts); n > 0 {
		if o.parts[n-1].refusal == refusal {
			return b
		}
		b = s.closePart(b, o)
	}
	o.parts = append(o.parts, part{refusal: refusal})
	return s.wholePart(b, "response.content_part.added", o)
}

// inPart begins an event of a part of the message that is open.
func (s *events) inPart(b []byte, kind string, at int) []byte {
	b = append(s.of(b, kind, s.open), `,"content_index":`...)
	return strconv.AppendInt(b, int64(at), 10)
}

// wholePart appends an event with the last part of a message.
func (s *events) wholePart(b []byte, kind string, o *output) []byte {
	if s.plain {
		return b
	}
	at := len(o.parts) - 1
	b = append(s.of(b, kind, o), `,"content_index":`...)
	b = append(strconv.AppendInt(b, int64(at), 10), `,"part":`...)
	return append(o.parts[at].append(b), "}\n\n"...)
}

// closePart ends the last part of a message.
func (s *events) closePart(b []byte, o *output) []byte {
	if s.plain || len(o.parts) == 0 {
		return b
	}
	at := len(o.parts) - 1
	p := &o.parts[at]
	kind, name := "response.output_text.done", "text"
	if p.refusal {
		kind, name = "response.refusal.done", "refusal"
	}
	b = append(s.of(b, kind, o), `,"content_index":`...)
	b = strconv.AppendInt(b, int64(at), 10)
	if !p.refusal {
		b = append(append(append(b, `,"logprobs":[`...), p.logprobs...), ']')
	}
	return s.wholePart(end(b, name, p.text), "response.content_part.done", o)
}

// annotation appends an annotation of the text that is open.
func (s *events) annotation(b []byte, v gjson.Result) []byte {
	annotation := appendAnnotation(nil, v)
	if len(annotation) == 0 {
		return b
	}
	b = s.openPart(b, false)
	at := len(s.open.parts) - 1
	p := &s.open.parts[at]
	p.annotations = append(hub.Comma(p.annotations), annotation...)
	p.notes++
	if s.plain {
		return b
	}
	b = append(s.inPart(b, "response.output_text.annotation.added", at), `,"annotation_index":`...)
	b = append(strconv.AppendInt(b, int64(p.notes-1), 10), `,"annotation":`...)
	return append(append(b, annotation...), "}\n\n"...)
}

// thoughts appends reasoning. Where the details have no text, that of reasoning_content counts.
func (s *events) thoughts(b []byte, delta gjson.Result) []byte {
	details := delta.Get("reasoning_details")
	told := false
	hub.Each(details, func(d gjson.Result) bool {
		told = told || hub.Inside(d.Get("text")) != "" || hub.Inside(d.Get("summary")) != ""
		return !told
	})
	if !told {
		for _, name := range [...]string{"reasoning_content", "reasoning"} {
			if v := delta.Get(name); hub.Inside(v) != "" {
				b = s.thought(b, 0, v)
				break
			}
		}
	}
	hub.Each(details, func(d gjson.Result) bool {
		at := d.Get("index").Int()
		switch d.Get("type").Str {
		case "reasoning.text":
			b = s.thought(b, at, d.Get("text"))
			if hub.Inside(d.Get("signature")) != "" {
				b = s.seal(b, at, d)
			}
		case "reasoning.summary":
			b = s.thought(b, at, d.Get("summary"))
		case "reasoning.encrypted":
			if hub.Inside(d.Get("data")) != "" {
				if s.open != nil {
					at = s.open.detail // it is the other half of the text before it
				}
				b = s.seal(b, at, d)
			}
		}
		return true
	})
	return b
}

// openThought sees to it that the item of reasoning for a detail is open.
func (s *events) openThought(b []byte, at int64) []byte {
	if o := s.open; o != nil && o.kind == reasoningItem && o.detail == at {
		return b
	}
	b = s.closeOpen(b)
	s.open = &output{kind: reasoningItem, detail: at}
	return s.add(b, s.open)
}

func (s *events) thought(b []byte, at int64, v gjson.Result) []byte {
	if hub.Inside(v) == "" {
		return b
	}
	b = s.openThought(b, at)
	o := s.open
	if len(o.text) == 0 && !s.plain {
		b = append(s.of(b, "response.reasoning_summary_part.added", o), `,"summary_index":0,"part":`...)
		b = append(appendSummary(b, nil), "}\n\n"...)
	}
	o.text = append(o.text, hub.Inside(v)...)
	if s.plain {
		return b
	}
	b = append(s.of(b, "response.reasoning_summary_text.delta", o), `,"summary_index":0`...)
	return end(b, "delta", []byte(hub.Inside(v)))
}

// seal seals the item of reasoning for a detail, which ends it.
func (s *events) seal(b []byte, at int64, detail gjson.Result) []byte {
	b = s.openThought(b, at)
	s.open.sealed = seal(detail)
	return s.closeOpen(b)
}
