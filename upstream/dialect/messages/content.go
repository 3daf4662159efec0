package messages

import (
	"encoding/base64"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
)

// content appends the blocks of a message's content: a text, or a list of parts. field is
// the content's name in the request. Empty texts are left out, since the API refuses them.
func (r *request) content(b []byte, content gjson.Result, field string) ([]byte, error) {
	switch {
	case !present(content):
		return b, nil
	case content.Type == gjson.String:
		return textBlock(b, content, gjson.Result{}), nil
	case !content.IsArray():
		return b, unsupported(field, "is neither a text nor a list")
	}
	err := elements(content, func(i int, part gjson.Result) error {
		next, why := r.part(b, part)
		if why != "" {
			return unsupported(indexed(field, i), why)
		}
		b = next
		return nil
	})
	return b, err
}

// part appends the block for a part of content; why says why there is none.
func (r *request) part(b []byte, part gjson.Result) (_ []byte, why string) {
	switch kind := part.Get("type").Str; kind {
	case "text", "input_text", "output_text":
		return textBlock(b, part.Get("text"), part), ""
	case "refusal":
		return textBlock(b, part.Get("refusal"), part), ""
	case "image_url":
		return r.image(b, part)
	case "file":
		return file(b, part)
	case "input_audio":
		return b, "Anthropic's models hear no audio"
	case "image", "document", "search_result", "thinking", "redacted_thinking":
		// The client speaks Anthropic's own words.
		r.turns.thought = r.turns.thought || kind == "thinking" || kind == "redacted_thinking"
		return append(comma(b), part.Raw...), ""
	default:
		return b, "is content of a kind that Anthropic's API does not have"
	}
}

// textBlock appends a text with what may be marked on it. Other members of a part are not
// passed on, since they are of other vendors.
func textBlock(b []byte, text, part gjson.Result) []byte {
	if inside(text) == "" {
		return b
	}
	b = append(comma(b), `{"type":"text","text":`...)
	b = append(b, text.Raw...)
	return append(marks(b, part), '}')
}

// marks appends what Anthropic's clients mark on content.
// Source: https://platform.claude.com/docs/en/build-with-claude/prompt-caching.
func marks(b []byte, part gjson.Result) []byte {
	if cache := part.Get("cache_control"); present(cache) {
		b = member(b, "cache_control", cache.Raw)
	}
	return b
}

// image appends an image by its data or its address
// (source: https://platform.claude.com/docs/en/build-with-claude/vision).
func (r *request) image(b []byte, part gjson.Result) (_ []byte, why string) {
	address := part.Get("image_url.url")
	if !address.Exists() {
		address = part.Get("image_url")
	}
	if detail := part.Get("image_url.detail"); present(detail) && detail.Str != "auto" {
		r.dropped.add("image_url.detail")
	}
	if media, data, ok := dataURI(address.Str); ok {
		if !strings.HasPrefix(media, "image/") {
			return b, "is no image"
		}
		b = base64Source(append(comma(b), `{"type":"image","source":`...), media, data)
		return append(marks(b, part), '}'), ""
	}
	if !strings.HasPrefix(address.Str, "https://") && !strings.HasPrefix(address.Str, "http://") {
		return b, "is neither a data URI in base64 nor an address of the web"
	}
	b = append(comma(b), `{"type":"image","source":{"type":"url","url":`...)
	b = append(append(b, address.Raw...), '}')
	return append(marks(b, part), '}'), ""
}

// file appends a document: a PDF as it is, plain text as text
// (source: https://platform.claude.com/docs/en/build-with-claude/pdf-support).
func file(b []byte, part gjson.Result) (_ []byte, why string) {
	data := part.Get("file.file_data")
	if !present(data) {
		return b, "names a file that is stored with another vendor; send file_data"
	}
	media, encoded, ok := dataURI(data.Str)
	switch {
	case !ok:
		return b, "is no data URI in base64"
	case strings.HasPrefix(media, "image/"):
		b = base64Source(append(comma(b), `{"type":"image","source":`...), media, encoded)
		return append(marks(b, part), '}'), ""
	case media == "application/pdf":
		b = base64Source(append(comma(b), `{"type":"document","source":`...), media, encoded)
	case strings.HasPrefix(media, "text/"):
		text, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return b, "is no base64"
		}
		b = append(comma(b), `{"type":"document","source":{"type":"text","media_type":"text/plain","data":`...)
		b = append(llm.AppendString(b, string(text)), '}')
	default:
		return b, "is a file of a kind that Anthropic's API does not have"
	}
	if name := part.Get("file.filename"); inside(name) != "" {
		b = member(b, "title", name.Raw)
	}
	return append(marks(b, part), '}'), ""
}

// dataURI takes a data URI in base64 apart, data:image/png;base64,….
func dataURI(uri string) (media, data string, ok bool) {
	rest, ok := strings.CutPrefix(uri, "data:")
	if !ok {
		return "", "", false
	}
	head, data, ok := strings.Cut(rest, ",")
	if !ok || !strings.HasSuffix(head, ";base64") {
		return "", "", false
	}
	media, _, _ = strings.Cut(head, ";")
	return strings.ToLower(media), data, media != ""
}

func base64Source(b []byte, media, data string) []byte {
	b = append(b, `{"type":"base64","media_type":`...)
	b = llm.AppendString(b, media)
	b = append(b, `,"data":`...)
	return append(llm.AppendString(b, data), '}')
}
