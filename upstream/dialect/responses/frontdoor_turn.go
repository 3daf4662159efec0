package responses

import (
	"errors"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// turn is what the model said in one go: adjacent items of reasoning, text and calls, which
// chat has in one message. What is text stands as inside a JSON string.
type turn struct {
	thought, details []byte
	said, refused    []byte
	calls            []byte
	ids              []string // of the calls
}

// assistant adds a message to the turn. A second text is a message of its own, unless calls
// came between: nothing may stand between those and their outputs.
func (q *question) assistant(content gjson.Result) error {
	t := &q.turn
	if len(t.said)+len(t.refused) > 0 && len(t.calls) == 0 {
		if err := q.endTurn(); err != nil {
			return err
		}
	}
	var said, refused []byte
	if content.Type == gjson.String {
		said = append(said, hub.Inside(content)...)
	}
	err := hub.Elements(content, func(_ int, part gjson.Result) error {
		switch part.Get("type").Str {
		case "output_text", "input_text", "text":
			said = append(said, hub.Inside(part.Get("text"))...)
		case "refusal":
			refused = append(refused, hub.Inside(part.Get("refusal"))...)
		default:
			return hub.Unsupported("", "is content that chat does not have for an assistant")
		}
		return nil
	})
	if len(said) > 0 && len(t.said) > 0 {
		t.said = append(t.said, `\n\n`...)
	}
	t.said = append(t.said, said...)
	t.refused = append(t.refused, refused...)
	return err
}

// sealStart is how an encrypted_content begins that this package made: see seal.
const sealStart = `{"type":"reasoning.`

// thought adds an item of reasoning to the turn: its text to reasoning_content, which vendors
// of open models know, and what is encrypted to reasoning_details. That is the detail which
// became the item when it came from chat, with its text in it again; OpenAI's own becomes
// {"type":"reasoning.encrypted","data":…,"format":"openai-responses-v1","id":…}.
func (q *question) thought(item gjson.Result) error {
	t := &q.turn
	var text []byte
	for _, name := range [...]string{"summary", "content"} {
		hub.Each(item.Get(name), func(part gjson.Result) bool {
			if piece := hub.Inside(part.Get("text")); piece != "" {
				if len(text) > 0 {
					text = append(text, `\n\n`...)
				}
				text = append(text, piece...)
			}
			return true
		})
		if len(text) > 0 {
			break // the summary is of the content
		}
	}
	if len(text) > 0 {
		if len(t.said)+len(t.refused) > 0 && len(t.calls) == 0 { // the model has begun anew
			if err := q.endTurn(); err != nil {
				return err
			}
		}
		if len(t.thought) > 0 {
			t.thought = append(t.thought, `\n\n`...)
		}
		t.thought = append(t.thought, text...)
	}
	sealed := item.Get("encrypted_content")
	switch {
	case hub.Inside(sealed) == "":
	case strings.HasPrefix(sealed.Str, sealStart) && gjson.Valid(sealed.Str):
		t.details = unseal(t.details, gjson.Parse(sealed.Str), text)
	default:
		t.details = append(hub.Comma(t.details), `{"type":"reasoning.encrypted","data":`...)
		t.details = append(t.details, sealed.Raw...)
		t.details = append(t.details, `,"format":"`+hub.OpenAIFormat+`"`...)
		if id := item.Get("id"); hub.Inside(id) != "" {
			t.details = hub.Member(t.details, "id", id.Raw)
		}
		t.details = append(t.details, '}')
	}
	return nil
}

// unseal appends the detail that seal has made an encrypted_content of.
func unseal(b []byte, detail gjson.Result, text []byte) []byte {
	b = append(hub.Comma(b), '{')
	detail.ForEach(func(key, value gjson.Result) bool {
		if key.Str == "text" || key.Str == "summary" {
			return true
		}
		b = hub.Copy(b, key, value)
		if key.Str == "type" && value.Str == "reasoning.text" {
			b = hub.Quoted(b, "text", text)
		}
		return true
	})
	return append(b, '}')
}

// called adds a call of a tool to the turn.
func (q *question) called(item gjson.Result) error {
	id := item.Get("call_id")
	if hub.Inside(id) == "" {
		return hub.Unsupported("call_id", "is missing")
	}
	name, why := joinName(item.Get("namespace"), item.Get("name"))
	if why != "" {
		return hub.Unsupported("name", why)
	}
	t := &q.turn
	t.ids = append(t.ids, id.Str)
	t.calls = append(hub.Comma(t.calls), `{"id":`...)
	t.calls = append(t.calls, id.Raw...)
	t.calls = append(t.calls, `,"type":"function","function":{"name":"`...)
	t.calls = append(append(t.calls, name...), `","arguments":`...)
	if item.Get("type").Str == "custom_tool_call" {
		t.calls = llm.AppendString(t.calls, `{"`+freeformInput+`":`+hub.StringOr(item.Get("input"), `""`)+"}")
	} else if arguments := item.Get("arguments"); hub.Inside(arguments) != "" {
		t.calls = append(t.calls, arguments.Raw...)
	} else {
		t.calls = append(t.calls, `"{}"`...)
	}
	t.calls = append(t.calls, "}}"...)
	return nil
}

// errBroken says that broken does: an output that is refused is not the item at which the turn
// has ended.
var errBroken = errors.New("an output is refused")

// endTurn writes the turn as a message, and behind it the outputs of its calls, wherever they
// are in the input: chat wants each output right behind the message that called for it. A turn
// of reasoning alone, which chat cannot say, is named as dropped.
func (q *question) endTurn() error {
	t := &q.turn
	if len(t.said)+len(t.refused)+len(t.calls) == 0 {
		if len(t.thought)+len(t.details) > 0 {
			q.dropped.Add("reasoning")
			*t = turn{}
		}
		return nil
	}
	b := append(hub.Comma(q.messages), `{"role":"assistant","content":`...)
	if len(t.said) > 0 {
		b = append(append(append(b, '"'), t.said...), '"')
	} else {
		b = append(b, "null"...)
	}
	if len(t.refused) > 0 {
		b = hub.Quoted(b, "refusal", t.refused)
	}
	if len(t.thought) > 0 {
		b = hub.Quoted(b, "reasoning_content", t.thought)
	}
	b = hub.List(b, "reasoning_details", t.details)
	b = hub.List(b, "tool_calls", t.calls)
	q.messages = append(b, '}')
	ids := t.ids
	*t = turn{}
	var images []byte
	for _, id := range ids {
		at, ok := q.nextOutput(id)
		if !ok {
			continue
		}
		var err error
		if images, err = q.output(images, at); err != nil {
			q.broken = hub.In("input["+strconv.Itoa(at)+"]", err)
			return errBroken
		}
	}
	q.pictures(images)
	return nil
}

// nextOutput returns the first item that is an output of the call and has not been written.
func (q *question) nextOutput(id string) (int, bool) {
	if q.outputs == nil {
		q.outputs = make(map[string][]int)
		for i, item := range q.items {
			if isOutput(item.Get("type").Str) && !q.written[i] {
				call := item.Get("call_id").Str
				q.outputs[call] = append(q.outputs[call], i)
			}
		}
	}
	waiting := q.outputs[id]
	for len(waiting) > 0 && q.written[waiting[0]] {
		waiting = waiting[1:]
	}
	if len(waiting) == 0 {
		return 0, false
	}
	q.outputs[id] = waiting[1:]
	return waiting[0], true
}
