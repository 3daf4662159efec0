package invoke

import (
	"fmt"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// appendMessages appends a list of messages as the hub's, parted by commas. They are the hub's
// own but for some content: files, and what a model thought before.
func appendMessages(b, raw []byte, field string) ([]byte, error) {
	list := gjson.ParseBytes(raw)
	if !list.IsArray() {
		return nil, wrong(field, "is not a list")
	}
	for i, m := range list.Array() {
		at := fmt.Sprintf("%s[%d]", field, i)
		if !m.IsObject() {
			return nil, wrong(at, "is not a message")
		}
		if m.Get("role").Type != gjson.String {
			return nil, wrong(at+".role", "is missing")
		}
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = appendMessage(b, m, at); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// appendMessage appends one message. One whose content chat knows is not touched.
func appendMessage(b []byte, m gjson.Result, at string) ([]byte, error) {
	content := m.Get("content")
	foreign := false
	content.ForEach(func(_, part gjson.Result) bool {
		switch part.Get("type").Str {
		case "file", "reasoning", "redacted_reasoning":
			foreign = true
		}
		return !foreign
	})
	if !content.IsArray() || !foreign {
		return append(b, m.Raw...), nil
	}
	var parts, details []byte
	for i, part := range content.Array() {
		var err error
		switch part.Get("type").Str {
		case "file":
			parts, err = appendFile(hub.Comma(parts), part, fmt.Sprintf("%s.content[%d].file", at, i))
		case "reasoning":
			details = append(hub.Comma(details), `{"type":"reasoning.text","text":`...)
			details = append(details, hub.StringOr(part.Get("reasoning"), `""`)...)
			details = append(details, `,"signature":`...)
			details = append(append(details, hub.StringOr(part.Get("signature"), `""`)...), '}')
		case "redacted_reasoning":
			details = append(hub.Comma(details), `{"type":"reasoning.encrypted","data":`...)
			details = append(append(details, hub.StringOr(part.Get("data"), `""`)...), '}')
		default:
			parts = append(hub.Comma(parts), part.Raw...)
		}
		if err != nil {
			return nil, err
		}
	}
	b = append(b, '{')
	m.ForEach(func(name, value gjson.Result) bool {
		b = append(append(hub.Comma(b), name.Raw...), ':')
		switch {
		case name.Str != "content":
			b = append(b, value.Raw...)
		case len(parts) == 0:
			b = append(b, "null"...)
		default:
			b = append(append(append(b, '['), parts...), ']')
		}
		return true
	})
	return append(hub.List(b, "reasoning_details", details), '}'), nil
}

// appendFile appends a file as chat has it, its content as a data URI. A file that is somewhere
// else cannot be fetched for the model.
// Source: https://platform.openai.com/docs/guides/pdf-files (file_data).
func appendFile(b []byte, part gjson.Result, at string) ([]byte, error) {
	file := part.Get("file")
	data := file.Get("file_data").Str
	if uri := file.Get("uri").Str; data == "" && strings.HasPrefix(uri, "data:") {
		data = uri
	} else if data == "" && uri != "" {
		return nil, llm.NewError(llm.CodeUnsupportedByProvider, fmt.Sprintf(
			"%s.uri names a file that Mulligan does not fetch: send its content as file_data.", at)).WithParam(at + ".uri")
	}
	if file.Get("file_id").Exists() && data == "" {
		return append(b, part.Raw...), nil
	}
	if data == "" {
		return nil, wrong(at+".file_data", "is missing")
	}
	media := file.Get("mimeType").Str
	if media == "" {
		media = file.Get("mime_type").Str
	}
	if !strings.HasPrefix(data, "data:") && media != "" {
		data = "data:" + media + ";base64," + data
	}
	b = append(b, `{"type":"file","file":{"filename":`...)
	b = append(b, hub.StringOr(file.Get("filename"), `"file"`)...)
	b = append(b, `,"file_data":`...)
	return append(llm.AppendString(b, data), "}}"...), nil
}
