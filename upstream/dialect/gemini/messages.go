package gemini

import (
	"fmt"
	"slices"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// conversation is the messages of a request on their way into contents. Google has two roles,
// user and model, and wants them in turn: messages of a role that follow each other become
// one content.
type conversation struct {
	r        *request
	contents []byte // the request up to contents, the last of which is open
	role     string // that of the content that is open, "" for none
	system   []byte // parts of the system instruction
	calls    []call
	results  []result // of a row of tool messages, not yet written
}

// message is one message of the hub.
type message struct {
	path                                            string
	role, name, callID                              gjson.Result
	content, refusal, calls, images, details, extra gjson.Result
	audio, older                                    gjson.Result
}

func messageOf(path string, v gjson.Result) (m message) {
	m.path = path
	fields := map[string]*gjson.Result{
		"role": &m.role, "name": &m.name, "tool_call_id": &m.callID, "content": &m.content, "refusal": &m.refusal,
		"tool_calls": &m.calls, "images": &m.images, "reasoning_details": &m.details, "audio": &m.audio, "function_call": &m.older,
	}
	v.ForEach(func(name, value gjson.Result) bool {
		if f := fields[name.String()]; f != nil && given(value) {
			*f = value
		}
		return true
	})
	m.extra = v
	return m
}

// messages appends contents and the system instruction.
//
// System and developer messages go into the system instruction wherever they stand, each as
// a part of its own, for as contents they would be the words of a user: Google has no role
// for them. When there are no other messages, they are the contents, which must not be
// empty. The names of messages are dropped.
func (r *request) messages(b []byte) ([]byte, error) {
	c := &conversation{r: r, contents: append(member(b, "contents"), '[')}
	var err error
	i := 0
	r.take("messages").ForEach(func(_, v gjson.Result) bool {
		err = c.message(messageOf(fmt.Sprintf("messages[%d]", i), v))
		i++
		return err == nil
	})
	if err != nil {
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
		b = append(append(append(member(b, "systemInstruction"), `{"parts":[`...), c.system...), `]}`...)
	}
	return b, nil
}

func (c *conversation) message(m message) error {
	if given(m.name) && m.role.Str != "tool" {
		c.r.drop("messages[].name")
	}
	switch m.role.String() {
	case "tool":
		return c.result(m)
	case "system", "developer":
		return c.instruction(m)
	case "user":
		c.flush()
		return c.each(m.content, m.path, func(part []byte) { c.part("user", part) })
	case "assistant":
		c.flush()
		return c.answer(m)
	}
	return &dialect.UnsupportedError{Field: m.path + ".role", Why: "Gemini has no role " + shorten(m.role.String())}
}

// part writes a part, or parts with commas between them, into the content of a role.
func (c *conversation) part(role string, part []byte) {
	if c.role != role {
		if c.role != "" {
			c.contents = append(c.contents, `]}`...)
		}
		c.contents = append(element(c.contents), `{"role":"`...)
		c.contents = append(append(c.contents, role...), `","parts":[`...)
		c.role = role
	}
	c.contents = append(element(c.contents), part...)
}

// each calls write with the parts of a message's content: a text, or a list. Empty texts are
// passed over, since Vertex AI refuses them.
func (c *conversation) each(content gjson.Result, path string, write func(part []byte)) error {
	if content.Type == gjson.String {
		if inner(content) != "" {
			write(textPart(content.Raw, ""))
		}
		return nil
	}
	var err error
	i := 0
	content.ForEach(func(_, v gjson.Result) bool {
		var part []byte
		part, err = c.content(v, fmt.Sprintf("%s.content[%d]", path, i))
		i++
		if err == nil && len(part) > 0 {
			write(part)
		}
		return err == nil
	})
	return err
}

// instruction adds a system or developer message. Google wants text alone.
func (c *conversation) instruction(m message) error {
	if t := m.content; t.IsArray() {
		for i, p := range t.Array() {
			if p.Get("type").String() != "text" {
				return &dialect.UnsupportedError{Field: fmt.Sprintf("%s.content[%d]", m.path, i), Why: "Gemini's system instruction is text alone"}
			}
		}
	}
	return c.each(m.content, m.path, func(part []byte) { c.system = append(element(c.system), part...) })
}

// answer adds an assistant message: its thoughts that have a signature, its text, its images
// and its calls, in the order in which Gemini writes them.
func (c *conversation) answer(m message) error {
	if given(m.audio) {
		return &dialect.UnsupportedError{Field: m.path + ".audio", Why: "sound in answers is not translated"}
	}
	if given(m.older) {
		return &dialect.UnsupportedError{Field: m.path + ".function_call", Why: "is older than tool_calls and not translated"}
	}
	d := detailsOf(m.details)
	for _, thought := range d.thoughts {
		c.part("model", []byte(thought))
	}
	signature := signatureIn(m.extra)
	if signature == "" {
		signature = d.text
	}
	var parts [][]byte
	keep := func(part []byte) { parts = append(parts, part) }
	if err := c.each(m.content, m.path, keep); err != nil {
		return err
	}
	if len(parts) == 0 && inner(m.refusal) != "" {
		keep(textPart(m.refusal.Raw, ""))
	}
	calls := m.calls.Array()
	switch {
	case signature == "":
	case len(parts) > 0:
		last := len(parts) - 1
		parts[last] = append(raw(parts[last][:len(parts[last])-1], "thoughtSignature", signature), '}')
	case len(calls) > 0 && signatureIn(m.extra) == "" && signatureIn(calls[0]) == "" && d.calls == nil:
		d.first = signature // OpenRouter does not say which part
	default:
		keep(textPart(`""`, signature))
	}
	for _, part := range parts {
		c.part("model", part)
	}
	for i, image := range m.images.Array() {
		part, err := appendMedia(nil, image.Get("image_url.url").String(), fmt.Sprintf("%s.images[%d]", m.path, i))
		if err != nil {
			return err
		}
		part = append(raw(part[:len(part)-1], "thoughtSignature", signatureIn(image)), '}')
		c.part("model", part)
	}
	for i, v := range calls {
		signature := d.of(v, i)
		if i == 0 && signature == "" && c.r.family.signs() {
			signature = placeholder
		}
		part, err := c.call(v, fmt.Sprintf("%s.tool_calls[%d]", m.path, i), signature)
		if err != nil {
			return err
		}
		c.part("model", part)
	}
	return nil
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
