package messages

import (
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
)

// open begins one of the hub's messages.
func (q *question) open(who string) {
	q.messages = append(comma(q.messages), `{"role":"`...)
	q.messages = append(append(q.messages, who...), `","content":`...)
}

// system writes a system prompt, or a system message inside the conversation.
func (q *question) system(v gjson.Result, field string) error {
	if !present(v) {
		return nil
	}
	parts, err := q.parts(nil, v, field)
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
func (q *question) message(m gjson.Result, field string) error {
	content := m.Get("content")
	switch m.Get("role").Str {
	case "system":
		return q.system(content, field+".content")
	case "user":
		return q.user(content, field+".content")
	case "assistant":
		return q.assistant(content, field+".content")
	default:
		return unsupported(field+".role", "is no role that is known")
	}
}

// user writes a user's message: the results of tools come first, as they have to.
func (q *question) user(content gjson.Result, field string) error {
	var parts []byte
	if err := elements(content, func(i int, block gjson.Result) error {
		if block.Get("type").Str != "tool_result" {
			return nil
		}
		var err error
		parts, err = q.toolResult(parts, block, indexed(field, i))
		return err
	}); err != nil && content.IsArray() {
		return err
	}
	parts, err := q.parts(parts, content, field)
	if err != nil || len(parts) == 0 {
		return err
	}
	q.open("user")
	q.messages = append(closeParts(q.messages, parts), '}')
	return nil
}

// toolResult writes a tool's result as a message. It appends to images what is no text.
func (q *question) toolResult(images []byte, block gjson.Result, field string) ([]byte, error) {
	id := block.Get("tool_use_id")
	if inside(id) == "" {
		return images, unsupported(field+".tool_use_id", "is missing")
	}
	q.mark(block)
	said := []byte(`"`)
	if block.Get("is_error").Type == gjson.True {
		said = append(said, "Error: "...)
	}
	content := block.Get("content")
	said = append(said, inside(content)...)
	first := true
	err := elements(content, func(i int, part gjson.Result) error {
		switch {
		case !part.IsObject():
		case part.Get("type").Str == "text":
			if !first {
				said = append(said, `\n`...)
			}
			first = false
			said = append(said, inside(part.Get("text"))...)
			q.mark(part)
		default:
			images = append(comma(images), `{"type":"text","text":"From the result of the tool call `...)
			images = append(append(images, inside(id)...), `:"}`...)
			var why string
			if images, why = q.part(images, part); why != "" {
				return unsupported(indexed(field+".content", i), why)
			}
		}
		return nil
	})
	q.messages = append(comma(q.messages), `{"role":"tool","tool_call_id":`...)
	q.messages = append(append(q.messages, id.Raw...), `,"content":`...)
	q.messages = append(append(q.messages, said...), `"}`...)
	return images, err
}

// assistant writes what the model said before: text, reasoning_details and calls of tools.
func (q *question) assistant(content gjson.Result, field string) error {
	said := []byte(inside(content))
	var details, calls []byte
	var err error
	if content.IsArray() {
		thoughts := answer{}
		err = elements(content, func(i int, block gjson.Result) error {
			switch kind := block.Get("type").Str; kind {
			case "text":
				said = append(said, inside(block.Get("text"))...)
			case "thinking", "redacted_thinking":
				thoughts.block(block)
			case "tool_use":
				calls = appendCall(calls, block)
			default:
				return unsupported(indexed(field, i), "is content of a kind that chat does not have")
			}
			q.mark(block)
			return nil
		})
		details = thoughts.details
	}
	if err != nil || len(said)+len(details)+len(calls) == 0 {
		return err
	}
	q.open("assistant")
	if len(said) > 0 || len(calls) == 0 {
		q.messages = append(append(append(q.messages, '"'), said...), '"')
	} else {
		q.messages = append(q.messages, "null"...)
	}
	q.messages = list(q.messages, "reasoning_details", details)
	q.messages = list(q.messages, "tool_calls", calls)
	q.messages = append(q.messages, '}')
	return nil
}

// appendCall appends a tool_use as the hub's call.
func appendCall(b []byte, block gjson.Result) []byte {
	b = append(comma(b), `{"id":`...)
	b = append(b, stringOr(block.Get("id"), `""`)...)
	b = append(b, `,"type":"function","function":{"name":`...)
	b = append(b, stringOr(block.Get("name"), `""`)...)
	b = append(b, `,"arguments":`...)
	input := "{}"
	if v := block.Get("input"); v.IsObject() {
		input = v.Raw
	}
	return append(llm.AppendString(b, input), "}}"...)
}

// parts appends the hub's parts for content: a text or a list of blocks.
func (q *question) parts(b []byte, content gjson.Result, field string) ([]byte, error) {
	if content.Type == gjson.String {
		b = append(comma(b), `{"type":"text","text":`...)
		return append(append(b, content.Raw...), '}'), nil
	}
	if !content.IsArray() {
		return b, unsupported(field, "is neither a text nor a list")
	}
	err := elements(content, func(i int, block gjson.Result) error {
		if block.Get("type").Str == "tool_result" {
			return nil
		}
		next, why := q.part(b, block)
		if why != "" {
			return unsupported(indexed(field, i), why)
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
		b = append(comma(b), `{"type":"text","text":`...)
		return append(append(b, stringOr(block.Get("text"), `""`)...), '}'), ""
	case kind == "image" && from == "base64":
		b = append(comma(b), `{"type":"image_url","image_url":{"url":"`...)
		return append(appendDataURI(b, source), `"}}`...), ""
	case kind == "image" && from == "url":
		b = append(comma(b), `{"type":"image_url","image_url":{"url":`...)
		return append(append(b, stringOr(source.Get("url"), `""`)...), "}}"...), ""
	case kind == "document" && from == "base64":
		b = append(comma(b), `{"type":"file","file":{"filename":`...)
		b = append(b, stringOr(block.Get("title"), `"document.pdf"`)...)
		b = append(b, `,"file_data":"`...)
		return append(appendDataURI(b, source), `"}}`...), ""
	case kind == "document" && from == "text":
		b = append(comma(b), `{"type":"text","text":`...)
		return append(append(b, stringOr(source.Get("data"), `""`)...), '}'), ""
	case kind == "document" && from == "content":
		next, err := q.parts(b, source.Get("content"), "")
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
	b = append(b, inside(source.Get("media_type"))...)
	b = append(b, ";base64,"...)
	return append(b, inside(source.Get("data"))...)
}

// mark names what is marked on a block and is left out.
func (q *question) mark(block gjson.Result) {
	if present(block.Get("cache_control")) {
		q.dropped.add("cache_control")
	}
	if block.Get("citations.enabled").Type == gjson.True {
		q.dropped.add("citations")
	}
}
