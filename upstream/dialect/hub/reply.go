package hub

import (
	"strconv"

	"github.com/mulligan-gateway/mulligan/llm"
)

// Head is how a reply is known.
type Head struct {
	// ID and Model are JSON strings.
	ID, Model string
	// Created is when the reply was made, in Unix seconds.
	Created int64
}

// append appends the beginning of a reply or of a chunk, up to what differs between chunks.
func (h *Head) append(b []byte, object string) []byte {
	b = append(append(b, `{"id":`...), h.ID...)
	b = append(append(b, `,"object":"`...), object...)
	b = append(b, `","created":`...)
	b = strconv.AppendInt(b, h.Created, 10)
	return append(append(b, `,"model":`...), h.Model...)
}

// AppendReply appends the beginning of a plain reply, up to the elements of its choices.
func (h *Head) AppendReply(b []byte) []byte {
	return append(h.append(b, "chat.completion"), `,"choices":[`...)
}

// Reply gathers what a vendor's plain reply says. Texts are insides.
type Reply struct {
	// Text is the answer, and Said whether there is one, be it empty.
	Text []byte
	Said bool
	// Thought is the reasoning that people read.
	Thought []byte
	// Refusal is why the model refuses, a JSON string, "" for none.
	Refusal string
	// More is further members of the message, with commas between them, that only one vendor has.
	More []byte

	details, calls []byte // elements, with commas between them
	nDetails       int
	nCalls         int
}

// AddText adds a text to the answer.
func (r *Reply) AddText(inside string) {
	r.Said = true
	r.Text = append(r.Text, inside...)
}

// AddDetail adds a detail of the reasoning, and gives it its index.
func (r *Reply) AddDetail(d Detail[string]) {
	d.Index = r.nDetails
	r.details = d.Append(Comma(r.details))
	r.nDetails++
}

// AddCall adds a call of a tool. id and name are JSON strings, and input is JSON. What
// AnswerTool is called with is the answer.
func (r *Reply) AddCall(id, name, input string) {
	if name == answerToolName {
		r.Said = true
		r.Text = AppendInside(r.Text, input)
		return
	}
	r.calls = append(append(Comma(r.calls), `{"id":`...), id...)
	r.calls = append(append(r.calls, `,"type":"function","function":{"name":`...), name...)
	r.calls = append(r.calls, `,"arguments":`...)
	r.calls = append(llm.AppendString(r.calls, input), "}}"...)
	r.nCalls++
}

// Called says whether the answer calls a tool of the client's.
func (r *Reply) Called() bool { return r.nCalls > 0 }

// Details returns the elements of reasoning_details, with commas between them.
func (r *Reply) Details() []byte { return r.details }

// Append appends the whole reply, with one choice, and with the usage where there is one.
func (r *Reply) Append(b []byte, h Head, finish string, u llm.Usage) []byte {
	b = append(r.appendChoice(h.AppendReply(b), finish), ']')
	if u.Known {
		b = AppendUsage(append(b, `,"usage":`...), u)
	}
	return append(b, '}')
}

// appendChoice appends the choice. The content is null where the model has only called tools.
func (r *Reply) appendChoice(b []byte, finish string) []byte {
	b = append(b, `{"index":0,"message":{"role":"assistant"`...)
	if r.Said || r.nCalls == 0 {
		b = Quoted(b, "content", r.Text)
	} else {
		b = Member(b, "content", "null")
	}
	refusal := r.Refusal
	if refusal == "" {
		refusal = "null"
	}
	b = Member(b, "refusal", refusal)
	if len(r.Thought) > 0 {
		b = Quoted(b, "reasoning_content", r.Thought)
	}
	b = List(b, "reasoning_details", r.details)
	b = List(b, "tool_calls", r.calls)
	if len(r.More) > 0 {
		b = append(append(b, ','), r.More...)
	}
	b = append(append(b, `},"logprobs":null,"finish_reason":"`...), finish...)
	return append(b, `"}`...)
}

// AppendUsage appends a usage. What was read from a cache and written to it is always said,
// since vendors bill it at prices of its own; writes for an hour, reasoning and audio where there are any.
func AppendUsage(b []byte, u llm.Usage) []byte {
	b = append(b, `{"prompt_tokens":`...)
	b = strconv.AppendInt(b, u.Input, 10)
	b = append(b, `,"completion_tokens":`...)
	b = strconv.AppendInt(b, u.Output, 10)
	b = append(b, `,"total_tokens":`...)
	b = strconv.AppendInt(b, u.Input+u.Output, 10)
	b = append(b, `,"prompt_tokens_details":{"cached_tokens":`...)
	b = strconv.AppendInt(b, u.CachedInput, 10)
	b = append(b, `,"cache_write_tokens":`...)
	b = strconv.AppendInt(b, u.CacheWrite, 10)
	if u.CacheHour > 0 {
		b = append(b, `,"cache_write_1h_tokens":`...)
		b = strconv.AppendInt(b, u.CacheHour, 10)
	}
	if u.InputAudio > 0 {
		b = append(b, `,"audio_tokens":`...)
		b = strconv.AppendInt(b, u.InputAudio, 10)
	}
	b = append(b, '}')
	if u.Reasoning > 0 || u.OutputAudio > 0 {
		b = append(b, `,"completion_tokens_details":{"reasoning_tokens":`...)
		b = strconv.AppendInt(b, u.Reasoning, 10)
		if u.OutputAudio > 0 {
			b = append(b, `,"audio_tokens":`...)
			b = strconv.AppendInt(b, u.OutputAudio, 10)
		}
		b = append(b, '}')
	}
	return append(b, '}')
}
