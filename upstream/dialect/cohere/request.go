package cohere

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// request is the translation of one request.
type request struct {
	q     dialect.Question
	in    hub.Request
	own   []byte       // Cohere's own members, with commas between them
	think gjson.Result // its own thinking

	messages []byte // with commas between them
	calls    hub.Calls
	tools    []byte // with commas between them
	lax      bool   // a tool's arguments need not follow its schema
	strict   bool   // those of another have to
	choosy   bool   // the request has a word of its own about strict tools
	dropped  hub.Drops
}

// unable is what Cohere has no word for.
var unable = hub.Unable{
	N: "Cohere gives one answer", Logprobs: "Cohere's log probabilities are not translated", LogitBias: "Cohere has no bias of tokens",
	Audio: "Cohere has no sound", Prediction: "Cohere takes no prediction", WebSearch: "Cohere has no web search",
	Modalities: "Cohere answers in text alone",
}

// Request implements dialect.Translator.
//
// What it decides, beside the counterparts that are plain:
//   - The text of a message that calls tools becomes its tool_plan, and comes back from it.
//   - tool_choice for one tool sends that tool alone, and asks for some tool: Cohere names none.
//   - strict_tools is for all tools or for none. It is sent when all are strict, else strict is
//     named as dropped.
//   - response_format is taken by Cohere when there are no tools. With tools, the model is made
//     to call one of them, or one more, that the client does not see, with its answer.
//   - top_p from 0.99 on is the whole, and not said; penalties outside of Cohere's range, 0 to 1,
//     are moved into it and named as dropped.
//   - reasoning_effort none turns thinking off, minimal and low bound it, and the others turn it
//     on, at models that think; for others it is named as dropped.
func (translator) Request(q dialect.Question) (dialect.Translated, error) {
	r := request{q: q}
	if err := r.in.Open(q.Body, unable, r.member); err != nil {
		return dialect.Translated{}, err
	}
	if err := r.in.EachMessage(r.message); err != nil {
		return dialect.Translated{}, err
	}
	b := append(make([]byte, 0, len(q.Body)+256), '{')
	b = hub.Member(b, "model", hub.Quote(q.Model))
	if q.Stream {
		b = hub.Member(b, "stream", "true")
	}
	b = append(append(hub.Member(b, "messages", "["), r.messages...), ']')
	b, err := r.toolsAndFormat(b)
	if err != nil {
		return dialect.Translated{}, err
	}
	if b, err = r.parameters(b); err != nil {
		return dialect.Translated{}, err
	}
	if len(r.own) > 0 {
		b = append(append(b, ','), r.own...)
	}
	return dialect.Translated{Body: append(b, '}'), Dropped: r.dropped}, nil
}

// member takes a member that the hub does not know the place of.
func (r *request) member(name, value gjson.Result) {
	switch name.Str {
	case "seed", "documents", "citation_options", "safety_mode", "k", "priority":
		r.own = hub.Copy(r.own, name, value)
	case "top_k":
		r.own = hub.Member(r.own, "k", value.Raw)
	case "strict_tools":
		r.own, r.choosy = hub.Copy(r.own, name, value), true
	case "thinking":
		r.own, r.think = hub.Copy(r.own, name, value), value
	default:
		r.dropped.Add(name.Str)
	}
}

// message writes one message.
func (r *request) message(m hub.Message) error {
	if m.Named() {
		r.dropped.Add("messages.name")
	}
	switch m.Role {
	case hub.System:
		return r.say("system", &m)
	case hub.User:
		return r.say("user", &m)
	case hub.Tool, hub.Function:
		return r.result(&m)
	case hub.Assistant:
		return r.assistant(&m)
	}
	return hub.Unsupported("role", "is no role that Cohere has")
}

// say writes a message of a role with its content.
func (r *request) say(role string, m *hub.Message) error {
	content, err := r.content(m, role == "user")
	if err != nil || len(content) == 0 {
		return err
	}
	r.messages = append(append(hub.Comma(r.messages), `{"role":"`...), role...)
	r.messages = append(append(r.messages, `","content":[`...), content...)
	r.messages = append(r.messages, `]}`...)
	return nil
}

// content returns the parts of a message, with commas between them. Empty texts are left out.
func (r *request) content(m *hub.Message, images bool) (b []byte, err error) {
	err = m.EachPart(func(p hub.Part) error {
		switch {
		case p.Type == "text", p.Type == "refusal":
			if hub.Inside(p.Text) != "" {
				b = append(hub.Comma(b), `{"type":"text","text":`...)
				b = append(append(b, p.Text.Raw...), '}')
			}
			return nil
		case p.Type == "image_url" && images:
			return r.image(&b, &p)
		case p.Type == "image_url":
			return hub.Unsupported("", "Cohere takes images of the user's alone")
		}
		return hub.Unsupported("", "Cohere takes texts and images alone")
	})
	return b, err
}

// image writes an image, by its address or in itself.
// Source: https://docs.cohere.com/docs/image-inputs.
func (r *request) image(b *[]byte, p *hub.Part) error {
	url := p.URL.Str
	if !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "data:image/") {
		return hub.Unsupported("image_url.url", "Cohere takes addresses of http and https, and data URIs of images")
	}
	*b = append(hub.Comma(*b), `{"type":"image_url","image_url":{"url":`...)
	*b = append(*b, p.URL.Raw...)
	if p.Detail != "" {
		*b = hub.Member(*b, "detail", hub.Quote(p.Detail))
	}
	*b = append(*b, `}}`...)
	return nil
}

// assistant writes what the model said before.
func (r *request) assistant(m *hub.Message) error {
	if hub.Present(m.Audio) {
		return hub.Unsupported("audio", unable.Audio)
	}
	content, err := r.content(m, false)
	if err != nil {
		return err
	}
	if len(content) == 0 && hub.Inside(m.Refusal) != "" {
		content = append([]byte(`{"type":"text","text":`), append([]byte(m.Refusal.Raw), '}')...)
	}
	var calls []byte
	if err := r.calls.Each(m, func(c hub.Call) error {
		arguments, err := c.Object()
		if err != nil {
			return err
		}
		calls = append(hub.Comma(calls), `{"id":`...)
		calls = append(append(calls, hub.Quote(c.ID)...), `,"type":"function","function":{"name":`...)
		calls = append(append(calls, c.Name...), `,"arguments":`...)
		calls = append(append(calls, hub.Quote(arguments)...), `}}`...)
		return nil
	}); err != nil {
		return err
	}
	thoughts := r.thoughts(m)
	if len(content)+len(calls)+len(thoughts) == 0 {
		return nil
	}
	b := append(hub.Comma(r.messages), `{"role":"assistant"`...)
	if len(calls) > 0 {
		b = plan(b, content)
		content = nil
	}
	if len(content) > 0 && len(thoughts) > 0 {
		thoughts = append(thoughts, ',')
	}
	b = hub.List(b, "content", append(thoughts, content...))
	b = hub.List(b, "tool_calls", calls)
	r.messages = append(b, '}')
	return nil
}

// plan appends the tool_plan of a message that calls tools: its texts.
func plan(b, content []byte) []byte {
	if len(content) == 0 {
		return b
	}
	b = hub.JoinTexts(append(b, `,"tool_plan":"`...), content)
	return append(b, '"')
}

// thoughts returns the reasoning that Cohere itself has given, as parts of a content, with commas
// between them. The deltas of one thought are joined.
func (r *request) thoughts(m *hub.Message) (b []byte) {
	some, lost, open := false, false, false
	at := int64(0)
	m.Details.ForEach(func(_, d gjson.Result) bool {
		text := hub.Inside(d.Get("text"))
		if d.Get("format").Str != thoughtFormat || text == "" {
			lost = true
			return true
		}
		if index := d.Get("index").Int(); !open || index != at {
			if at = index; open {
				b = append(b, `"}`...)
			}
			b = append(hub.Comma(b), `{"type":"thinking","thinking":"`...)
		}
		b = append(b, text...)
		some, open = true, true
		return true
	})
	if open {
		b = append(b, `"}`...)
	}
	m.DropThoughts(&r.dropped, some, lost)
	return b
}

// result writes what a tool has answered.
func (r *request) result(m *hub.Message) error {
	id, err := r.calls.Answered(m)
	if err != nil {
		return err
	}
	content, err := r.content(m, false)
	if err != nil {
		return err
	}
	if len(content) == 0 { // every call has its answer, be it empty
		content = []byte(`{"type":"text","text":""}`)
	}
	r.messages = append(hub.Comma(r.messages), `{"role":"tool","tool_call_id":`...)
	r.messages = append(append(r.messages, hub.Quote(id)...), `,"content":[`...)
	r.messages = append(append(r.messages, content...), `]}`...)
	return nil
}
