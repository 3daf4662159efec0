package gemini

import (
	"slices"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// stream translates one stream. An event becomes at most one chunk for each candidate, with
// the first chunk of a candidate saying its role. What ends the stream is held back until
// Google's has ended: the reason and the usage are in events of their own or with the last
// text, and older models name a reason in every event.
type stream struct {
	doc        llm.Document
	out        hub.Chunks
	twin       hub.Twin
	used       []byte // the usage of the last event, if it has not been read yet
	source     source
	candidates []candidate
	usage      usage
	ended      bool
}

// maxCandidates is how many answers are read side by side; OpenAI's n is at most 128.
const maxCandidates = 128

// Event implements dialect.Stream.
func (s *stream) Event(b []byte, name, data []byte) ([]byte, error) {
	if b, used, ok := s.twin.Match(b, name, data); ok {
		s.used = append(s.used[:0], used...)
		return b, nil
	}
	s.twin.Forget()
	s.readUsage()
	if string(name) == "error" {
		return b, (&dialect.Event{Name: name, Data: data}).NamedError()
	}
	if err := dialect.Read(&s.doc, data); err != nil {
		return b, err
	}
	var k chunk
	k.read(&s.doc, &s.usage)
	if !s.out.Identified() {
		i := identify(&k, data)
		s.out.Identify(i.Head)
		s.source = source{id: i.id, stream: true}
	}
	var err error
	position := 0
	s.out.Mark()
	hub.Each(k.candidates, func(v gjson.Result) bool {
		b, err = s.candidate(b, v, position)
		position++
		return err == nil
	})
	if err == nil && k.blocked() {
		b = s.block(b, &k)
	}
	s.keep(dialect.Event{Name: name, Data: data})
	return b, err
}

// keep keeps an event that says a piece of text and nothing else as the twin of those that
// follow. Their usage differs, in its numbers.
func (s *stream) keep(e dialect.Event) {
	candidates := s.doc.Find("candidates")
	if candidates == nil || s.doc.Find("promptFeedback") != nil {
		return
	}
	text := gjson.GetBytes(e.Data[candidates.ValueStart:candidates.ValueEnd], "0.content.parts.0.text")
	if hub.Inside(text) == "" {
		return
	}
	s.twin.Keep(&s.out, e, []byte(text.Raw), candidates.ValueStart+text.Index)
	if usage := s.doc.Find("usageMetadata"); usage != nil {
		s.twin.Free(usage.ValueStart, usage.ValueEnd, true)
	}
}

// readUsage reads the usage that has been put off.
func (s *stream) readUsage() {
	if len(s.used) > 0 {
		s.usage.read(gjson.ParseBytes(s.used))
		s.used = s.used[:0]
	}
}

// find returns the candidate of an index, which is made if need be, and nil for too many.
func (s *stream) find(index int) *candidate {
	for i := range s.candidates {
		if s.candidates[i].index == index {
			return &s.candidates[i]
		}
	}
	if len(s.candidates) == maxCandidates {
		return nil
	}
	s.candidates = append(s.candidates, candidate{index: index})
	return &s.candidates[len(s.candidates)-1]
}

// candidate appends what an event adds to a candidate, the position-th in it.
func (s *stream) candidate(b []byte, v gjson.Result, position int) ([]byte, error) {
	index := position
	var parts, logprobs, message gjson.Result
	reason := ""
	v.ForEach(func(name, value gjson.Result) bool {
		switch name.String() {
		case "index":
			index = int(count(value))
		case "content":
			parts = value.Get("parts")
		case "finishReason":
			reason = value.String()
		case "finishMessage":
			message = value
		case "logprobsResult":
			logprobs = value
		}
		return true
	})
	c := s.find(index)
	if c == nil {
		return b, dialect.ErrMalformed
	}
	a := c.read(s.source, parts)
	plain := a.plain() && reason == "" && !logprobs.Exists()
	if reason != "" {
		c.reason = reason
		c.close(s.source, &a)
		if err := c.failure(message.String()); err != nil && !s.said() {
			return b, err
		}
	}
	b = s.begin(b, c)
	if a.empty() && !logprobs.Exists() {
		return b, nil
	}
	if plain {
		return s.out.TextChoice(b, c.index, "content", a.text), nil
	}
	b = s.out.OpenChoice(b, c.index)
	if len(a.text) > 0 {
		b = hub.Quoted(b, "content", a.text)
	}
	b = append(a.append(b), `},"logprobs":`...)
	return append(appendLogprobs(b, logprobs), `,"finish_reason":null}]}`+"\n\n"...), nil
}

// said says whether any candidate has said something.
func (s *stream) said() bool {
	return slices.ContainsFunc(s.candidates, func(c candidate) bool { return c.said() })
}

// begin appends the chunk that says a candidate's role, if there was none.
func (s *stream) begin(b []byte, c *candidate) []byte {
	if c.began {
		return b
	}
	c.began = true
	return s.out.Close(append(s.out.OpenChoice(b, c.index), `"role":"assistant","content":""`...))
}

// block ends the candidates that have not ended, for a prompt that Google has blocked; where
// there is none yet, there is one that says why.
func (s *stream) block(b []byte, k *chunk) []byte {
	if len(s.candidates) == 0 {
		c := s.find(0)
		b = s.begin(b, c)
		b = llm.AppendString(append(s.out.OpenChoice(b, c.index), `"refusal":`...), refusal(k))
		b = s.out.Close(b)
	}
	for i := range s.candidates {
		if c := &s.candidates[i]; c.reason == "" {
			c.reason = blocked
		}
	}
	return b
}

// End implements dialect.Stream: the finish of every candidate, the usage and the mark that
// ends the hub's streams. A stream in which a candidate has not ended gets nothing. The usage
// is there whether or not the client asked for it, since the gateway counts by it; a stream
// that said nothing of its tokens has no chunk for them, which is not the same as none used.
func (s *stream) End(b []byte) []byte {
	if s.ended || len(s.candidates) == 0 {
		return b
	}
	for i := range s.candidates {
		if s.candidates[i].reason == "" {
			return b
		}
	}
	s.ended = true
	s.readUsage()
	for i := range s.candidates {
		c := &s.candidates[i]
		b = s.out.FinishChoice(b, c.index, c.finish())
	}
	if s.usage.known {
		b = append(s.usage.append(s.out.OpenUsage(b)), "}\n\n"...)
	}
	return append(b, hub.Done...)
}
