package messages

import (
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// open begins one of the hub's messages.
func (q *question) open(who string) {
	q.messages = append(hub.Comma(q.messages), `{"role":"`...)
	q.messages = append(append(q.messages, who...), `","content":`...)
}

// system writes a system prompt, or a system message inside the conversation.
func (q *question) system(content gjson.Result) error {
	if !hub.Present(content) {
		return nil
	}
	parts, err := q.parts(nil, content)
	if err != nil || len(parts) == 0 {
		return err
	}
	q.open("system")
	q.messages = append(closeParts(q.messages, parts), '}')
	return nil
}

// closeParts appends parts as the value of content: one text alone as a string, which every
// vendor takes.
func closeParts(b, parts []byte) []byte {
	list := gjson.ParseBytes(append(append([]byte{'['}, parts...), ']'))
	if all := list.Array(); len(all) == 1 && all[0].Get("type").Str == "text" {
		return append(b, all[0].Get("text").Raw...)
	}
	return append(append(append(b, '['), parts...), ']')
}

// message writes what one message of the client says, which may be several of the hub's.
func (q *question) message(m gjson.Result) error {
	content := m.Get("content")
	switch m.Get("role").Str {
	case "system":
		return hub.In("content", q.system(content))
	case "user":
		return hub.In("content", q.user(content))
	case "assistant":
		return hub.In("content", q.assistant(content))
	default:
		return hub.Unsupported("role", "is no role that is known")
	}
}

// user writes a user's message: the results of tools come first, as they have to.
func (q *question) user(content gjson.Result) error {
	var parts []byte
	err := hub.Elements(content, func(_ int, block gjson.Result) (err error) {
		if block.Get("type").Str == "tool_result" {
			parts, err = q.toolResult(parts, block)
		}
		return err
	})
	if err != nil {
		return err
	}
	parts, err = q.parts(parts, content)
	if err != nil || len(parts) == 0 {
		return err
	}
	q.open("user")
	q.messages = append(closeParts(q.messages, parts), '}')
	return nil
}

// toolResult writes a tool's result as a message. It appends to images what is no text.
func (q *question) toolResult(images []byte, block gjson.Result) ([]byte, error) {
	id := block.Get("tool_use_id")
	if hub.Inside(id) == "" {
		return images, hub.Unsupported("tool_use_id", "is missing")
	}
	q.mark(block)
	said := []byte(`"`)
	if block.Get("is_error").Type == gjson.True {
		said = append(said, "Error: "...)
	}
	content := block.Get("content")
	said = append(said, hub.Inside(content)...)
	first := true
	err := hub.Elements(content, func(_ int, part gjson.Result) error {
		switch {
		case !part.IsObject():
		case part.Get("type").Str == "text":
			if !first {
				said = append(said, `\n`...)
			}
			first = false
			said = append(said, hub.Inside(part.Get("text"))...)
			q.mark(part)
		default:
			images = append(hub.Comma(images), `{"type":"text","text":"From the result of the tool call `...)
			images = append(append(images, hub.Inside(id)...), `:"}`...)
			var why string
			if images, why = q.part(images, part); why != "" {
				return hub.Unsupported("", why)
			}
		}
		return nil
	})
	q.messages = append(hub.Comma(q.messages), `{"role":"tool","tool_call_id":`...)
	q.messages = append(append(q.messages, id.Raw...), `,"content":`...)
	q.messages = append(append(q.messages, said...), `"}`...)
	return images, hub.In("content", err)
}

// assistant writes what the model said before: text, reasoning_details and calls of tools.
func (q *question) assistant(content gjson.Result) error {
	said := []byte(hub.Inside(content))
	var thoughts hub.Reply
	var calls []byte
	err := hub.Elements(content, func(_ int, block gjson.Result) error {
		switch kind := block.Get("type").Str; kind {
		case "text":
			said = append(said, hub.Inside(block.Get("text"))...)
		case "thinking", "redacted_thinking":
			addThinking(&thoughts, block)
		case "tool_use":
			calls = appendCall(calls, block)
		default:
			return hub.Unsupported("", "is content of a kind that chat does not have")
		}
		q.mark(block)
		return nil
	})
	details := thoughts.Details()
	if err != nil || len(said)+len(details)+len(calls) == 0 {
		return err
	}
	q.open("assistant")
	if len(said) > 0 || len(calls) == 0 {
		q.messages = append(append(append(q.messages, '"'), said...), '"')
	} else {
		q.messages = append(q.messages, "null"...)
	}
	q.messages = hub.List(q.messages, "reasoning_details", details)
	q.messages = hub.List(q.messages, "tool_calls", calls)
	q.messages = append(q.messages, '}')
	return nil
}

// appendCall appends a tool_use as the hub's call.
func appendCall(b []byte, block gjson.Result) []byte {
	b = append(hub.Comma(b), `{"id":`...)
	b = append(b, hub.StringOr(block.Get("id"), `""`)...)
	b = append(b, `,"type":"function","function":{"name":`...)
	b = append(b, hub.StringOr(block.Get("name"), `""`)...)
	b = append(b, `,"arguments":`...)
	return append(llm.AppendString(b, input(block)), "}}"...)
}

// parts appends the hub's parts for content: a text or a list of blocks.
func (q *question) parts(b []byte, content gjson.Result) ([]byte, error) {
	if content.Type == gjson.String {
		return hub.AppendText(b, content), nil
	}
	if !content.IsArray() {
		return b, hub.Unsupported("", "is neither a text nor a list")
	}
	err := hub.Elements(content, func(_ int, block gjson.Result) error {
		if block.Get("type").Str == "tool_result" {
			return nil
		}
		next, why := q.part(b, block)
		if why != "" {
			return hub.Unsupported("", why)
		}
		b = next
		return nil
	})
	return b, err
}

// part appends the hub's part for a block; why says why there is none.
func (q *question) part(b []byte, block gjson.Result) (_ []byte, why string) {
	q.mark(block)
	source := block.Get("source")
	kind, from := block.Get("type").Str, source.Get("type").Str
	switch {
	case kind == "text":
		return hub.AppendText(b, block.Get("text")), ""
	case kind == "image" && from == "base64":
		b = append(hub.Comma(b), `{"type":"image_url","image_url":{"url":"`...)
		return append(appendDataURI(b, source), `"}}`...), ""
	case kind == "image" && from == "url":
		b = append(hub.Comma(b), `{"type":"image_url","image_url":{"url":`...)
		return append(append(b, hub.StringOr(source.Get("url"), `""`)...), "}}"...), ""
	case kind == "document" && from == "base64":
		b = append(hub.Comma(b), `{"type":"file","file":{"filename":`...)
		b = append(b, hub.StringOr(block.Get("title"), `"document.pdf"`)...)
		b = append(b, `,"file_data":"`...)
		return append(appendDataURI(b, source), `"}}`...), ""
	case kind == "document" && from == "text":
		return hub.AppendText(b, source.Get("data")), ""
	case kind == "document" && from == "content":
		next, err := q.parts(b, source.Get("content"))
		if err != nil {
			return b, "is a document whose content chat does not have"
		}
		return next, ""
	case from == "file":
		return b, "names a file that is stored with Anthropic; send its content"
	case kind == "document" && from == "url":
		return b, "chat takes no address of a document; send its content"
	default:
		return b, "is content of a kind that chat does not have"
	}
}

// appendDataURI appends the content of a source in base64, inside a JSON string.
func appendDataURI(b []byte, source gjson.Result) []byte {
	b = append(b, "data:"...)
	b = append(b, hub.Inside(source.Get("media_type"))...)
	b = append(b, ";base64,"...)
	return append(b, hub.Inside(source.Get("data"))...)
}

// mark names what is marked on a block and is left out.
func (q *question) mark(block gjson.Result) {
	if hub.Present(block.Get("cache_control")) {
		q.dropped.Add("cache_control")
	}
	if block.Get("citations.enabled").Type == gjson.True {
		q.dropped.Add("citations")
	}
}
