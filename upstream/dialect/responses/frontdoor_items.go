package responses

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// input writes the instructions and the input as messages.
func (q *question) input() error {
	if instructions := q.root.Get("instructions"); hub.Present(instructions) {
		if instructions.Type != gjson.String {
			return hub.Unsupported("instructions", "is no text")
		}
		if hub.Inside(instructions) != "" {
			q.message("system", instructions.Raw)
		}
	}
	input := q.root.Get("input")
	if input.Type == gjson.String {
		q.message("user", input.Raw)
		return nil
	}
	if !input.IsArray() {
		return llm.NewError(llm.CodeInvalidJSON, "The body lacks input, a text or a list.").WithParam("input")
	}
	q.items = input.Array()
	q.written = make([]bool, len(q.items))
	err := hub.Elements(input, q.item)
	if err == nil {
		err = q.endTurn()
	}
	if q.broken != nil {
		return q.broken
	}
	return hub.In("input", err)
}

// message writes one of the hub's messages, whose content is JSON.
func (q *question) message(who, content string) {
	q.messages = append(hub.Comma(q.messages), `{"role":"`...)
	q.messages = append(append(q.messages, who...), `","content":`...)
	q.messages = append(append(q.messages, content...), '}')
}

// item writes one item of the input. A message may come without its type.
func (q *question) item(i int, item gjson.Result) error {
	switch kind := item.Get("type").Str; {
	case kind == "message", kind == "" && item.Get("role").Exists():
		return q.said(item)
	case kind == "reasoning":
		return q.thought(item)
	case kind == "function_call", kind == "custom_tool_call":
		return q.called(item)
	case isOutput(kind):
		if err := q.endTurn(); err != nil || q.written[i] {
			return err
		}
		images, err := q.output(nil, i)
		q.pictures(images)
		return err
	case kind == "additional_tools":
		return q.toolsIn(item, gjson.Result{})
	case kind == "item_reference" && strings.HasPrefix(item.Get("id").Str, idStart[reasoningItem]):
		q.dropped.Add("item_reference") // what was thought is no part of what is asked
		return nil
	case kind == "item_reference", kind == "" && item.Get("id").Exists():
		return hub.Unsupported("", "names an item that is stored with OpenAI; send the item itself")
	default:
		return hub.Unsupported("type", "is an item of a kind that chat does not have")
	}
}

func isOutput(kind string) bool {
	return kind == "function_call_output" || kind == "custom_tool_call_output"
}

// said writes a message.
func (q *question) said(item gjson.Result) error {
	who := item.Get("role").Str
	switch who {
	case "assistant":
		return hub.In("content", q.assistant(item.Get("content")))
	case "developer":
		who = "system"
	case "system", "user":
	default:
		return hub.Unsupported("role", "is no role that is known")
	}
	if err := q.endTurn(); err != nil {
		return err
	}
	parts, err := q.parts(nil, item.Get("content"))
	if err != nil || len(parts) == 0 {
		return hub.In("content", err)
	}
	q.message(who, closeParts(parts))
	return nil
}

// closeParts returns parts as the value of content: one text alone as a string, which every
// vendor takes.
func closeParts(parts []byte) string {
	all := "[" + string(parts) + "]"
	if first := gjson.Get(all, "0"); len(first.Raw)+2 == len(all) && first.Get("type").Str == "text" {
		return first.Get("text").Raw
	}
	return all
}

// output writes the output of the tool call at i as a message of the role tool. A tool of chat
// answers in text, so what is none is appended to images, for a user's message behind it.
func (q *question) output(images []byte, i int) ([]byte, error) {
	q.written[i] = true
	item := q.items[i]
	id := item.Get("call_id")
	if hub.Inside(id) == "" {
		return images, hub.Unsupported("call_id", "is missing")
	}
	output := item.Get("output")
	var text []byte
	switch {
	case output.Type == gjson.String:
		text = append(text, hub.Inside(output)...)
	case output.IsArray():
		texts := 0
		if err := hub.Elements(output, func(_ int, part gjson.Result) error {
			if kind := part.Get("type").Str; kind == "input_text" || kind == "output_text" || kind == "text" {
				if texts > 0 {
					text = append(text, `\n`...)
				}
				texts++
				text = append(text, hub.Inside(part.Get("text"))...)
				return nil
			}
			images = append(hub.Comma(images), `{"type":"text","text":"From the output of the tool call `...)
			images = append(append(images, hub.Inside(id)...), `:"}`...)
			var why string
			if images, why = q.part(images, part); why != "" {
				return hub.Unsupported("", why)
			}
			return nil
		}); err != nil {
			return images, hub.In("output", err)
		}
	case hub.Present(output):
		text = llm.AppendString(nil, output.Raw) // some clients send what a tool returns as it is
		text = text[1 : len(text)-1]
	}
	q.messages = append(hub.Comma(q.messages), `{"role":"tool","tool_call_id":`...)
	q.messages = append(append(q.messages, id.Raw...), `,"content":"`...)
	q.messages = append(append(q.messages, text...), `"}`...)
	return images, nil
}

// pictures writes what tools gave beside text, as a user's message.
func (q *question) pictures(parts []byte) {
	if len(parts) > 0 {
		q.message("user", "["+string(parts)+"]")
	}
}

// parts appends the hub's parts for content: a text or a list.
func (q *question) parts(b []byte, content gjson.Result) ([]byte, error) {
	switch {
	case content.Type == gjson.String:
		return hub.AppendText(b, content), nil
	case !hub.Present(content):
		return b, nil
	case !content.IsArray():
		return b, hub.Unsupported("", "is neither a text nor a list")
	}
	err := hub.Elements(content, func(_ int, part gjson.Result) error {
		next, why := q.part(b, part)
		if why != "" {
			return hub.Unsupported("", why)
		}
		b = next
		return nil
	})
	return b, err
}

// part appends the hub's part for a part of the content; why says why there is none.
func (q *question) part(b []byte, part gjson.Result) (_ []byte, why string) {
	if hub.Present(part.Get("prompt_cache_breakpoint")) {
		q.dropped.Add("prompt_cache_breakpoint")
	}
	switch kind := part.Get("type").Str; kind {
	case "input_text", "output_text", "text":
		return hub.AppendText(b, part.Get("text")), ""
	case "refusal":
		return hub.AppendText(b, part.Get("refusal")), ""
	case "input_image":
		url := part.Get("image_url")
		if hub.Inside(url) == "" {
			return b, "is no image with an address or data; files stored with OpenAI cannot be sent"
		}
		b = append(hub.Comma(b), `{"type":"image_url","image_url":{"url":`...)
		b = append(b, url.Raw...)
		if detail := part.Get("detail"); hub.Inside(detail) != "" {
			b = hub.Member(b, "detail", detail.Raw)
		}
		return append(b, "}}"...), ""
	case "input_file":
		return file(b, part)
	case "input_audio":
		b = append(hub.Comma(b), `{"type":"input_audio","input_audio":`...)
		if audio := part.Get("input_audio"); audio.IsObject() {
			return append(append(b, audio.Raw...), '}'), ""
		}
		return b, "is audio without data"
	default:
		return b, "is content of a kind that chat does not have"
	}
}

// file appends the hub's part for a file. One that is stored has an id in chat as well.
func file(b []byte, part gjson.Result) (_ []byte, why string) {
	data, id := part.Get("file_data"), part.Get("file_id")
	if hub.Inside(data) == "" && hub.Inside(id) == "" {
		return b, "chat takes no address of a file; send its content"
	}
	b = append(hub.Comma(b), `{"type":"file","file":{`...)
	if hub.Inside(id) != "" {
		return append(hub.Member(b, "file_id", id.Raw), "}}"...), ""
	}
	b = hub.Member(b, "filename", hub.StringOr(part.Get("filename"), `"document.pdf"`))
	return append(hub.Member(b, "file_data", data.Raw), "}}"...), ""
}
