package messages

import (
	"encoding/base64"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// content appends the blocks of a message's content. Empty texts are left out, since the API
// refuses them.
func (r *request) content(b []byte, m *hub.Message) ([]byte, error) {
	err := m.EachPart(func(p hub.Part) error {
		next, why := r.part(b, &p)
		if why != "" {
			return hub.Unsupported("", why)
		}
		b = next
		return nil
	})
	return b, err
}

// part appends the block for a part of content; why says why there is none.
func (r *request) part(b []byte, p *hub.Part) (_ []byte, why string) {
	switch p.Type {
	case "text", "refusal":
		return textBlock(b, p.Text, p.Cache), ""
	case "image_url":
		return r.image(b, p)
	case "file":
		return file(b, p)
	case "input_audio":
		return b, "Anthropic's models hear no audio"
	case "image", "document", "search_result", "thinking", "redacted_thinking":
		// The client speaks Anthropic's own words.
		r.turns.Thought = r.turns.Thought || p.Type == "thinking" || p.Type == "redacted_thinking"
		return append(hub.Comma(b), p.All.Raw...), ""
	default:
		return b, "is content of a kind that Anthropic's API does not have"
	}
}

// textBlock appends a text with what may be marked on it. Other members of a part are not
// passed on, since they are of other vendors.
func textBlock(b []byte, text, cache gjson.Result) []byte {
	if hub.Inside(text) == "" {
		return b
	}
	b = append(hub.Comma(b), `{"type":"text","text":`...)
	b = append(b, text.Raw...)
	return append(marks(b, cache), '}')
}

// marks appends what Anthropic's clients mark on content, its cache_control.
// Source: https://platform.claude.com/docs/en/build-with-claude/prompt-caching.
func marks(b []byte, cache gjson.Result) []byte {
	if hub.Present(cache) {
		b = hub.Member(b, "cache_control", cache.Raw)
	}
	return b
}

// image appends an image by its data or its address
// (source: https://platform.claude.com/docs/en/build-with-claude/vision).
func (r *request) image(b []byte, p *hub.Part) (_ []byte, why string) {
	if p.Detail != "" {
		r.dropped.Add("image_url.detail")
	}
	if media, data, ok := hub.DataURI(p.URL.Str); ok {
		if !strings.HasPrefix(media, "image/") {
			return b, "is no image"
		}
		b = base64Source(append(hub.Comma(b), `{"type":"image","source":`...), media, data)
		return append(marks(b, p.Cache), '}'), ""
	}
	if !strings.HasPrefix(p.URL.Str, "https://") && !strings.HasPrefix(p.URL.Str, "http://") {
		return b, "is neither a data URI in base64 nor an address of the web"
	}
	b = append(hub.Comma(b), `{"type":"image","source":{"type":"url","url":`...)
	b = append(append(b, p.URL.Raw...), '}')
	return append(marks(b, p.Cache), '}'), ""
}

// file appends a document: a PDF as it is, plain text as text
// (source: https://platform.claude.com/docs/en/build-with-claude/pdf-support).
func file(b []byte, p *hub.Part) (_ []byte, why string) {
	data := p.Media.Get("file_data")
	if !hub.Present(data) {
		return b, "names a file that is stored with another vendor; send file_data"
	}
	media, encoded, ok := hub.DataURI(data.Str)
	switch {
	case !ok:
		return b, "is no data URI in base64"
	case strings.HasPrefix(media, "image/"):
		b = base64Source(append(hub.Comma(b), `{"type":"image","source":`...), media, encoded)
		return append(marks(b, p.Cache), '}'), ""
	case media == "application/pdf":
		b = base64Source(append(hub.Comma(b), `{"type":"document","source":`...), media, encoded)
	case strings.HasPrefix(media, "text/"):
		text, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return b, "is no base64"
		}
		b = append(hub.Comma(b), `{"type":"document","source":{"type":"text","media_type":"text/plain","data":`...)
		b = append(llm.AppendString(b, string(text)), '}')
	default:
		return b, "is a file of a kind that Anthropic's API does not have"
	}
	if name := p.Media.Get("filename"); hub.Inside(name) != "" {
		b = hub.Member(b, "title", name.Raw)
	}
	return append(marks(b, p.Cache), '}'), ""
}

func base64Source(b []byte, media, data string) []byte {
	b = append(b, `{"type":"base64","media_type":`...)
	b = llm.AppendString(b, media)
	b = append(b, `,"data":`...)
	return append(llm.AppendString(b, data), '}')
}
