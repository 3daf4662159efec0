package gemini

import (
	"slices"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// conversation is the messages of a request on their way into contents. Google has two roles,
// user and model, and wants them in turn: messages of a role that follow each other become
// one content.
type conversation struct {
	r        *request
	contents []byte // the request up to contents, the last of which is open
	role     string // that of the content that is open, "" for none
	system   []byte // parts of the system instruction
	ids      hub.Calls
	calls    []call
	results  []result // of a row of tool messages, not yet written
}

// messages appends contents and the system instruction.
//
// System and developer messages go into the system instruction wherever they stand, each as
// a part of its own, for as contents they would be the words of a user: Google has no role
// for them. When there are no other messages, they are the contents, which must not be
// empty. The names of messages are dropped.
func (r *request) messages(b []byte) ([]byte, error) {
	c := &conversation{r: r, contents: append(hub.Name(b, "contents"), '['), ids: hub.Calls{Lone: true}}
	if err := r.in.EachMessage(func(m hub.Message) error { return c.message(&m) }); err != nil {
		return b, err
	}
	c.flush()
	if c.role == "" && len(c.system) > 0 {
		c.part("user", c.system)
		c.system = nil
	}
	if c.role != "" {
		c.contents = append(c.contents, `]}`...)
	}
	b = append(c.contents, ']')
	if len(c.system) > 0 {
		b = append(hub.List(hub.Member(b, "systemInstruction", "{"), "parts", c.system), '}')
	}
	return b, nil
}

func (c *conversation) message(m *hub.Message) error {
	if m.Named() {
		c.r.dropped.Add("messages[].name")
	}
	switch m.Role {
	case hub.Tool:
		return c.result(m)
	case hub.System:
		return c.instruction(m)
	case hub.User:
		c.flush()
		return c.each(m, func(part []byte) { c.part("user", part) })
	case hub.Assistant:
		c.flush()
		return c.answer(m)
	default:
		return hub.Unsupported("role", "Gemini has no role "+shorten(string(m.Role)))
	}
}

// part writes a part, or parts with commas between them, into the content of a role.
func (c *conversation) part(role string, part []byte) {
	if c.role != role {
		if c.role != "" {
			c.contents = append(c.contents, `]}`...)
		}
		c.contents = append(hub.Comma(c.contents), `{"role":"`...)
		c.contents = append(append(c.contents, role...), `","parts":[`...)
		c.role = role
	}
	c.contents = append(hub.Comma(c.contents), part...)
}

// each calls write with the parts of a message's content: a text, or a list. Empty texts are
// passed over, since Vertex AI refuses them.
func (c *conversation) each(m *hub.Message, write func(part []byte)) error {
	return m.EachPart(func(p hub.Part) error {
		part, err := c.content(&p)
		if err == nil && len(part) > 0 {
			write(part)
		}
		return err
	})
}

// instruction adds a system or developer message. Google wants text alone.
func (c *conversation) instruction(m *hub.Message) error {
	if err := m.EachPart(func(p hub.Part) error {
		if p.Type != "text" {
			return hub.Unsupported("", "Gemini's system instruction is text alone")
		}
		return nil
	}); err != nil {
		return err
	}
	return c.each(m, func(part []byte) { c.system = append(hub.Comma(c.system), part...) })
}

// answer adds an assistant message: its thoughts that have a signature, its text, its images
// and its calls, in the order in which Gemini writes them.
func (c *conversation) answer(m *hub.Message) error {
	if hub.Present(m.Audio) {
		return hub.Unsupported("audio", "sound in answers is not translated")
	}
	if hub.Present(m.FunctionCall) {
		return hub.Unsupported("function_call", "is older than tool_calls and not translated")
	}
	d := detailsOf(m)
	for _, thought := range d.thoughts {
		c.part("model", []byte(thought))
	}
	signature := signatureIn(m.All)
	if signature == "" {
		signature = d.text
	}
	var parts [][]byte
	keep := func(part []byte) { parts = append(parts, part) }
	if err := c.each(m, keep); err != nil {
		return err
	}
	if len(parts) == 0 && hub.Inside(m.Refusal) != "" {
		keep(textPart(m.Refusal.Raw, ""))
	}
	first := m.Calls.Get("0")
	switch {
	case signature == "":
	case len(parts) > 0:
		last := len(parts) - 1
		parts[last] = append(hub.Given(parts[last][:len(parts[last])-1], "thoughtSignature", signature), '}')
	case first.Exists() && signatureIn(m.All) == "" && signatureIn(first) == "" && d.calls == nil:
		d.first = signature // OpenRouter does not say which part
	default:
		keep(textPart(`""`, signature))
	}
	for _, part := range parts {
		c.part("model", part)
	}
	err := hub.Listed("images", m.Images, func(_ int, image gjson.Result) error {
		part, err := appendMedia(nil, image.Get("image_url.url").String())
		if err != nil {
			return err
		}
		part = append(hub.Given(part[:len(part)-1], "thoughtSignature", signatureIn(image)), '}')
		c.part("model", part)
		return nil
	})
	if err != nil {
		return err
	}
	i := 0
	return c.ids.Each(m, func(call hub.Call) error {
		signature := d.of(&call, i)
		if i == 0 && signature == "" && c.r.family.signs() {
			signature = placeholder
		}
		i++
		c.part("model", c.call(&call, signature))
		return nil
	})
}

// flush writes the results of a row of tool messages as one content, in the order of the
// calls: without ids, that order is all by which Gemini tells them apart.
func (c *conversation) flush() {
	slices.SortStableFunc(c.results, func(a, b result) int { return a.call - b.call })
	for _, r := range c.results {
		c.part("user", r.part)
	}
	c.results = c.results[:0]
}
